"""What anybody reads: one product, lists of products. Rows become answers here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from estore.contracts.reviews import mean_of
from estore.kit.context import Context, Principal
from estore.kit.db import Record, Tx
from estore.kit.endpoint import VENDOR
from estore.kit.errors import Fault, Malformed
from estore.kit.http.pages import CursorInvalid, Page, cursor_of, decode_cursor
from estore.kit.money import MAX_AMOUNT, Money
from estore.services.catalog import store
from estore.services.catalog.domain import SLUG, Picture, ProductNotFound
from estore.services.catalog.service.shapes import (
    CategoryRef,
    ListProducts,
    OptionOut,
    PriceRange,
    ProductCard,
    ProductOut,
    RatingOut,
    VariantOut,
    VendorRef,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SortUnknown(Malformed):
    code, title = "catalog.sort_unknown", "The list cannot be sorted like this"


def everything(principal: Principal) -> bool:
    return principal.is_operator or principal.is_system


def readable(principal: Principal) -> list[str]:
    """Return the vendors whose drafts the caller may see: any role will do."""
    return sorted(principal.vendors)


def writable(principal: Principal) -> list[str] | None:
    """Return the vendors whose products the caller may change; None for all of them."""
    if everything(principal):
        return None
    return principal.vendors_as("owner", "catalog")


async def get_product(tx: Tx, ctx: Context, id_or_slug: str) -> ProductOut:
    """Return a product that is for sale, or one of the caller's own. Raises ProductNotFound."""
    if not (SLUG.fullmatch(id_or_slug) or is_id(id_or_slug, "prd_")):
        raise ProductNotFound()
    everywhere = everything(ctx.principal)
    row = await store.read_product(tx, id_or_slug, readable(ctx.principal), everything=everywhere)
    if row is None:
        raise ProductNotFound()
    return product_out(row)


def is_id(text: str, prefix: str) -> bool:
    return text.startswith(prefix) and len(text) <= 64 and text.isascii() and text[len(prefix) :].isalnum()


async def list_products(tx: Tx, ctx: Context, request: ListProducts) -> Page[ProductCard]:
    """Return a page of what is for sale; with a status, of the caller's own products, newest first."""
    for name in (request.category, request.vendor):
        if name is not None and not (SLUG.fullmatch(name) or is_id(name, "cat_") or is_id(name, "vnd_")):
            return Page([])
    wanted = store.Listing(
        sort=request.sort,
        limit=request.limit + 1,
        category=request.category,
        vendor=request.vendor,
        after=_after(request),
    )
    if request.status is None:
        rows = await store.list_products(tx, wanted)
    else:
        if request.sort != "newest":
            fault = Fault("with a status, products are listed newest first", parameter="sort")
            raise SortUnknown(fault.detail, errors=[fault])
        VENDOR(ctx.principal)
        whose = None if everything(ctx.principal) else readable(ctx.principal)
        rows = await store.list_own(tx, request.status, whose, wanted)
    cards = [card_out(row) for row in rows[: request.limit]]
    if len(rows) <= request.limit:
        return Page(cards)
    last = rows[request.limit - 1]
    keys = store.sort_key(last, request.sort) if request.status is None else (0, last["id"])
    return Page(cards, cursor_of(_scope(request), *keys))


def _scope(request: ListProducts) -> str:
    return request.sort if request.status is None else "own"


def _after(request: ListProducts) -> tuple[Any, str] | None:
    """Return where the page before ended. Raises CursorInvalid, also for a cursor of another sort."""
    kind = str if request.sort == "title" and request.status is None else int
    keys = decode_cursor(request.cursor, str, kind, str)
    if keys is None:
        return None
    scope, key, last = keys
    wrong = scope != _scope(request) or not is_id(last, "prd_")
    if wrong or (isinstance(key, str) and len(key) > 100):
        raise CursorInvalid("start again without a cursor", errors=[Fault("not a cursor", parameter="cursor")])
    if isinstance(key, int):
        key = max(0, min(key, MAX_AMOUNT))
        if _scope(request) == "newest":
            return (_EPOCH + timedelta(microseconds=key), last)
    return (key, last)


# --- rows become answers ------------------------------------------------------------------------------------


def _vendor(row: Record) -> VendorRef:
    return VendorRef(row["vendor_id"], row["vendor_slug"], row["vendor_name"])


def _category(row: Record) -> CategoryRef:
    return CategoryRef(row["category_id"], row["category_slug"], row["category_name"])


def _rating(row: Record) -> RatingOut:
    return RatingOut(row["votes"], mean_of(row["stars"], row["votes"]))


def _variants(row: Record) -> list[VariantOut]:
    currency = row["currency"]
    return [
        VariantOut(
            sku=v["sku"],
            title=v["title"],
            options=dict(v["options"]),
            price=None if v["price"] is None else Money(v["price"], currency),
            available=v["available"],
            in_stock=v["available"] > 0,
            weight_grams=v["weight_grams"],
            barcode=v["barcode"],
        )
        for v in row["variants"]
    ]


def _options(variants: Sequence[VariantOut]) -> list[OptionOut]:
    values: dict[str, dict[str, None]] = {}
    for variant in variants:
        for name, value in variant.options.items():
            values.setdefault(name, {})[value] = None
    return [OptionOut(name, list(found)) for name, found in values.items()]


def product_out(row: Record) -> ProductOut:
    """Return the answer that a row of `read_product` holds."""
    variants = _variants(row)
    return ProductOut(
        id=row["id"],
        slug=row["slug"],
        title=row["title"],
        description=row["description"],
        vendor=_vendor(row),
        category=_category(row),
        brand=row["brand"],
        attributes=dict(row["attributes"]),
        pictures=[Picture(**picture) for picture in row["pictures"]],
        options=_options(variants),
        tax_class=row["tax_class"],
        status=row["status"],
        version=row["version"],
        variants=variants,
        rating=_rating(row),
        published_at=row["published_at"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        revision=row["surroundings"] + sum(v["seen"] for v in row["variants"]),
    )


def card_out(row: Record) -> ProductCard:
    """Return the answer that a row of a list holds."""
    variants = _variants(row)
    low, high = row["min_price"], row["max_price"]
    available = sum(v.available for v in variants)
    return ProductCard(
        id=row["id"],
        slug=row["slug"],
        title=row["title"],
        vendor=_vendor(row),
        category=_category(row),
        brand=row["brand"],
        picture=Picture(**row["pictures"][0]) if row["pictures"] else None,
        price=None if low is None else PriceRange(Money(low, row["currency"]), Money(high, row["currency"])),
        available=available,
        in_stock=available > 0,
        status=row["status"],
        version=row["version"],
        variants=variants,
        rating=_rating(row),
    )
