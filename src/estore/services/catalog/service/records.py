"""From a record of a file to a valid product, or to the reasons why not."""

from __future__ import annotations

import re

import msgspec

from estore.kit.errors import Failure
from estore.kit.http.decoding import fault_of
from estore.services.catalog.domain import (
    Problem,
    Raw,
    RecordProblems,
    clean,
    from_dummyjson,
    from_shopify,
    shopify_column,
    slugify,
    text_of_html,
)
from estore.services.catalog.service.shapes import ImportRecord

MAX_PROBLEMS = 20


class Seen:
    """What the records before this one have claimed: the first that names a key or a SKU has it.

    Built from the file alone, so that an import that goes on in another process decides the same.
    """

    def __init__(self) -> None:
        self._keys: dict[str, int] = {}
        self._skus: dict[str, int] = {}

    def claim(self, line: int, record: ImportRecord) -> list[Problem]:
        """Return what the record at `line` shares with an earlier one."""
        found = []
        first = self._keys.setdefault(key_of(record), line)
        if first != line:
            found.append(Problem("catalog.import_twice", f"the same product is in line {first} already"))
        for index, variant in enumerate(record.variants):
            first = self._skus.setdefault(variant.sku, line)
            if first != line:
                detail = f"{variant.sku} is in line {first} already"
                found.append(Problem("catalog.sku_taken", detail, f"/variants/{index}/sku"))
        return found


def key_of(record: ImportRecord) -> str:
    """Return by what a vendor's product is found again."""
    return record.key or record.slug or slugify(record.title) or record.variants[0].sku


def read_record(form: str, raw: Raw, currency: str, prefix: str) -> ImportRecord | list[Problem]:
    """Return the record in `raw`, checked field by field, or what is wrong with it."""
    if raw.problem is not None:
        return [raw.problem]
    try:
        if form == "shopify_csv":
            data = from_shopify(raw.data, currency, prefix)
        elif form == "dummyjson":
            data = from_dummyjson(raw.data, currency)
        else:
            data = raw.data
            if isinstance(data, dict) and isinstance(data.get("description"), str):
                data = data | {"description": text_of_html(data["description"])}
        return msgspec.convert(data, ImportRecord)
    except RecordProblems as error:
        return error.problems[:MAX_PROBLEMS]
    except msgspec.ValidationError as error:
        fault = fault_of(error)
        return [Problem("catalog.import_field", _short(fault.detail), field_of(form, fault.pointer or ""))]
    except RecursionError:
        return [Problem("catalog.import_field", "nested too deep")]


def problems_of(form: str, failure: Failure) -> list[Problem]:
    """Return a refusal of the domain as problems of a record."""
    if not failure.errors:
        return [Problem(failure.code, _short(failure.detail))]
    return [
        Problem(failure.code, _short(fault.detail), field_of(form, fault.pointer or ""))
        for fault in failure.errors[:MAX_PROBLEMS]
    ]


def field_of(form: str, pointer: str) -> str:
    """Return what whoever made the file calls the field at `pointer`."""
    if form == "shopify_csv":
        return shopify_column(pointer)
    if form == "dummyjson":
        return re.sub(r"^/variants/\d+", "", pointer)
    return pointer


def _short(text: str) -> str:
    return clean(text)[:500]
