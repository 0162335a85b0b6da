"""Commands about products, and how they are answered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from estore.kit.money import Currency, Money
from estore.services.catalog.domain import MAX_PRICE, MAX_VARIANTS, Picture
from estore.services.catalog.service.shapes.categories import CategoryRef
from estore.services.catalog.service.shapes.words import (
    Alt,
    AttributeName,
    Attributes,
    AttributeValue,
    Barcode,
    Grams,
    Id,
    IdOrSlug,
    Name,
    Options,
    Sku,
    Slug,
    Status,
    TaxClass,
    Text,
    Url,
)


class PictureIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: Url
    alt: Alt = ""


Pictures = Annotated[list[PictureIn], Meta(max_length=30)]


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A price in the marketplace's currency."""

    amount: Annotated[int, Meta(ge=1, le=MAX_PRICE, description="Integer minor units", examples=[2400])]
    currency: Currency


class VariantIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """title: without one, its options, or the product's title. A draft may lack prices."""

    sku: Sku
    title: Name | None = None
    options: Options = {}
    price: Price | None = None
    weight_grams: Grams = 0
    barcode: Barcode | None = None


Variants = Annotated[list[VariantIn], Meta(max_length=MAX_VARIANTS)]


class CreateProduct(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """category: id or slug. vendor_id: members of one vendor may leave it out. slug: without one, made of the title."""

    title: Name
    category: IdOrSlug
    vendor_id: Id | None = None
    slug: Slug | None = None
    description: Text = ""
    brand: Name | None = None
    attributes: Attributes = {}
    pictures: Pictures = []
    tax_class: TaxClass = "standard"
    variants: Variants = []


class UpdateProduct(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A merge patch (RFC 7396): what is left out stays, lists are replaced, attributes set to null go."""

    title: Name | UnsetType = UNSET
    category: IdOrSlug | UnsetType = UNSET
    slug: Slug | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    brand: Name | UnsetType | None = UNSET
    attributes: Annotated[dict[AttributeName, AttributeValue | None], Meta(max_length=60)] | UnsetType = UNSET
    pictures: Pictures | UnsetType = UNSET
    tax_class: TaxClass | UnsetType = UNSET
    variants: Variants | UnsetType = UNSET


class PutVariant(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole variant; its SKU is in the path."""

    title: Name | None = None
    options: Options = {}
    price: Price | None = None
    weight_grams: Grams = 0
    barcode: Barcode | None = None


class ListProducts(msgspec.Struct, frozen=True, kw_only=True):
    category: str | None = None
    vendor: str | None = None
    status: Status | None = None
    sort: Literal["newest", "price", "-price", "title"] = "newest"
    limit: int = 20
    cursor: str | None = None


class VendorRef(msgspec.Struct, frozen=True):
    id: str
    slug: str | None
    name: str | None


class VariantOut(msgspec.Struct, frozen=True, kw_only=True):
    """available: pieces that can be bought now, as far as is known."""

    sku: str
    title: str
    options: dict[str, str]
    price: Money | None
    available: int
    in_stock: bool
    weight_grams: int
    barcode: str | None


class OptionOut(msgspec.Struct, frozen=True):
    """What can be chosen, in the order in which a page shows it."""

    name: str
    values: list[str]


class RatingOut(msgspec.Struct, frozen=True):
    """votes: reviews that everybody can read. mean: of their stars, two decimals, rounded half up; null without any."""

    votes: int
    mean: str | None


class ProductOut(msgspec.Struct, frozen=True, kw_only=True):
    """version: send it as If-Match: "v<version>", or the ETag as it came. options: derived from the variants."""

    id: str
    slug: str
    title: str
    description: str
    vendor: VendorRef
    category: CategoryRef
    brand: str | None
    attributes: dict[str, str]
    pictures: list[Picture]
    options: list[OptionOut]
    tax_class: str
    status: str
    version: int
    variants: list[VariantOut]
    rating: RatingOut
    published_at: datetime | None
    created_at: datetime
    updated_at: datetime
    revision: Annotated[int, Meta(description="Grows when anything around the product changes, such as its stock")] = 0


class PriceRange(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """The cheapest and the dearest variant."""

    from_: Money
    to: Money


class ProductCard(msgspec.Struct, frozen=True, kw_only=True):
    """What a product shows of itself in a list. available: over all variants."""

    id: str
    slug: str
    title: str
    vendor: VendorRef
    category: CategoryRef
    brand: str | None
    picture: Picture | None
    price: PriceRange | None
    available: int
    in_stock: bool
    status: str
    version: int
    variants: list[VariantOut]
    rating: RatingOut
