"""A large catalogue, by COPY: every service fills its own tables at the same time, from one stream of products.

Each service has a thread with an event loop of its own and one transaction, so memory is a few chunks, whatever the
number of products, and a service has all of them or none. Product number i is always the same: whoever was stopped
half way runs the command again, and each service takes what it lacks.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice

import asyncpg

from estore.cli.compose import build
from estore.cli.seed.generate import Catalogue, GeneratedProduct
from estore.cli.seed.progress import Stage
from estore.kit.db import Database, Tx
from estore.kit.settings import Settings
from estore.services.cart import store as cart
from estore.services.catalog import store as catalog
from estore.services.catalog.domain import PUBLISHED, Picture, Product, Variant
from estore.services.inventory import store as inventory
from estore.services.orders import store as orders
from estore.services.reviews import store as reviews
from estore.services.search.store import documents as search

CHUNK = 1000
WAITING_CHUNKS = 4
CATALOG_BATCH = 20_000
# What inventory counts as announced when it copies stock; the read models of the others must say the same.
_ANNOUNCEMENT = 1
_VERSION = 1

# From so many rows on, and when that is most of what the tables will hold, their indexes are built afterwards.
_MANY = 50_000
_MOST = 4

# Where each service keeps the SKUs that it knows, and what else is filled.
_TABLES = {
    "catalog": ("product", "variant", "stock"),
    "inventory": ("sku", "stock", "movement"),
    "orders": ("offer", "product_heard"),
    "cart": ("offer",),
    "reviews": ("sku",),
    "search": ("document", "offer", "pending"),
}
_SKUS = {
    "catalog": "variant",
    "inventory": "sku",
    "orders": "offer",
    "cart": "offer",
    "reviews": "sku",
    "search": "offer",
}


@dataclass(frozen=True)
class Names:
    """What the store calls the vendors and categories that the generator knows by their slugs.

    paths: of each category, the slugs from the root down to it.
    """

    vendors: Mapping[str, str]
    categories: Mapping[str, str]
    currency: str
    paths: Mapping[str, tuple[str, ...]]


Rows = Iterator[GeneratedProduct]
Copy = Callable[[Tx, Rows, Names, datetime], Awaitable[None]]


class Stopped(Exception):
    """Another service failed, so there is no point in going on."""


class _Feed:
    """What one service still has to take. put: for the producer. rows: for the service."""

    def __init__(self, first: int, stage: Stage, failed: threading.Event) -> None:
        self.first = first
        self._stage = stage
        self._failed = failed
        self._chunks: queue.Queue[list[GeneratedProduct] | None] = queue.Queue(WAITING_CHUNKS)

    def put(self, chunk: list[GeneratedProduct] | None) -> None:
        """Hand a chunk over, None at the end; waits while the service is behind. Raises Stopped."""
        while not self._failed.is_set():
            try:
                return self._chunks.put(chunk, timeout=0.5)
            except queue.Full:
                continue
        raise Stopped

    def rows(self) -> Rows:
        """Yield the products. Raises Stopped."""
        while True:
            try:
                chunk = self._chunks.get(timeout=0.5)
            except queue.Empty:
                if self._failed.is_set():
                    raise Stopped from None
                continue
            if chunk is None:
                return
            yield from chunk
            self._stage.advance(len(chunk))


async def fill(settings: Settings, names: Names, catalogue: Catalogue, n: int, now: datetime, stage: Stage) -> int:
    """Make sure that the store has the first `n` products of `catalogue`. Returns how many were added.

    Raises what the first failing service raised.
    """
    databases = {service.name: service.db for service in build(settings, tuple(_SKUS))}
    first = {name: await _count(db, _SKUS[name], catalogue, n) for name, db in databases.items()}
    lacking = {name: db for name, db in databases.items() if first[name] < n}
    if lacking:
        failed = threading.Event()
        # The first one, catalog, has most to do: what it took counts as done.
        slowest = next(iter(lacking))
        feeds = {name: _Feed(first[name], stage if name == slowest else Stage(name), failed) for name in lacking}
        work: list[Callable[[], None]] = [partial(_produce, catalogue, n, list(feeds.values()), failed)]
        for name, db in lacking.items():
            load = _Load(db, COPIES[name], feeds[name], _TABLES[name], n - first[name])
            work.append(partial(_consume, load, names, now, failed))
        # All at once or none moves: on two cores asyncio's own pool has a thread too few, and everybody would wait.
        with ThreadPoolExecutor(len(work)) as threads:
            running = [asyncio.get_running_loop().run_in_executor(threads, one) for one in work]
            results = await asyncio.gather(*running, return_exceptions=True)
        errors = [result for result in results if isinstance(result, BaseException)]
        for error in sorted(errors, key=lambda e: isinstance(e, Stopped)):
            raise error
    return n - min(first.values())


async def analyze(settings: Settings) -> None:
    """Tell PostgreSQL what the tables look like now, so that its plans fit."""

    async def one(db: Database) -> None:
        conn = await asyncpg.connect(db.dsn, server_settings={"search_path": db.service})
        try:
            for row in await conn.fetch(
                "SELECT quote_ident(relname) AS name FROM pg_class"
                " WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'"
            ):
                await conn.execute(f"ANALYZE {row['name']}")
        finally:
            await conn.close()

    await asyncio.gather(*(one(service.db) for service in build(settings, tuple(_SKUS))))


async def _count(db: Database, table: str, catalogue: Catalogue, n: int) -> int:
    """Return how many of the first `n` products are there, counted without a gap, in a few look-ups."""
    conn = await asyncpg.connect(db.dsn, server_settings={"search_path": db.service})
    try:

        async def known(number: int) -> bool:
            sku = catalogue.product(number).variants[0].sku
            return bool(await conn.fetchval(f"SELECT EXISTS (SELECT 1 FROM {table} WHERE sku = $1)", sku))

        low, high = 0, n
        if not await known(0):
            return 0
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if await known(middle) else (low, middle)
        return low
    finally:
        await conn.close()


def _produce(catalogue: Catalogue, n: int, feeds: Sequence[_Feed], failed: threading.Event) -> None:
    try:
        start = min(feed.first for feed in feeds)
        # Chunks end where a service begins, so that each one is taken whole or not at all.
        stops = sorted({feed.first for feed in feeds if feed.first > start} | {n})
        for begin, end in zip([start, *stops[:-1]], stops, strict=True):
            numbers = iter(range(begin, end))
            takers = [feed for feed in feeds if feed.first <= begin]
            while chunk := [catalogue.product(number) for number in islice(numbers, CHUNK)]:
                for feed in takers:
                    feed.put(chunk)
        for feed in feeds:
            feed.put(None)
    except BaseException:
        failed.set()
        raise


@dataclass(frozen=True)
class _Load:
    """One service's part. products: how many it lacks."""

    db: Database
    copy: Copy
    feed: _Feed
    tables: Sequence[str]
    products: int


def _consume(load: _Load, names: Names, now: datetime, failed: threading.Event) -> None:
    async def run() -> None:
        load.db.command_timeout = None
        await load.db.open()
        try:
            async with load.db.transaction() as tx, _set_aside(tx, load):
                await load.copy(tx, load.feed.rows(), names, now)
        finally:
            await load.db.close()

    try:
        asyncio.run(run())
    except BaseException:
        failed.set()
        raise


_INDEXES = """
SELECT 'DROP INDEX ' || i.indexrelid::regclass AS drop, pg_get_indexdef(i.indexrelid) AS make
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ANY($1)
  AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid)
"""
_FOREIGN_KEYS = """
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS drop,
       format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(k.oid)) AS make
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
WHERE k.contype = 'f' AND c.relnamespace = current_schema()::regnamespace AND c.relname = ANY($1)
"""


@asynccontextmanager
async def _set_aside(tx: Tx, load: _Load) -> AsyncIterator[None]:
    """Load without secondary indexes and foreign keys, and make them again, as they were, in the same transaction.

    Sorting a million rows once is many times faster than inserting each in its place. Who reads these tables meanwhile
    waits, so it is done for large loads into small tables only.
    """
    there = await tx.fetchval(f"SELECT count(*) FROM {load.tables[0]}")
    if load.products < _MANY or there * _MOST > load.products:
        yield
        return
    await tx.execute("SET LOCAL maintenance_work_mem = '128MB'")
    aside = [*await tx.fetch(_FOREIGN_KEYS, load.tables), *await tx.fetch(_INDEXES, load.tables)]
    for row in aside:
        await tx.execute(row["drop"])
    yield
    for row in reversed(aside):
        await tx.execute(row["make"])


# --- what each service takes of a product ---------------------------------------------------------------------


async def _copy_catalog(tx: Tx, rows: Rows, names: Names, now: datetime) -> None:
    while batch := list(islice(rows, CATALOG_BATCH)):
        await catalog.copy_products(tx, (_product(row, names) for row in batch), currency=names.currency, now=now)
        levels = ((v.sku, v.stock, _ANNOUNCEMENT) for row in batch for v in row.variants)
        await tx.copy("stock", ("sku", "available", "version"), levels)


def _product(row: GeneratedProduct, names: Names) -> Product:
    return Product(
        id=row.product_id,
        vendor_id=names.vendors[row.vendor],
        category_id=names.categories[row.category],
        slug=row.slug,
        title=row.title,
        description=row.description,
        brand=row.brand,
        attributes=row.attributes,
        pictures=(Picture(row.picture, f"Drawing of something like {row.title}"),),
        tax_class=row.tax_class,
        variants=tuple(
            Variant(
                sku=v.sku,
                title=v.title,
                options=v.options,
                price=v.price,
                weight_grams=v.weight_grams,
                barcode=v.barcode,
            )
            for v in row.variants
        ),
        status=PUBLISHED,
        listed=True,
        version=_VERSION,
        published_at=row.published_at,
        created_at=row.published_at,
    )


async def _copy_inventory(tx: Tx, rows: Rows, names: Names, now: datetime) -> None:
    seeds = (
        inventory.SeedRow(v.sku, row.product_id, names.vendors[row.vendor], _VERSION, v.stock)
        for row in rows
        for v in row.variants
    )
    await inventory.copy_stock(tx, seeds, now)


async def _copy_orders(tx: Tx, rows: Rows, names: Names, now: datetime) -> None:
    offers = (
        (
            v.sku,
            row.product_id,
            names.vendors[row.vendor],
            _line_title(row, v.title),
            v.price,
            names.currency,
            row.tax_class,
            v.weight_grams,
            orders.PATH.join(names.paths[row.category]),
        )
        for row in rows
        for v in row.variants
    )
    await orders.copy_offers(tx, offers)


async def _copy_cart(tx: Tx, rows: Rows, names: Names, now: datetime) -> None:
    offers = (
        cart.OfferSeed(
            v.sku,
            row.product_id,
            names.vendors[row.vendor],
            _line_title(row, v.title),
            v.price,
            names.currency,
            v.stock,
            _VERSION,
            row.picture,
        )
        for row in rows
        for v in row.variants
    )
    await cart.copy_offers(tx, offers)


async def _copy_reviews(tx: Tx, rows: Rows, names: Names, now: datetime) -> None:
    await reviews.copy_skus(tx, ((v.sku, row.product_id) for row in rows for v in row.variants))


async def _copy_search(tx: Tx, rows: Rows, names: Names, now: datetime) -> None:
    await search.copy_documents(
        tx,
        (
            (
                search.DocumentRow(
                    product_id=row.product_id,
                    version=_VERSION,
                    slug=row.slug,
                    title=row.title,
                    vendor_id=names.vendors[row.vendor],
                    brand=row.brand,
                    category=row.category,
                    category_path=list(names.paths[row.category]),
                    attributes=dict(row.attributes),
                    description=row.description,
                    picture=row.picture,
                    variants=[
                        {"sku": v.sku, "title": v.title, "options": dict(v.options), "barcode": v.barcode}
                        for v in row.variants
                    ],
                    published_at=row.published_at,
                ),
                [(v.sku, v.price, names.currency, v.stock) for v in row.variants],
            )
            for row in rows
        ),
    )


def _line_title(row: GeneratedProduct, variant: str) -> str:
    return row.title if variant == row.title else f"{row.title}, {variant}"


COPIES: Mapping[str, Copy] = {
    "catalog": _copy_catalog,
    "inventory": _copy_inventory,
    "orders": _copy_orders,
    "cart": _copy_cart,
    "reviews": _copy_reviews,
    "search": _copy_search,
}
