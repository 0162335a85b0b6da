"""What search does when it hears of products, prices, stock, ratings, sales and vendors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import permutations

from estore.contracts.catalog import (
    CategoryChanged,
    CategoryDeleted,
    PriceChanged,
    ProductArchived,
    ProductChanged,
    ProductPublished,
    Variant,
)
from estore.contracts.inventory import StockAvailabilityChanged
from estore.contracts.orders import OrderConfirmed
from estore.contracts.reviews import ReviewRatingChanged
from estore.contracts.vendors import VendorApproved, VendorSuspended
from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.envelope import Message
from estore.services.search import store
from estore.services.search.domain.ranking import HALF_LIFE

AT_ONCE = 500
SALES_AT_ONCE = 10_000
# Of a larger order the pairs say nothing, and there are too many of them.
MOST_TOGETHER = 20


async def learn_published(tx: Tx, messages: Sequence[Message[ProductPublished]]) -> None:
    """Know products that are for sale."""
    await _learn(tx, messages)


async def learn_changed(tx: Tx, messages: Sequence[Message[ProductChanged]]) -> None:
    """Know products as they are now."""
    await _learn(tx, messages)


async def learn_archived(tx: Tx, messages: Sequence[Message[ProductArchived]]) -> None:
    """Forget products that are not for sale any more."""
    events = sorted((message.data for message in messages), key=lambda event: event.version)
    await store.documents.archive(tx, {event.product_id: event.version for event in events})


async def learn_prices(tx: Tx, messages: Sequence[Message[PriceChanged]]) -> None:
    """Know what SKUs cost now."""
    events = sorted((message.data for message in messages), key=lambda event: event.version)
    await store.documents.save_prices(
        tx, {p.sku: (e.product_id, p.price.amount, p.price.currency, e.version) for e in events for p in e.prices}
    )


async def learn_availability(tx: Tx, messages: Sequence[Message[StockAvailabilityChanged]]) -> None:
    """Know how many pieces can be bought."""
    events = sorted((message.data for message in messages), key=lambda event: event.version)
    await store.documents.save_stock(tx, {e.sku: (max(0, e.available), e.version) for e in events})


async def learn_ratings(tx: Tx, messages: Sequence[Message[ReviewRatingChanged]]) -> None:
    """Know how products are rated."""
    events = sorted((message.data for message in messages), key=lambda event: event.version)
    await store.documents.save_ratings(tx, {e.product_id: (e.votes, e.stars, e.version) for e in events})


async def learn_sales(tx: Tx, messages: Sequence[Message[OrderConfirmed]]) -> None:
    """Count what is bought, and what is bought together."""
    pieces: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    for message in messages:
        lines = message.data.lines
        for line in lines:
            # A hundred pieces for one customer are no hundred customers
            pieces[line.product_id] += min(line.quantity, 3)
        products = sorted({line.product_id for line in lines})
        if len(products) <= MOST_TOGETHER:
            pairs.update(permutations(products, 2))
    now, half_life = messages[0].now, HALF_LIFE.total_seconds()
    await store.documents.save_sales(tx, {p: float(n) for p, n in pieces.items()}, now, half_life)
    if pairs:
        await store.documents.save_together(tx, {p: float(n) for p, n in pairs.items()}, now, half_life)


async def learn_approved(tx: Tx, messages: Sequence[Message[VendorApproved]]) -> None:
    """Know what vendors are called."""
    events = sorted((message.data for message in messages), key=lambda event: event.version)
    await store.documents.save_vendors(tx, {e.vendor_id: (e.slug, e.name, True, e.version) for e in events})


async def learn_suspended(tx: Tx, messages: Sequence[Message[VendorSuspended]]) -> None:
    """Show nothing of suspended vendors; catalog archives their products."""
    events = sorted((message.data for message in messages), key=lambda event: event.version)
    await store.documents.save_vendors(tx, {e.vendor_id: (None, None, False, e.version) for e in events})


async def learn_categories(tx: Tx, messages: Sequence[Message[CategoryChanged]]) -> None:
    """Know the tree of categories, and which attributes they declare."""
    newest = {m.data.category_id: m.data for m in sorted(messages, key=lambda message: message.data.version)}
    await store.categories.save(
        tx,
        [
            store.categories.CategoryRow(e.category_id, e.slug, e.parent_id, e.attributes, False, e.version)
            for e in newest.values()
        ],
    )


async def learn_deleted_categories(tx: Tx, messages: Sequence[Message[CategoryDeleted]]) -> None:
    """Know which categories are gone."""
    newest = {m.data.category_id: m.data for m in sorted(messages, key=lambda message: message.data.version)}
    await store.categories.save(
        tx, [store.categories.CategoryRow(e.category_id, e.slug, None, (), True, e.version) for e in newest.values()]
    )


async def tell_sold(tx: Tx, ctx: Context, request: None) -> int:
    """Have the index weigh anew what was sold; returns of how many of a bounded number of sales."""
    return await store.changes.tell_sold(tx, SALES_AT_ONCE)


async def fade(tx: Tx, ctx: Context, request: None) -> int:
    """Weigh products anew whose sales were weighed a day ago; returns how many of a bounded number."""
    return await store.documents.fade(tx, ctx.now - HALF_LIFE / 30, AT_ONCE, ctx.now, HALF_LIFE.total_seconds())


async def _learn(tx: Tx, messages: Sequence[Message[ProductPublished] | Message[ProductChanged]]) -> None:
    newest = {m.data.product_id: m for m in sorted(messages, key=lambda message: message.data.version)}
    rows, offers = [], {}
    for message in newest.values():
        product, version = message.data.product, message.data.version
        rows.append(
            store.documents.DocumentRow(
                product_id=message.data.product_id,
                version=version,
                slug=product.slug,
                title=product.title,
                vendor_id=product.vendor_id,
                brand=product.brand,
                category=product.category,
                category_path=list(product.category_path or (product.category,)),
                attributes=dict(product.attributes),
                description=product.description,
                picture=product.picture,
                variants=[_variant(variant) for variant in product.variants],
                published_at=message.envelope.time,
            )
        )
        for v in product.variants:
            offers[v.sku] = store.documents.OfferRow(
                v.sku, message.data.product_id, v.price.amount, v.price.currency, version
            )
    await store.documents.save(tx, rows, list(offers.values()))


def _variant(variant: Variant) -> dict[str, object]:
    return {"sku": variant.sku, "title": variant.title, "options": variant.options, "barcode": variant.barcode}
