"""How a change of products reaches the tables, the other services and the read caches: one way for all use cases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from estore.contracts.catalog import Attribute as ToldAttribute
from estore.contracts.catalog import (
    CategoryChanged,
    NewPrice,
    PriceChanged,
    ProductArchived,
    ProductChanged,
    ProductPublished,
)
from estore.contracts.catalog import Product as Told
from estore.contracts.catalog import Variant as ToldVariant
from estore.kit.contract import Event
from estore.kit.db import Tx
from estore.kit.envelope import Cause
from estore.kit.money import Money
from estore.services.catalog import store
from estore.services.catalog.domain import Category, News, Product, news

Changed = tuple[Product | None, Product]


async def save(
    tx: Tx, cause: Cause, changes: Sequence[Changed], *, currency: str, now: datetime, all_changed: bool = False
) -> None:
    """Write products (before, after), each with its next version; tell the other services and the caches.

    Rows that are to be updated are locked. Whatever the number of products: five statements at most.
    all_changed: the caches are told to forget everything, for what changed besides.
    """
    await store.write(tx, changes, currency=currency, now=now)
    told = [(before, after, kind) for before, after in changes if (kind := news(before, after)) is not News.NOTHING]
    whole = {after.category_id for _, after, kind in told if kind in (News.PUBLISHED, News.CHANGED)}
    paths = await store.categories.paths(tx, sorted(whole)) if whole else {}
    for before, after, kind in told:
        tx.emit(event_of(kind, before, after, paths.get(after.category_id, ()), currency), cause)
    names = [name for before, after, _ in told for name in names_of(before, after)]
    if all_changed:
        await store.announce(tx)
    elif names:
        await store.announce(tx, names)


def names_of(before: Product | None, after: Product) -> list[str]:
    """Return under which names the read caches know a product that changed."""
    if before is not None and before.slug != after.slug:
        return [after.id, after.slug, before.slug]
    return [after.id, after.slug]


def event_of(kind: News, before: Product | None, after: Product, path: tuple[str, ...], currency: str) -> Event:
    """Return what the other services are told."""
    if kind is News.ARCHIVED:
        return ProductArchived(product_id=after.id, skus=after.skus, version=after.version)
    if kind is News.PRICES and before is not None:
        old = {v.sku: v.price for v in before.variants}
        prices = tuple(
            NewPrice(v.sku, Money(v.price, currency))
            for v in after.variants
            if v.price is not None and old.get(v.sku) != v.price
        )
        return PriceChanged(product_id=after.id, prices=prices, version=after.version)
    event = ProductPublished if kind is News.PUBLISHED else ProductChanged
    return event(product_id=after.id, product=told(after, path, currency), version=after.version)


def told(product: Product, path: tuple[str, ...], currency: str) -> Told:
    """Return the product as events carry it. path: slugs of its categories, from the root down."""
    return Told(
        product_id=product.id,
        slug=product.slug,
        title=product.title,
        vendor_id=product.vendor_id,
        category=path[-1] if path else "",
        category_path=path,
        variants=tuple(
            ToldVariant(
                sku=v.sku,
                title=v.title,
                price=Money(v.price or 0, currency),
                options=dict(v.options),
                weight_grams=v.weight_grams,
                barcode=v.barcode,
                tax_class=product.tax_class,
            )
            for v in product.variants
        ),
        description=product.description,
        brand=product.brand,
        attributes=dict(product.attributes),
        picture=product.pictures[0].url if product.pictures else None,
    )


def tell_categories(tx: Tx, cause: Cause, categories: Iterable[Category]) -> None:
    """Tell others what categories are now."""
    for category in categories:
        event = CategoryChanged(
            category_id=category.id,
            slug=category.slug,
            name=category.name,
            parent_id=category.parent_id,
            version=category.version,
            attributes=tuple(ToldAttribute(**msgspec.structs.asdict(one)) for one in category.attributes),
            only_declared=category.only_declared,
        )
        tx.emit(event, cause)


def next_version(before: Product, after: Product) -> Product:
    """Return `after`, one version on from `before`."""
    return msgspec.structs.replace(after, version=before.version + 1)
