"""Other people's products in our own shape: the dict that a line of our JSON Lines would hold.

docs/guide/import.md documents each mapping; change both together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from estore.kit.money import from_major
from estore.services.catalog.domain.formats import Problem
from estore.services.catalog.domain.text import SKU, clean, sku_of, slugify, text_of_html

MAX_MAPPED_ATTRIBUTE = 500
_NO_CHOICE = {"default title", "default"}
_METAFIELD = re.compile(r".*\(product\.metafields\.[^.()]+\.([^.()]{1,60})\)")


class RecordProblems(ValueError):
    """A record cannot be mapped, for these reasons."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__(self.problems[0].detail)


def price_of(value: object, currency: str, field: str) -> dict[str, object]:
    """Return a price in major units, `19.99`, as Money, exactly. Raises RecordProblems, never rounds."""
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise RecordProblems([Problem("catalog.import_price", "a price in major units, such as 19.99", field)])
    try:
        major = Decimal(value.strip() if isinstance(value, str) else value)
        if not major.is_finite() or abs(major) > 10**12:
            raise InvalidOperation
        return {"amount": from_major(major, currency).amount, "currency": currency}
    except InvalidOperation:
        raise RecordProblems([Problem("catalog.import_price", f"{value!r:.40} is no price", field)]) from None
    except ValueError:
        detail = f"{value!s:.40} has more decimals than {currency}"
        raise RecordProblems([Problem("catalog.import_price", detail, field)]) from None


def _line(text: str) -> str:
    return " ".join(clean(text).split())


# --- Shopify ------------------------------------------------------------------------------------------------

FIELDS = {
    "/title": "Title",
    "/description": "Body (HTML)",
    "/brand": "Vendor",
    "/category": "Type",
    "/category_name": "Type",
    "/slug": "Handle",
    "/key": "Handle",
    "/tax_class": "Variant Taxable",
    "/status": "Status",
    "/attributes": "Tags",
    "/pictures": "Image Src",
}
VARIANT_FIELDS = {
    "sku": "Variant SKU",
    "price": "Variant Price",
    "weight_grams": "Variant Grams",
    "barcode": "Variant Barcode",
    "stock": "Variant Inventory Qty",
    "options": "Option1 Value",
    "title": "Option1 Value",
}


def shopify_column(pointer: str) -> str:
    """Return the column that a fault at `pointer` of the mapped record comes from."""
    parts = pointer.split("/")
    if parts[1:2] == ["attributes"] and len(parts) == 3 and parts[2] not in ("tags", "product category"):
        return pointer
    if parts[1:2] == ["variants"] and len(parts) > 3:
        return VARIANT_FIELDS.get(parts[3], pointer)
    return FIELDS.get("/".join(parts[:2]), pointer)


def from_shopify(data: Mapping[str, Any], currency: str, prefix: str) -> dict[str, Any]:
    """Return the product that `data`, the rows of one handle, describes.

    prefix: the vendor's slug, with which variants without a SKU get one, the same each time. Raises RecordProblems.
    """
    rows: list[dict[str, str]] = data["rows"]
    first = rows[0]
    problems: list[Problem] = []
    names = [_line(first.get(f"option{n} name", "")) for n in (1, 2, 3)]
    variants: list[dict[str, Any]] = []
    for row in rows:
        if row.get("option1 value", "").strip() or row.get("variant price", "").strip() or row is first:
            try:
                variants.append(_shopify_variant(row, names, data["handle"], currency, prefix))
            except RecordProblems as error:
                problems += error.problems
    if not first.get("title", "").strip():
        problems.append(Problem("catalog.import_title_missing", "the first row of a handle has the title", "Title"))
    slug = slugify(data["handle"], at_most=100)
    if not slug:
        problems.append(Problem("catalog.import_handle", "the handle has no Latin letter and no digit", "Handle"))
    if problems:
        raise RecordProblems(problems)
    kind = _line(first.get("type", "") or first.get("product category", "").rpartition(">")[2])
    return {
        "key": data["handle"][:200],
        "slug": slug,
        "title": _line(first["title"]),
        "description": text_of_html(first.get("body (html)", "")),
        "brand": _line(first.get("vendor", "")) or None,
        "category": slugify(kind) or "other",
        "category_name": kind or "Other",
        "attributes": _shopify_attributes(first),
        "pictures": _shopify_pictures(rows),
        "status": _shopify_status(first),
        "variants": variants,
    }


def _shopify_variant(
    row: Mapping[str, str], names: Sequence[str], handle: str, currency: str, prefix: str
) -> dict[str, Any]:
    values = [_line(row.get(f"option{n} value", "")) for n in (1, 2, 3)]
    options = {
        name: value
        for name, value in zip(names, values, strict=True)
        if name and value and value.lower() not in _NO_CHOICE
    }
    # Spreadsheets are kept from eating leading zeros by an apostrophe
    sku = row.get("variant sku", "").strip().lstrip("'")
    if sku and not SKU.fullmatch(sku):
        raise RecordProblems(
            [Problem("catalog.import_sku", f"{sku!r:.80}: 1 to 64 of A-Z a-z 0-9 . _ -", "Variant SKU")]
        )
    variant: dict[str, Any] = {
        "sku": sku or sku_of(prefix, handle, *options.values()),
        "options": options,
        "weight_grams": _whole(row, "variant grams", "Variant Grams") or 0,
    }
    if price := row.get("variant price", "").strip():
        variant["price"] = price_of(price, currency, "Variant Price")
    if barcode := row.get("variant barcode", "").strip().lstrip("'"):
        variant["barcode"] = barcode
    if (stock := _whole(row, "variant inventory qty", "Variant Inventory Qty")) is not None:
        # Shopify counts below zero what it sold without having it
        variant["stock"] = max(0, stock)
    return variant


def _whole(row: Mapping[str, str], column: str, field: str) -> int | None:
    text = row.get(column, "").strip()
    if not text:
        return None
    try:
        number = Decimal(text)
        if not number.is_finite() or number != number.to_integral_value() or abs(number) > 10**9:
            raise InvalidOperation
        return int(number)
    except InvalidOperation:
        raise RecordProblems([Problem("catalog.import_number", f"{text!r:.40} is no whole number", field)]) from None


def _shopify_attributes(first: Mapping[str, str]) -> dict[str, str]:
    found = {"tags": _line(first.get("tags", "")), "product category": _line(first.get("product category", ""))}
    for column, text in first.items():
        if metafield := _METAFIELD.fullmatch(column):
            found[metafield[1]] = _line(text)
    return {name: text[:MAX_MAPPED_ATTRIBUTE] for name, text in found.items() if text}


def _shopify_pictures(rows: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    found: dict[str, str] = {}
    for row in rows:
        for column in ("image src", "variant image"):
            if (url := row.get(column, "").strip()) and url not in found:
                found[url] = _line(row.get("image alt text", "")) if column == "image src" else ""
    return [{"url": _https(url), "alt": alt[:500]} for url, alt in list(found.items())[:30]]


def _https(url: str) -> str:
    return f"https:{url}" if url.startswith("//") else url


def _shopify_status(first: Mapping[str, str]) -> str:
    status = first.get("status", "").strip().lower()
    if status in ("draft", "archived", "unlisted"):
        return "archived" if status == "archived" else "draft"
    return "draft" if first.get("published", "").strip().lower() in ("false", "no", "0") else "published"


# --- DummyJSON ----------------------------------------------------------------------------------------------

_DUMMY_TEXTS = {
    "warrantyInformation": "warranty",
    "shippingInformation": "shipping",
    "returnPolicy": "return policy",
    "minimumOrderQuantity": "minimum order",
}


def from_dummyjson(item: object, currency: str) -> dict[str, Any]:
    """Return the product that an item of DummyJSON's list describes. Raises RecordProblems."""
    if not isinstance(item, dict):
        raise RecordProblems([Problem("catalog.import_not_json", "an item is a JSON object")])
    sku = item.get("sku")
    if not isinstance(sku, str) or not SKU.fullmatch(sku):
        raise RecordProblems([Problem("catalog.import_sku", "1 to 64 of A-Z a-z 0-9 . _ -", "/sku")])
    title = _line(str(item.get("title", "")))
    category = _line(str(item.get("category", "")))
    meta = item.get("meta")
    variant: dict[str, Any] = {
        "sku": sku,
        "price": price_of(item.get("price"), currency, "/price"),
        "weight_grams": item.get("weight", 0),
    }
    if item.get("stock") is not None:
        variant["stock"] = item["stock"]
    if isinstance(meta, dict) and meta.get("barcode"):
        variant["barcode"] = meta["barcode"]
    return {
        "key": sku,
        "slug": slugify(title) or slugify(sku),
        "title": title,
        "description": text_of_html(str(item.get("description", ""))),
        "brand": _line(str(item.get("brand") or "")) or None,
        "category": slugify(category) or "other",
        "category_name": category.replace("-", " ").capitalize() or "Other",
        "attributes": _dummy_attributes(item),
        "pictures": [{"url": url, "alt": title} for url in _list(item.get("images"))][:30],
        "variants": [variant],
    }


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _dummy_attributes(item: Mapping[str, Any]) -> dict[str, str]:
    found = {ours: _line(str(item[theirs])) for theirs, ours in _DUMMY_TEXTS.items() if item.get(theirs)}
    if isinstance(size := item.get("dimensions"), dict):
        found["dimensions"] = " x ".join(str(size[name]) for name in ("width", "height", "depth") if name in size)
    if tags := [str(tag) for tag in _list(item.get("tags"))]:
        found["tags"] = _line(", ".join(tags))
    return {name: text[:MAX_MAPPED_ATTRIBUTE] for name, text in found.items() if text}
