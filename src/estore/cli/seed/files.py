"""The files of seeds/, read and typed."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

FOLDER = Path(__file__).parents[4] / "seeds"
PASSWORD = "demo-marketplace"  # noqa: S105 - for the demo, and written on its welcome page
T = TypeVar("T")


class Category(msgspec.Struct, frozen=True):
    """parent: a slug; None at the root. attributes: what it declares, as POST /v1/categories takes it."""

    slug: str
    name: str
    description: str
    parent: str | None = None
    attributes: tuple[dict[str, Any], ...] = ()


class Member(msgspec.Struct, frozen=True):
    email: str
    name: str
    role: str


class Rate(msgspec.Struct, frozen=True):
    """What the marketplace keeps. category: a slug; None: everything. fixed: euro cents per piece."""

    bps: int
    category: str | None = None
    fixed: int = 0


class Vendor(msgspec.Struct, frozen=True):
    """iban: where it is paid; an example of its country's bank register. payout: what it asks for, euro cents.

    rates: of its commission plan, where it is not the usual one. fee_tax_bps: tax on it.
    """

    slug: str
    name: str
    legal_name: str
    country: str
    description: str
    email: str
    members: tuple[Member, ...]
    iban: str
    payout: int = 0
    rates: tuple[Rate, ...] = ()
    fee_tax_bps: int = 0

    @property
    def owner(self) -> Member:
        return next(member for member in self.members if member.role == "owner")


class Variant(msgspec.Struct, frozen=True):
    """price: euro cents. stock: pieces by the code of a location."""

    sku: str
    title: str
    options: dict[str, str]
    price: int
    weight_grams: int
    barcode: str
    stock: dict[str, int]


class Picture(msgspec.Struct, frozen=True):
    """path: relative to seeds/, and to the root of the store's addresses."""

    path: str
    alt: str


class Product(msgspec.Struct, frozen=True):
    """category, vendor: slugs."""

    slug: str
    title: str
    description: str
    vendor: str
    category: str
    brand: str
    attributes: dict[str, str | int | float | bool]
    variants: tuple[Variant, ...]
    pictures: tuple[Picture, ...]


class Location(msgspec.Struct, frozen=True):
    code: str
    name: str
    country: str


class Customer(msgspec.Struct, frozen=True):
    email: str
    name: str
    password: str
    addresses: tuple[dict[str, str], ...]


class Line(msgspec.Struct, frozen=True):
    sku: str
    quantity: int


class Promotion(msgspec.Struct, frozen=True):
    """vendor: the slug of whose it is; None: the marketplace's. rules: what POST /v1/promotions takes."""

    vendor: str | None
    codes: tuple[str, ...]
    rules: dict[str, Any]


class Order(msgspec.Struct, frozen=True):
    """A purchase to play. customer: an e-mail address. then: what happens after its payment, see seeds/README.md."""

    customer: str
    lines: tuple[Line, ...]
    shipping_method: str
    payment_method: str
    then: Literal[
        "none", "ship", "ship_partly", "ship_some", "cancel", "deliver", "settle", "return", "ask_return", "goodwill"
    ]
    promotion_codes: tuple[str, ...] = ()


class Review(msgspec.Struct, frozen=True):
    """What a customer says of a SKU that was delivered. helpful_to: e-mail addresses. reply: the vendor's, or empty."""

    customer: str
    sku: str
    stars: int
    title: str
    text: str
    author: str
    helpful_to: tuple[str, ...]
    reply: str


class Option(msgspec.Struct, frozen=True):
    name: str
    values: tuple[str, ...]


class Range(msgspec.Struct, frozen=True):
    min: int
    max: int


class Words(msgspec.Struct, frozen=True):
    """Of one category: what its products are called and like."""

    title: str
    brands: tuple[str, ...]
    series: tuple[str, ...]
    adjectives: tuple[str, ...]
    materials: tuple[str, ...]
    nouns: tuple[str, ...]
    options: tuple[Option, ...]
    attributes: dict[str, tuple[str | int | float | bool, ...]]
    features: tuple[str, ...]
    price: Range
    weight_grams: Range


class WordLists(msgspec.Struct, frozen=True):
    """placeholders: name in a title -> the list that its word comes from."""

    placeholders: dict[str, str]
    categories: dict[str, Words]


def _read(name: str, kind: type[T]) -> T:
    return msgspec.json.decode((FOLDER / name).read_bytes(), type=kind)


class Demo(msgspec.Struct, frozen=True):
    """The demo marketplace."""

    categories: tuple[Category, ...]
    vendors: tuple[Vendor, ...]
    products: tuple[Product, ...]
    locations: tuple[Location, ...]
    customers: tuple[Customer, ...]
    promotions: tuple[Promotion, ...]
    orders: tuple[Order, ...]
    reviews: tuple[Review, ...]

    def paths(self) -> dict[str, tuple[str, ...]]:
        """Return the slugs from the root down to each category. Parents come before their children in the file."""
        found: dict[str, tuple[str, ...]] = {}
        for category in self.categories:
            found[category.slug] = (*(found[category.parent] if category.parent else ()), category.slug)
        return found


@cache
def demo() -> Demo:
    """Return the demo marketplace. Raises OSError when the folder is not there."""
    parts: dict[str, Any] = {
        field.name: _read(f"{field.name}.json", field.type) for field in msgspec.structs.fields(Demo)
    }
    return Demo(**parts)


@cache
def synonyms() -> Any:
    """Return the body of `PUT /v1/search/synonyms`, the words with which the judged searches were judged."""
    return _read("search/synonyms.json", dict[str, list[list[str]]])


@cache
def word_lists() -> WordLists:
    """Return the words for large catalogues."""
    return _read("wordlists.json", WordLists)
