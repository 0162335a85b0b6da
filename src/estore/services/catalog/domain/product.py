"""A product: what it may look like, its way from draft to archive, and what others are told of a change."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from datetime import datetime
from enum import Enum
from urllib.parse import urlsplit

import msgspec

from estore.kit.errors import Fault
from estore.services.catalog.domain.errors import NotPublishable, ProductInvalid, VersionChanged, WrongStatus

DRAFT, PUBLISHED, ARCHIVED = "draft", "published", "archived"
MAX_PRICE = 100_000_000_00
MAX_VARIANTS = 100
MAX_OPTIONS = 5
# Well under the bus's limit for one event, with room for its frame.
MAX_BYTES = 160_000

Pairs = tuple[tuple[str, str], ...]
_OWN_PICTURE = re.compile(r"/pictures/[A-Za-z0-9._/-]{1,400}")


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """What is sold. price: minor units of the marketplace's currency; None while a draft has none.

    options: in the order in which a page shows them. imported: the count that the last import came with.
    """

    sku: str
    title: str
    options: Pairs = ()
    price: int | None = None
    weight_grams: int = 0
    barcode: str | None = None
    imported: int | None = None


class Picture(msgspec.Struct, frozen=True):
    url: str
    alt: str = ""


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """listed: whether others have been told that it is for sale. import_key: by what an import finds it again."""

    id: str
    vendor_id: str
    category_id: str
    slug: str
    title: str
    description: str = ""
    brand: str | None = None
    attributes: Pairs = ()
    pictures: tuple[Picture, ...] = ()
    tax_class: str = "standard"
    variants: tuple[Variant, ...] = ()
    status: str = DRAFT
    listed: bool = False
    version: int = 1
    import_key: str | None = None
    published_at: datetime | None = None
    created_at: datetime | None = None

    @property
    def prices(self) -> list[int]:
        return [v.price for v in self.variants if v.price is not None]

    @property
    def skus(self) -> tuple[str, ...]:
        return tuple(v.sku for v in self.variants)


# --- rules --------------------------------------------------------------------------------------------------


def faults_of(product: Product) -> list[Fault]:
    """Return what is wrong with `product` across its fields; limits of single fields are checked where it is read."""
    found = [*_picture_faults(product.pictures), *_variant_faults(product.variants)]
    if len(msgspec.json.encode(product)) > MAX_BYTES:
        found.append(Fault(f"the product is over {MAX_BYTES} bytes in all; shorten its texts", ""))
    return found


def _picture_faults(pictures: Sequence[Picture]) -> list[Fault]:
    return [
        Fault("an https address, or a path below /pictures/", f"/pictures/{index}/url")
        for index, picture in enumerate(pictures)
        if not picture_is_safe(picture.url)
    ]


def picture_is_safe(url: str) -> bool:
    """Tell whether a page may show `url`: https with a host and no password in it, or a path of our own."""
    if url.startswith("/"):
        return _OWN_PICTURE.fullmatch(url) is not None and ".." not in url and "//" not in url
    if re.search(r"[\x00-\x20\x7f\"<>\\^`{|}]", url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        return False


def _variant_faults(variants: Sequence[Variant]) -> list[Fault]:
    found: list[Fault] = []
    skus: set[str] = set()
    seen: set[Pairs] = set()
    names = [name for name, _ in variants[0].options] if variants else []
    for index, variant in enumerate(variants):
        where = f"/variants/{index}"
        if variant.sku in skus:
            found.append(Fault(f"the SKU {variant.sku} is there twice", f"{where}/sku"))
        skus.add(variant.sku)
        if sorted(name for name, _ in variant.options) != sorted(names):
            found.append(Fault(f"each variant has the same options: {', '.join(names) or 'none'}", f"{where}/options"))
        combination = tuple(sorted(variant.options))
        if combination in seen:
            found.append(Fault("another variant has the same options", f"{where}/options"))
        seen.add(combination)
        if variant.price is not None and not 1 <= variant.price <= MAX_PRICE:
            found.append(Fault(f"between 1 and {MAX_PRICE} minor units", f"{where}/price/amount"))
    return found


def unpublishable(product: Product) -> list[Fault]:
    """Return what `product` lacks to be for sale."""
    if not product.variants:
        return [Fault("it needs a variant", "/variants")]
    return [
        Fault(f"{variant.sku} needs a price", f"/variants/{index}/price")
        for index, variant in enumerate(product.variants)
        if variant.price is None
    ]


def checked(product: Product) -> Product:
    """Return `product`, its options in one order. Raises ProductInvalid; NotPublishable for what is published."""
    if faults := faults_of(product):
        raise ProductInvalid(faults[0].detail, errors=faults)
    if product.status == PUBLISHED and (faults := unpublishable(product)):
        raise NotPublishable(faults[0].detail, errors=faults)
    if not product.variants:
        return product
    order = {name: place for place, (name, _) in enumerate(product.variants[0].options)}
    variants = tuple(
        msgspec.structs.replace(v, options=tuple(sorted(v.options, key=lambda pair: order[pair[0]])))
        for v in product.variants
    )
    return msgspec.structs.replace(product, variants=variants)


def expect_version(product: Product, versions: Container[int]) -> None:
    """Raise VersionChanged unless the product still is at one of `versions`."""
    if product.version not in versions:
        raise VersionChanged(f"it is at version {product.version}")


def publish(product: Product, *, selling: bool, now: datetime) -> Product:
    """Return the product, for sale. Raises NotPublishable. A published product comes back as it is."""
    if product.status == PUBLISHED:
        return product
    if not selling:
        raise NotPublishable("the vendor is not approved, or suspended")
    return checked(
        msgspec.structs.replace(product, status=PUBLISHED, published_at=product.published_at or now, listed=True)
    )


def archive(product: Product) -> Product:
    """Return the product, not for sale any more."""
    if product.status == DRAFT:
        raise WrongStatus("a draft can be deleted, there is nothing to archive")
    return msgspec.structs.replace(product, status=ARCHIVED, listed=False)


def settled(product: Product, *, selling: bool) -> Product:
    """Return the product as it is to be listed while its vendor may, or may not, sell."""
    return msgspec.structs.replace(product, listed=product.status == PUBLISHED and selling)


# --- what others are told -----------------------------------------------------------------------------------


class News(Enum):
    """What a change of a product means to others."""

    NOTHING = "nothing"
    PUBLISHED = "published"
    CHANGED = "changed"
    PRICES = "prices"
    ARCHIVED = "archived"


def content(product: Product) -> Product:
    """Return what others see of `product`, to be compared."""
    variants = tuple(msgspec.structs.replace(v, imported=None) for v in product.variants)
    return msgspec.structs.replace(
        product, variants=variants, version=0, import_key=None, created_at=None, published_at=None, listed=False
    )


def news(before: Product | None, after: Product) -> News:
    """Return what others are told when `before` becomes `after`."""
    was = before is not None and before.listed
    if not was or before is None:
        return News.PUBLISHED if after.listed else News.NOTHING
    if not after.listed:
        return News.ARCHIVED
    one, other = content(before), content(after)
    if one == other:
        return News.NOTHING
    return News.PRICES if _without_prices(one) == _without_prices(other) else News.CHANGED


def _without_prices(product: Product) -> Product:
    return msgspec.structs.replace(
        product, variants=tuple(msgspec.structs.replace(v, price=None) for v in product.variants)
    )
