"""Commands and answers: what comes in and goes out as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Generic, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from estore.kit.money import Currency, Money
from estore.services.catalog.domain import MAX_OPTIONS, MAX_PRICE, MAX_VARIANTS, Kind, Picture

T = TypeVar("T")

LINE = r"^[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?\Z"
TEXT = r"^[^\x00]*\Z"

Id = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_]+\Z")]
Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=LINE)]
Slug = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[a-z0-9-]+\Z", examples=["speckled-stoneware-mug"])]
IdOrSlug = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_-]+\Z", examples=["mugs"])]
Sku = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+\Z", examples=["TON-MUG01-OAT"])]
Text = Annotated[str, Meta(max_length=20_000, pattern=TEXT, description="Plain text; lines end with \\n")]
Url = Annotated[
    str,
    Meta(min_length=1, max_length=2_000, pattern=TEXT, description="https address, or a path below /pictures/"),
]
Alt = Annotated[str, Meta(max_length=500, pattern=TEXT)]
OptionName = Annotated[str, Meta(min_length=1, max_length=50, pattern=LINE)]
OptionValue = Annotated[str, Meta(min_length=1, max_length=100, pattern=LINE)]
Options = Annotated[
    dict[OptionName, OptionValue], Meta(max_length=MAX_OPTIONS, description="The same names on each variant")
]
AttributeName = Annotated[str, Meta(min_length=1, max_length=60, pattern=LINE)]
AttributeText = Annotated[str, Meta(max_length=500, pattern=TEXT)]
AttributeNumber = Annotated[int, Meta(ge=-(10**15), le=10**15)]
AttributeValue = AttributeText | AttributeNumber | float | bool
Attributes = Annotated[
    dict[AttributeName, AttributeValue],
    Meta(max_length=60, description="Kept as text: 320 becomes `320`. The category may say which, and how they read"),
]
Code = Annotated[
    str, Meta(min_length=1, max_length=40, pattern=r"^[a-z0-9]+(?:[_-][a-z0-9]+)*\Z", examples=["capacity_ml"])
]
Unit = Annotated[str, Meta(min_length=1, max_length=20, pattern=LINE, examples=["ml"])]
Choice = Annotated[str, Meta(min_length=1, max_length=80, pattern=LINE)]
Grams = Annotated[int, Meta(ge=0, le=10_000_000)]
Barcode = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z .-]+\Z")]
TaxClass = Literal["standard", "reduced", "zero"]
Status = Literal["draft", "published", "archived"]
Format = Literal["jsonl", "shopify_csv", "dummyjson"]
Position = Annotated[int, Meta(ge=0, le=1_000_000, description="Siblings are shown in this order")]


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


# --- a line of our JSON Lines --------------------------------------------------------------------------------


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


# --- requests made of path and query ------------------------------------------------------------------------


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What a request is about: a product or a category, and one of a product's variants where sku is given."""

    subject: str
    sku: str = ""


class Change(Target, Generic[T], frozen=True, kw_only=True):
    """A change of `subject`. data: what the body says."""

    data: T


class ListProducts(msgspec.Struct, frozen=True, kw_only=True):
    category: str | None = None
    vendor: str | None = None
    status: Status | None = None
    sort: Literal["newest", "price", "-price", "title"] = "newest"
    limit: int = 20
    cursor: str | None = None


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


class Pages(msgspec.Struct, frozen=True, kw_only=True):
    """A page of what belongs to `of`."""

    of: str = ""
    limit: int = 20
    cursor: str | None = None


# --- answers ------------------------------------------------------------------------------------------------


class VendorRef(msgspec.Struct, frozen=True):
    id: str
    slug: str | None
    name: str | None


class CategoryRef(msgspec.Struct, frozen=True):
    id: str
    slug: str
    name: str


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


class CategoryOut(msgspec.Struct, frozen=True, kw_only=True):
    """path: from the root down to the category itself, for breadcrumbs. attributes: that it declares itself.

    inherited: that those above declare. only_declared: products may have no others, here and below.
    """

    id: str
    slug: str
    name: str
    description: str
    parent_id: str | None
    position: int
    version: int
    path: list[CategoryRef]
    children: list[CategoryRef]
    attributes: list[AttributeOut]
    inherited: list[InheritedAttribute]
    only_declared: bool


class CategoryNode(msgspec.Struct, frozen=True, kw_only=True):
    """attributes: that it declares itself; those of the nodes around it hold for it as well."""

    id: str
    slug: str
    name: str
    description: str
    parent_id: str | None
    position: int
    version: int
    attributes: list[AttributeOut]
    only_declared: bool
    children: list[CategoryNode]


class CategoryTree(msgspec.Struct, frozen=True):
    data: list[CategoryNode]


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


class Nothing(msgspec.Struct, frozen=True):
    """No answer but the status."""
