"""What catalog publishes. A product's events carry the whole product; its version grows with every change of it. So do
those of a category, which has a version of its own."""

from __future__ import annotations

import msgspec

from estore.kit.contract import Event, event
from estore.kit.money import Money


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """What is sold. tax_class: `standard`, `reduced` or `zero`."""

    sku: str
    title: str
    price: Money
    options: dict[str, str] = {}
    weight_grams: int = 0
    barcode: str | None = None
    tax_class: str = "standard"


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """category: its slug. category_path: slugs from the root of the tree down to that category."""

    product_id: str
    slug: str
    title: str
    vendor_id: str
    category: str
    variants: tuple[Variant, ...]
    description: str = ""
    brand: str | None = None
    attributes: dict[str, str] = {}
    picture: str | None = None
    category_path: tuple[str, ...] = ()


@event("product.published.v1", by="catalog", subject="product_id")
class ProductPublished(Event, frozen=True, kw_only=True):
    """The product is for sale."""

    product_id: str
    product: Product
    version: int


@event("product.changed.v1", by="catalog", subject="product_id")
class ProductChanged(Event, frozen=True, kw_only=True):
    """A published product differs from before. Variants that are missing now are not for sale any more."""

    product_id: str
    product: Product
    version: int


@event("product.archived.v1", by="catalog", subject="product_id")
class ProductArchived(Event, frozen=True, kw_only=True):
    """The product is not for sale any more."""

    product_id: str
    skus: tuple[str, ...]
    version: int


class NewPrice(msgspec.Struct, frozen=True):
    sku: str
    price: Money


@event("price.changed.v1", by="catalog", subject="product_id")
class PriceChanged(Event, frozen=True, kw_only=True):
    """Prices of a published product changed, and nothing else. version: the product's, as in its other events."""

    product_id: str
    prices: tuple[NewPrice, ...]
    version: int


class StockLevel(msgspec.Struct, frozen=True):
    sku: str
    quantity: int


@event("product.stock_imported.v1", by="catalog", subject="product_id")
class ProductStockImported(Event, frozen=True, kw_only=True):
    """A vendor's file counted so many pieces of these variants. Sent when the count differs from the last file's.

    It may overtake the event that tells of the product, and it also comes for drafts, hence vendor_id.
    """

    product_id: str
    vendor_id: str
    import_id: str
    levels: tuple[StockLevel, ...]
    version: int


class Attribute(msgspec.Struct, frozen=True, kw_only=True):
    """What a category declares of its products' attribute `code`. kind: `text`, `number` or `boolean`.

    unit: of a number, to be shown. filterable: customers narrow down by it. choices: of a text; empty: any text.
    """

    code: str
    name: str
    kind: str
    unit: str | None = None
    filterable: bool = True
    required: bool = False
    choices: tuple[str, ...] = ()


@event("category.changed.v1", by="catalog", subject="category_id")
class CategoryChanged(Event, frozen=True, kw_only=True):
    """The category is new, or differs from before: its name, its place, or what it declares.

    parent_id: None at the root. attributes: its own; those of the categories above it hold for it as well.
    only_declared: its products, and those below it, have no attributes but declared ones.
    """

    category_id: str
    slug: str
    name: str
    parent_id: str | None
    version: int
    attributes: tuple[Attribute, ...] = ()
    only_declared: bool = False


@event("category.deleted.v1", by="catalog", subject="category_id")
class CategoryDeleted(Event, frozen=True, kw_only=True):
    """The category is gone; there was nothing in it."""

    category_id: str
    slug: str
    version: int
