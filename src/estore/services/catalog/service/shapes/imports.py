"""Commands about imports, a line of our JSON Lines, and how they are answered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from estore.services.catalog.domain import MAX_VARIANTS
from estore.services.catalog.service.shapes.products import Pictures, VariantIn
from estore.services.catalog.service.shapes.words import Attributes, IdOrSlug, Name, Slug, Status, TaxClass, Text

Format = Literal["jsonl", "shopify_csv", "dummyjson"]


class ImportVariant(VariantIn, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """stock: pieces counted; inventory takes them as the opening stock."""

    stock: Annotated[int, Meta(ge=0, le=1_000_000_000)] | None = None


class ImportRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One product of an import file; docs/guide/import.md explains it.

    key: by what the vendor's product is found again; without one its slug is. category: id or slug.
    """

    title: Name
    category: IdOrSlug
    slug: Slug | None = None
    key: Name | None = None
    category_name: Name | None = None
    description: Text = ""
    brand: Name | None = None
    attributes: Attributes = {}
    pictures: Pictures = []
    tax_class: TaxClass = "standard"
    status: Status = "published"
    variants: Annotated[list[ImportVariant], Meta(min_length=1, max_length=MAX_VARIANTS)]


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a file that is being sent, from number 0 on."""

    upload_id: str
    number: int
    data: bytes


class StartImport(msgspec.Struct, frozen=True, kw_only=True):
    """size, sha256: of the whole file, whose pieces have been received."""

    vendor_id: str
    format: Format
    dry_run: bool
    upload_id: str
    size: int
    sha256: bytes


class ImportOut(msgspec.Struct, frozen=True, kw_only=True):
    """total: records in the file, null until they are counted; done = created + changed + unchanged + failed.

    In a dry run the numbers tell what would happen. detail: why a failed import could not go on.
    """

    id: str
    vendor_id: str
    format: str
    dry_run: bool
    status: Literal["queued", "running", "done", "failed", "cancelled"]
    detail: str | None
    total: int | None
    done: int
    created: int
    changed: int
    unchanged: int
    failed: int
    version: int
    created_at: datetime
    finished_at: datetime | None


class ImportErrorOut(msgspec.Struct, frozen=True, kw_only=True):
    """row: line of the file where the record begins (dummyjson: its place in the list). field: pointer or column."""

    row: int
    field: str
    code: str
    detail: str
