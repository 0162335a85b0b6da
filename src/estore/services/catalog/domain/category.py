"""The tree of categories: no cycles, not too deep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from estore.services.catalog.domain.errors import CategoryCycle, CategoryLimit

MAX_DEPTH = 8
MAX_CATEGORIES = 5_000

Kind = Literal["text", "number", "boolean"]


class Attribute(msgspec.Struct, frozen=True, kw_only=True):
    """One that products of a category have. unit: of a number, to be shown. choices: of a text; none: any text."""

    code: str
    name: str
    kind: Kind
    unit: str | None = None
    filterable: bool = True
    required: bool = False
    choices: tuple[str, ...] = ()


class Category(msgspec.Struct, frozen=True, kw_only=True):
    """path: ids from the root down to the category itself. attributes: what it declares itself, see attributes.py.

    only_declared: its products, and those below it, may have no attributes but declared ones.
    """

    id: str
    slug: str
    name: str
    description: str = ""
    parent_id: str | None = None
    path: tuple[str, ...] = ()
    position: int = 0
    version: int = 1
    attributes: tuple[Attribute, ...] = ()
    only_declared: bool = False


def placed(category: Category, parent: Category | None, *, height: int = 1, count: int = 0) -> Category:
    """Return `category` under `parent` (None: at the root).

    height: of the subtree that moves with it. count: how many categories there are.
    Raises CategoryCycle when the parent lies within the category, CategoryLimit past depth or number.
    """
    above = parent.path if parent else ()
    if category.id in above:
        raise CategoryCycle(f"{parent.slug if parent else ''} lies within {category.slug}")
    if len(above) + height > MAX_DEPTH:
        raise CategoryLimit(f"at most {MAX_DEPTH} levels")
    if count >= MAX_CATEGORIES:
        raise CategoryLimit(f"at most {MAX_CATEGORIES} categories")
    return msgspec.structs.replace(category, parent_id=parent.id if parent else None, path=(*above, category.id))


def height_of(category_id: str, subtree: Sequence[tuple[str, ...]]) -> int:
    """Return how many levels a subtree has, given the paths of all in it, its root's included."""
    return max((len(path) - path.index(category_id) for path in subtree if category_id in path), default=1)
