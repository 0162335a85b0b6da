"""What several requests are made of, of path and query."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What a request is about: a product or a category, and one of a product's variants where sku is given."""

    subject: str
    sku: str = ""


class Change(Target, Generic[T], frozen=True, kw_only=True):
    """A change of `subject`. data: what the body says."""

    data: T


class Pages(msgspec.Struct, frozen=True, kw_only=True):
    """A page of what belongs to `of`."""

    of: str = ""
    limit: int = 20
    cursor: str | None = None


class Nothing(msgspec.Struct, frozen=True):
    """No answer but the status."""
