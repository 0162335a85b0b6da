"""Read models: offers, vendors, carts. Set-based writes with version guards; one query for all that is missing."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from estore.contracts.cart import CartChanged, CartLine
from estore.contracts.catalog import Product
from estore.contracts.vendors import Plan
from estore.kit.db import Tx
from estore.services.orders.domain import Offer, rates_for

PATH = "/"
"""Stands between the slugs of a category's path in a column; no slug has one."""
OfferRow = tuple[str, str, str, str, int, str, str, int, str]
"""sku, product id, vendor id, title, price in minor units, currency, tax class, weight in grams, category path."""


class VendorRow(msgspec.Struct, frozen=True):
    """What was heard of a vendor. A version of 0: nothing of its status, or of its plan.

    commission_bps: where there is no plan.
    """

    vendor_id: str
    status: str
    status_version: int = 0
    commission_bps: int = 0
    plan: Plan | None = None
    plan_version: int = 0


_HEAR_PRODUCTS = """
INSERT INTO product_heard (product_id, version) SELECT * FROM unnest($1::text[], $2::bigint[])
ON CONFLICT (product_id) DO UPDATE SET version = excluded.version WHERE product_heard.version < excluded.version
RETURNING product_id
"""
_ARCHIVE_OTHERS = """
UPDATE offer SET status = 'archived', revision = revision + 1
WHERE sku IN (SELECT sku FROM offer WHERE product_id = ANY($1::text[]) AND status <> 'archived'
              AND sku <> ALL($2::text[]) ORDER BY sku FOR UPDATE)
"""
_PUT_OFFERS = """
INSERT INTO offer (sku, product_id, vendor_id, title, price, currency, tax_class, weight_grams, price_version,
                   category_path, status)
SELECT *, 'active' FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[],
                               $8::int[], $9::bigint[], $10::text[])
ON CONFLICT (sku) DO UPDATE SET
    product_id = excluded.product_id, vendor_id = excluded.vendor_id, title = excluded.title,
    tax_class = excluded.tax_class, weight_grams = excluded.weight_grams, category_path = excluded.category_path,
    status = 'active',
    price = CASE WHEN offer.product_id = excluded.product_id AND offer.price_version > excluded.price_version
            THEN offer.price ELSE excluded.price END,
    currency = CASE WHEN offer.product_id = excluded.product_id AND offer.price_version > excluded.price_version
            THEN offer.currency ELSE excluded.currency END,
    price_version = CASE WHEN offer.product_id = excluded.product_id
            THEN greatest(offer.price_version, excluded.price_version) ELSE excluded.price_version END,
    revision = offer.revision + 1
"""
_PUT_PRICES = """
INSERT INTO offer (sku, product_id, price, currency, price_version, status)
SELECT *, 'pending' FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[])
ON CONFLICT (sku) DO UPDATE SET
    price = excluded.price, currency = excluded.currency, price_version = excluded.price_version,
    revision = offer.revision + 1
WHERE offer.product_id = excluded.product_id AND offer.price_version < excluded.price_version
"""
_PUT_VENDORS = """
INSERT INTO vendor (vendor_id, status, status_version, commission_bps, plan, plan_version)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::int[], $5::jsonb[], $6::bigint[])
ON CONFLICT (vendor_id) DO UPDATE SET
    status = CASE WHEN excluded.status_version > vendor.status_version THEN excluded.status ELSE vendor.status END,
    commission_bps = CASE WHEN excluded.plan_version > vendor.plan_version
                     THEN excluded.commission_bps ELSE vendor.commission_bps END,
    plan = CASE WHEN excluded.plan_version > vendor.plan_version THEN excluded.plan ELSE vendor.plan END,
    status_version = greatest(vendor.status_version, excluded.status_version),
    plan_version = greatest(vendor.plan_version, excluded.plan_version),
    revision = vendor.revision + 1
WHERE excluded.status_version > vendor.status_version OR excluded.plan_version > vendor.plan_version
"""
_PUT_CARTS = """
INSERT INTO cart (cart_id, account_id, secret_hash, lines, version, heard_at)
SELECT *, $6 FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[], $5::bigint[])
ON CONFLICT (cart_id) DO UPDATE SET
    account_id = excluded.account_id, secret_hash = excluded.secret_hash, lines = excluded.lines,
    version = excluded.version, heard_at = excluded.heard_at
WHERE cart.version < excluded.version
"""
_PURGE_CARTS = """
DELETE FROM cart WHERE cart_id IN (
    SELECT cart_id FROM cart WHERE heard_at < $1 AND (account_id IS NULL OR lines = '[]') ORDER BY cart_id LIMIT $2
    FOR UPDATE SKIP LOCKED)
RETURNING cart_id
"""
_OFFERS = """
SELECT o.sku, o.product_id, o.vendor_id, o.title, o.price, o.currency, o.tax_class, o.weight_grams,
       o.status = 'active' AND coalesce(v.status = 'approved', false) AS sellable,
       o.revision, coalesce(v.revision, 0) AS vendor_revision, coalesce(v.commission_bps, 0) AS commission_bps,
       o.category_path, v.plan, (SELECT b.revision FROM promotion_book b) AS book
FROM offer o LEFT JOIN vendor v ON v.vendor_id = o.vendor_id
WHERE o.sku = ANY($1::text[])
"""
_CARTS = "SELECT cart_id, account_id, secret_hash, lines, version FROM cart WHERE cart_id = ANY($1::text[])"


async def put_products(tx: Tx, products: dict[str, tuple[int, Product]]) -> list[str]:
    """Make the offers of each product (id -> version, content) what this version says; returns the SKUs touched.

    An older version than the newest one heard changes nothing.
    """
    fresh = await _hear(tx, {product_id: version for product_id, (version, _) in products.items()})
    rows = sorted(
        (
            (
                variant.sku,
                product_id,
                product.vendor_id,
                title_of(product.title, variant.title),
                variant.price.amount,
                variant.price.currency,
                variant.tax_class,
                variant.weight_grams,
                version,
                PATH.join(product.category_path or (product.category,)),
            )
            for product_id, (version, product) in products.items()
            if product_id in fresh
            for variant in product.variants
        ),
        key=lambda row: row[0],
    )
    if fresh:
        await tx.execute(_ARCHIVE_OTHERS, sorted(fresh), [row[0] for row in rows])
    if rows:
        # A SKU that two products of a batch claim is the last one's.
        unique = list({row[0]: row for row in rows}.values())
        await tx.execute(_PUT_OFFERS, *(list(column) for column in zip(*unique, strict=True)))
    return sorted(fresh)


async def archive_products(tx: Tx, versions: dict[str, int]) -> list[str]:
    """Take all offers of the products (id -> version) off sale; remembers products that were never heard of."""
    fresh = await _hear(tx, versions)
    if fresh:
        await tx.execute(_ARCHIVE_OTHERS, sorted(fresh), [])
    return sorted(fresh)


async def _hear(tx: Tx, versions: dict[str, int]) -> set[str]:
    ids = sorted(versions)
    rows = await tx.fetch(_HEAR_PRODUCTS, ids, [versions[product_id] for product_id in ids])
    return {row["product_id"] for row in rows}


async def put_prices(tx: Tx, prices: Iterable[tuple[str, str, int, str, int]]) -> None:
    """Write prices (sku, product id, amount, currency, version), unless a newer one is known."""
    newest: dict[str, tuple[str, str, int, str, int]] = {}
    for row in prices:
        if row[0] not in newest or newest[row[0]][4] < row[4]:
            newest[row[0]] = row
    rows = [newest[sku] for sku in sorted(newest)]
    await tx.execute(_PUT_PRICES, *(list(column) for column in zip(*rows, strict=True)))


async def put_vendors(tx: Tx, vendors: Sequence[VendorRow]) -> None:
    """Write vendors, each at most once; what an older version says is not believed."""
    rows = sorted(vendors, key=lambda row: row.vendor_id)
    await tx.execute(
        _PUT_VENDORS,
        [row.vendor_id for row in rows],
        [row.status for row in rows],
        [row.status_version for row in rows],
        [row.commission_bps for row in rows],
        [row.plan for row in rows],
        [row.plan_version for row in rows],
    )


async def put_carts(tx: Tx, carts: Sequence[CartChanged], now: datetime) -> None:
    """Write the newest version of each cart, heard of `now`."""
    newest: dict[str, CartChanged] = {}
    for cart in carts:
        if cart.cart_id not in newest or newest[cart.cart_id].version < cart.version:
            newest[cart.cart_id] = cart
    rows = [newest[cart_id] for cart_id in sorted(newest)]
    await tx.execute(
        _PUT_CARTS,
        [cart.cart_id for cart in rows],
        [cart.account_id for cart in rows],
        [cart.secret_hash for cart in rows],
        [cart.lines for cart in rows],
        [cart.version for cart in rows],
        now,
    )


async def purge_carts(tx: Tx, before: datetime, at_most: int) -> list[str]:
    """Delete carts of which nothing was heard since `before`: guests', and empty ones; returns their ids."""
    return [row["cart_id"] for row in await tx.fetch(_PURGE_CARTS, before, at_most)]


async def copy_offers(tx: Tx, rows: Iterable[OfferRow]) -> None:
    """COPY active offers into an empty read model, for the large seed. Their prices have version 1."""
    columns = (
        "sku",
        "product_id",
        "vendor_id",
        "title",
        "price",
        "currency",
        "tax_class",
        "weight_grams",
        "category_path",
    )
    await tx.copy("offer", (*columns, "status", "price_version"), ((*row, "active", 1) for row in rows))
    await tx.execute("INSERT INTO product_heard SELECT DISTINCT product_id, 1 FROM offer ON CONFLICT DO NOTHING")


def title_of(product: str, variant: str) -> str:
    """Return what a line is called: the product and, where there are several, the variant."""
    return product if not variant or variant == product else f"{product}, {variant}"


async def load_offers(tx: Tx, skus: Sequence[str]) -> dict[str, Offer]:
    """Read the offers of `skus` in one query; those that nobody ever offered are missing."""
    return (await load_offers_and_revision(tx, skus))[0]


async def load_offers_and_revision(tx: Tx, skus: Sequence[str]) -> tuple[dict[str, Offer], int]:
    """Read offers, and of which revision the book of promotions is; 0 where there are none."""
    rows = await tx.fetch(_OFFERS, skus)
    plans: dict[tuple[str, int], Plan | None] = {}
    offers: dict[str, Offer] = {}
    for row in rows:
        vendor = (row["vendor_id"], row["vendor_revision"])
        if vendor not in plans:
            plans[vendor] = None if row["plan"] is None else msgspec.convert(row["plan"], Plan)
        plan, path = plans[vendor], path_of(row["category_path"])
        fee_tax = 0 if plan is None else plan.tax_bps
        offers[row["sku"]] = Offer(
            row["sku"],
            row["product_id"],
            row["vendor_id"],
            row["title"],
            row["price"],
            row["currency"],
            row["tax_class"],
            row["weight_grams"],
            row["sellable"],
            row["revision"],
            row["vendor_revision"],
            row["commission_bps"],
            path,
            rates_for(plan, path),
            fee_tax,
        )
    return offers, rows[0]["book"] if rows else 0


def path_of(column: str) -> tuple[str, ...]:
    """Return the slugs that a column `category_path` holds."""
    return tuple(column.split(PATH)) if column else ()


async def load_carts(tx: Tx, cart_ids: Sequence[str]) -> dict[str, CartChanged]:
    """Read carts in one query."""
    return {row["cart_id"]: _cart(row) for row in await tx.fetch(_CARTS, cart_ids)}


def _cart(row: Any) -> CartChanged:
    return CartChanged(
        cart_id=row["cart_id"],
        account_id=row["account_id"],
        secret_hash=row["secret_hash"],
        lines=msgspec.convert(row["lines"], tuple[CartLine, ...]),
        version=row["version"],
    )


class Shelf:
    """The offers and carts that this process has seen, the least recently used ones forgotten.

    What it holds may be out of date: placing guards with revisions, and nothing is refused on its word alone.
    """

    def __init__(self, at_most: int = 100_000, carts: int = 20_000) -> None:
        self._at_most = at_most
        self._most_carts = carts
        self._carts: OrderedDict[str, CartChanged] = OrderedDict()
        self._offers: OrderedDict[str, Offer] = OrderedDict()
        self._products: dict[str, set[str]] = {}

    def get(self, sku: str) -> Offer | None:
        """Return the offer, if it is here and was for sale when it was read."""
        offer = self._offers.get(sku)
        if offer is not None:
            self._offers.move_to_end(sku)
        return offer

    def cart(self, cart_id: str) -> CartChanged | None:
        """Return the newest version of a cart that this process has heard of or read."""
        return self._carts.get(cart_id)

    def put_carts(self, carts: Iterable[CartChanged]) -> None:
        """Keep carts, unless a newer version is here."""
        for cart in carts:
            known = self._carts.get(cart.cart_id)
            if known is None or known.version < cart.version:
                self._carts[cart.cart_id] = cart
                self._carts.move_to_end(cart.cart_id)
        while len(self._carts) > self._most_carts:
            self._carts.popitem(last=False)

    def put(self, offers: Iterable[Offer]) -> None:
        """Keep what can be bought."""
        for offer in offers:
            self.forget((offer.sku,))
            if not offer.sellable:
                continue
            self._offers[offer.sku] = offer
            self._products.setdefault(offer.product_id, set()).add(offer.sku)
        while len(self._offers) > self._at_most:
            self.forget((next(iter(self._offers)),))

    def forget(self, skus: Iterable[str]) -> None:
        for sku in skus:
            offer = self._offers.pop(sku, None)
            if offer is not None:
                siblings = self._products[offer.product_id]
                siblings.discard(sku)
                if not siblings:
                    del self._products[offer.product_id]

    def forget_products(self, product_ids: Iterable[str]) -> None:
        for product_id in product_ids:
            self.forget(tuple(self._products.get(product_id, ())))

    def forget_carts(self, cart_ids: Iterable[str]) -> None:
        for cart_id in cart_ids:
            self._carts.pop(cart_id, None)

    def forget_all(self) -> None:
        self._offers.clear()
        self._products.clear()
