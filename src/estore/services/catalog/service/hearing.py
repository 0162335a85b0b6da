"""What catalog does when it hears of vendors, stock and ratings, and what it brings along afterwards, page by page."""

from __future__ import annotations

from collections.abc import Sequence

from estore.contracts.catalog import ProductChanged
from estore.contracts.inventory import StockAvailabilityChanged
from estore.contracts.reviews import ReviewRatingChanged
from estore.contracts.vendors import VendorApproved, VendorSuspended
from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.envelope import Message
from estore.services.catalog import store
from estore.services.catalog.domain import settled
from estore.services.catalog.service.changes import next_version, save, told

PAGE = 500


async def vendor_approved(tx: Tx, messages: Sequence[Message[VendorApproved]]) -> None:
    """Let the vendors sell; `settle` lists their products again."""
    newest: dict[str, tuple[str, str, int]] = {}
    for message in sorted(messages, key=lambda m: m.data.version):
        newest[message.data.vendor_id] = (message.data.slug, message.data.name, message.data.version)
    if await store.others.approve_vendors(tx, newest):
        await store.announce(tx)


async def vendor_suspended(tx: Tx, messages: Sequence[Message[VendorSuspended]]) -> None:
    """Take the vendors' offers away at once: every read looks at the vendor. `settle` tells the others."""
    newest: dict[str, int] = {}
    for message in messages:
        newest[message.data.vendor_id] = max(newest.get(message.data.vendor_id, 0), message.data.version)
    if await store.others.suspend_vendors(tx, newest):
        await store.announce(tx)


async def availability_changed(tx: Tx, messages: Sequence[Message[StockAvailabilityChanged]]) -> None:
    """Keep what inventory says can be bought; an older version never overwrites a newer one."""
    newest: dict[str, tuple[int, int]] = {}
    for message in sorted(messages, key=lambda m: m.data.version):
        newest[message.data.sku] = (max(0, message.data.available), message.data.version)
    concerned = await store.others.set_availability(tx, newest)
    if concerned:
        await store.announce(tx, [name for row in concerned for name in (row["id"], row["slug"])])


async def rating_changed(tx: Tx, messages: Sequence[Message[ReviewRatingChanged]]) -> None:
    """Keep what all reviews of a product sum to; an older version never overwrites a newer one."""
    newest: dict[str, tuple[int, int, int]] = {}
    for message in sorted(messages, key=lambda m: m.data.version):
        newest[message.data.product_id] = (message.data.votes, message.data.stars, message.data.version)
    concerned = await store.others.set_ratings(tx, newest)
    if concerned:
        await store.announce(tx, [name for row in concerned for name in (row["id"], row["slug"])])


class Settling:
    """Pages of products that follow their vendor or their category. currency: of the marketplace."""

    def __init__(self, currency: str, page: int = PAGE) -> None:
        self.currency = currency
        self.page = page

    async def settle_vendor(self, tx: Tx, ctx: Context, request: None) -> bool:
        """List, or take off, one page of a vendor's products, and tell others; False when there is nothing to do."""
        vendor = await store.others.unsettled_vendor(tx)
        if vendor is None:
            return False
        found = await store.others.to_settle(tx, vendor["id"], vendor["selling"], vendor["settle_after"], self.page)
        before = await store.load(tx, await store.lock(tx, found, None))
        changes = []
        for product in before.values():
            after = settled(product, selling=vendor["selling"])
            if after.listed != product.listed:
                changes.append((product, next_version(product, after)))
        await save(tx, ctx, changes, currency=self.currency, now=ctx.now)
        await store.others.settle_vendor(tx, vendor["id"], found[-1] if len(found) == self.page else None)
        return True

    async def settle_category(self, tx: Tx, ctx: Context, request: None) -> bool:
        """Tell others where one page of a renamed or moved category's products stands now; False when there is none."""
        category = await store.categories.unsettled_category(tx)
        if category is None:
            return False
        found = await store.categories.listed_in(tx, category["id"], category["settle_after"], self.page)
        before = await store.load(tx, await store.lock(tx, found, None))
        changes = [(product, next_version(product, product)) for product in before.values() if product.listed]
        await save(tx, ctx, changes, currency=self.currency, now=ctx.now)
        paths = await store.categories.paths(tx, sorted({after.category_id for _, after in changes}))
        for _, product in changes:
            body = told(product, paths[product.category_id], self.currency)
            tx.emit(ProductChanged(product_id=product.id, product=body, version=product.version), ctx)
        await store.categories.settle_category(tx, category["id"], found[-1] if len(found) == self.page else None)
        if changes:
            await store.announce(tx)
        return True
