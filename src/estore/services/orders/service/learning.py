"""Read models: what orders keeps of catalog, vendors and cart. Older versions never overwrite newer ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from estore.contracts.cart import CartChanged
from estore.contracts.catalog import PriceChanged, ProductArchived, ProductChanged, ProductPublished
from estore.contracts.vendors import VendorApproved, VendorPlanChanged, VendorSuspended
from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.envelope import Message
from estore.services.orders import store
from estore.services.orders.store import VendorRow

CARTS_KEPT_FOR = timedelta(days=45)
"""Longer than cart keeps a guest's, which is 30 days after the last change."""
CARTS_AT_ONCE = 1000


class Learning:
    """Keeps the read models. shelf: this process's memory of offers, which must forget what has changed."""

    def __init__(self, shelf: store.Shelf) -> None:
        self._shelf = shelf

    async def product_published(self, tx: Tx, messages: Sequence[Message[ProductPublished]]) -> None:
        """A product is for sale."""
        await self._products(tx, [m.data for m in messages])

    async def product_changed(self, tx: Tx, messages: Sequence[Message[ProductChanged]]) -> None:
        """A product differs; variants that are missing now are not for sale any more."""
        await self._products(tx, [m.data for m in messages])

    async def _products(self, tx: Tx, products: Sequence[ProductPublished | ProductChanged]) -> None:
        newest = sorted(products, key=lambda product: product.version)
        touched = await store.put_products(tx, {p.product_id: (p.version, p.product) for p in newest})
        skus = [variant.sku for p in newest for variant in p.product.variants]

        def forget() -> None:
            self._shelf.forget_products(touched)
            self._shelf.forget(skus)

        tx.after_commit(forget)

    async def product_archived(self, tx: Tx, messages: Sequence[Message[ProductArchived]]) -> None:
        """A product is not for sale any more."""
        versions: dict[str, int] = {}
        for message in messages:
            versions[message.data.product_id] = max(message.data.version, versions.get(message.data.product_id, 0))
        touched = await store.archive_products(tx, versions)
        tx.after_commit(lambda: self._shelf.forget_products(touched))

    async def price_changed(self, tx: Tx, messages: Sequence[Message[PriceChanged]]) -> None:
        """Prices changed, perhaps of products that are not heard of yet."""
        rows = [
            (new.sku, m.data.product_id, new.price.amount, new.price.currency, m.data.version)
            for m in messages
            for new in m.data.prices
        ]
        if rows:
            await store.put_prices(tx, rows)
        skus = [row[0] for row in rows]
        tx.after_commit(lambda: self._shelf.forget(skus))

    async def vendor_approved(self, tx: Tx, messages: Sequence[Message[VendorApproved]]) -> None:
        """A vendor may sell."""
        newest = {m.data.vendor_id: m.data for m in sorted(messages, key=lambda m: m.data.version)}
        await self._vendors(
            tx,
            [
                VendorRow(v.vendor_id, "approved", v.version, v.commission_bps, v.plan, v.version)
                for v in newest.values()
            ],
        )

    async def vendor_suspended(self, tx: Tx, messages: Sequence[Message[VendorSuspended]]) -> None:
        """A vendor may not sell."""
        newest = {m.data.vendor_id: m.data for m in sorted(messages, key=lambda m: m.data.version)}
        await self._vendors(tx, [VendorRow(v.vendor_id, "suspended", v.version) for v in newest.values()])

    async def vendor_plan_changed(self, tx: Tx, messages: Sequence[Message[VendorPlanChanged]]) -> None:
        """A vendor's commission changed, for orders from now on."""
        newest = {m.data.vendor_id: m.data for m in sorted(messages, key=lambda m: m.data.version)}
        await self._vendors(
            tx, [VendorRow(v.vendor_id, "pending", 0, v.commission_bps, v.plan, v.version) for v in newest.values()]
        )

    async def _vendors(self, tx: Tx, rows: Sequence[VendorRow]) -> None:
        await store.put_vendors(tx, rows)
        tx.after_commit(self._shelf.forget_all)

    async def cart_changed(self, tx: Tx, messages: Sequence[Message[CartChanged]]) -> None:
        """Carts are as they are now."""
        carts = [m.data for m in messages]
        await store.put_carts(tx, carts, messages[0].now)
        tx.after_commit(lambda: self._shelf.put_carts(carts))

    async def purge_carts(self, tx: Tx, ctx: Context, _request: None) -> int:
        """Forget guests' carts that their own service has deleted by now, and empty ones; returns how many."""
        gone = await store.purge_carts(tx, ctx.now - CARTS_KEPT_FOR, CARTS_AT_ONCE)
        tx.after_commit(lambda: self._shelf.forget_carts(gone))
        return len(gone)
