"""Commands about categories, and how they are answered."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from estore.services.catalog.domain import Kind
from estore.services.catalog.service.shapes.words import LINE, IdOrSlug, Name, Slug, Text

Code = Annotated[
    str, Meta(min_length=1, max_length=40, pattern=r"^[a-z0-9]+(?:[_-][a-z0-9]+)*\Z", examples=["capacity_ml"])
]
Unit = Annotated[str, Meta(min_length=1, max_length=20, pattern=LINE, examples=["ml"])]
Choice = Annotated[str, Meta(min_length=1, max_length=80, pattern=LINE)]
Position = Annotated[int, Meta(ge=0, le=1_000_000, description="Siblings are shown in this order")]


class AttributeIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An attribute of the products of a category and of those below it.

    unit: of a number, to be shown. filterable: search counts it as a facet. required: a product without it is refused.
    choices: of a text, what it may be; without any it is free.
    """

    code: Code
    name: Name
    kind: Kind
    unit: Unit | None = None
    filterable: bool = True
    required: bool = False
    choices: Annotated[list[Choice], Meta(max_length=200)] = []


AttributesIn = Annotated[
    list[AttributeIn], Meta(max_length=60, description="Declared here; what is declared above is inherited")
]
OnlyDeclared = Annotated[bool, Meta(description="Products here and below may have no attributes but declared ones")]


class CreateCategory(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """parent: id or slug; without one it stands at the root. slug: made of the name if left out."""

    name: Name
    slug: Slug | None = None
    description: Text = ""
    parent: IdOrSlug | None = None
    position: Position = 0
    attributes: AttributesIn = []
    only_declared: OnlyDeclared = False


class UpdateCategory(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A merge patch. parent: null moves it to the root. attributes: the whole list."""

    name: Name | UnsetType = UNSET
    slug: Slug | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    parent: IdOrSlug | UnsetType | None = UNSET
    position: Position | UnsetType = UNSET
    attributes: AttributesIn | UnsetType = UNSET
    only_declared: OnlyDeclared | UnsetType = UNSET


class CategoryRef(msgspec.Struct, frozen=True):
    id: str
    slug: str
    name: str


class AttributeOut(msgspec.Struct, frozen=True, kw_only=True):
    """What products of the category have under `code`. choices: empty where any text will do."""

    code: str
    name: str
    kind: Kind
    unit: str | None
    filterable: bool
    required: bool
    choices: list[str]


class InheritedAttribute(AttributeOut, frozen=True, kw_only=True):
    """category: the slug of the one above that declares it."""

    category: str


class _Category(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    slug: str
    name: str
    description: str
    parent_id: str | None
    position: int
    version: int


class CategoryOut(_Category, frozen=True, kw_only=True):
    """path: from the root down to the category itself, for breadcrumbs. attributes: that it declares itself.

    inherited: that those above declare. only_declared: products may have no others, here and below.
    """

    path: list[CategoryRef]
    children: list[CategoryRef]
    attributes: list[AttributeOut]
    inherited: list[InheritedAttribute]
    only_declared: bool


class CategoryNode(_Category, frozen=True, kw_only=True):
    """attributes: that it declares itself; those of the nodes around it hold for it as well."""

    attributes: list[AttributeOut]
    only_declared: bool
    children: list[CategoryNode]


class CategoryTree(msgspec.Struct, frozen=True):
    data: list[CategoryNode]
