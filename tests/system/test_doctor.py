"""Doctor finds what is broken between services, and lets be what is on its way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import asyncpg
import pytest

from estore.cli.compose import SERVICES, build
from estore.cli.doctor import Finding, comparing, examine, examine_open, messages
from estore.cli.doctor.comparing import merged
from estore.contracts.orders import OrderConfirmed
from estore.kit.db import database
from estore.kit.ids import new_message_id
from estore.kit.runtime import all_subscriptions
from estore.kit.service import Service
from support.databases import Blank, Databases
from support.market import HASTY, Market, in_process, key, ok
from support.world import migrate_services, settings_for

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
Break = Callable[[str], Awaitable[list[Finding]]]
AT_REST = timedelta(0)
CANCEL = "status = 'cancelled', cancel_reason = 'customer', deadline = NULL"

HELD = "stock is held for open orders only"
CAPTURED = "what was captured is confirmed, or refunded in time"
CONFIRMED = "what is confirmed was captured, and its stock committed"
CHARGED = "an order's total, less credit, is what was captured for it"
SOLD, BOOKED = "what is confirmed is sold in the ledger, for its total", "what was captured is in the ledger"
GIVEN_BACK = "what was given back is in the ledger"
APPLIED = "every event was applied by each queue that hears it"
GHOST = "nothing was applied that nobody published"
ORDERS_OFFER, CART_OFFER = "the offers in orders are the catalog's", "the offers in cart are the catalog's"
CATALOG_STOCK, CART_STOCK = "the availability in catalog is inventory's", "the availability in cart is inventory's"

CASES = {
    "an active reservation of an unknown order": (
        "INSERT INTO inventory.reservation (order_id, state, expires_at, changed_at)"
        " VALUES ('ord_1', 'active', now(), now())",
        {HELD},
    ),
    "a cancelled order whose stock and money were kept": (
        f"UPDATE orders.purchase_order SET {CANCEL} WHERE status = 'confirmed'",
        {HELD, CAPTURED},
    ),
    "a shipped order whose stock is still held": (
        "UPDATE inventory.reservation SET state = 'committed' WHERE state = 'shipped'",
        {HELD},
    ),
    "a refund that orders was not told of": (
        "UPDATE orders.purchase_order SET refunded = 0, payment_status = 'refund_pending' WHERE status = 'cancelled'",
        {CAPTURED},
    ),
    "a lost dispute that an order does not count": (
        "INSERT INTO orders.refund (refund_id, order_id, amount, currency, reason, cause, platform, requested_at,"
        " refunded_at, allocated_at) SELECT 'dsp_1', order_id, 100, currency, 'dispute', 'dispute', 100, now(), now(),"
        " now() FROM orders.purchase_order WHERE status = 'confirmed'",
        {CAPTURED},
    ),
    "a confirmed order that was never charged": (
        "DELETE FROM payments.payment_intent WHERE order_id IN"
        " (SELECT order_id FROM orders.purchase_order WHERE status = 'confirmed')",
        {CONFIRMED, BOOKED},
    ),
    "a confirmed order whose stock went": (
        "UPDATE inventory.reservation SET state = 'released', reason = 'expired' WHERE state = 'committed'",
        {CONFIRMED},
    ),
    "a charge of another amount": (
        "UPDATE payments.payment_intent SET amount = amount + 1, captured = captured + 1"
        " WHERE captured > 0 AND refunded = 0",
        {CAPTURED, CHARGED, BOOKED},
    ),
    "a refund that the books have not": (
        "UPDATE payments.payment_intent SET refunded = refunded - 1 WHERE refunded > 0",
        {CAPTURED, GIVEN_BACK},
    ),
    "a sale of another total": (
        "UPDATE orders.purchase_order SET total = total + 1, captured = captured + 1,"
        " shipping = shipping + 1 WHERE status = 'confirmed'",
        {CAPTURED, CHARGED, SOLD},
    ),
    "an event that a consumer never applied": (
        "DELETE FROM inventory.once WHERE ctid IN (SELECT ctid FROM inventory.once"
        " WHERE scope = 'inventory.reservations' ORDER BY key DESC LIMIT 1)",
        {APPLIED},
    ),
    "a consumer that never applied anything": (
        "DELETE FROM payments.once WHERE scope = 'payments.charges'",
        {APPLIED},
    ),
    "a message that nobody published": (
        f"INSERT INTO orders.once (scope, key) VALUES ('orders.stock', '{new_message_id()}')",
        {GHOST},
    ),
    "an event whose transaction was rolled back after it was sent": (
        "DELETE FROM orders.outbox WHERE name = 'order.confirmed.v1'",
        {GHOST},
    ),
    "an offer with another price": (
        "UPDATE orders.offer SET price = price + 1 WHERE status = 'active'",
        {ORDERS_OFFER},
    ),
    "an offer from the future": ("UPDATE cart.offer SET price_version = 99 WHERE listed", {CART_OFFER}),
    "an offer that is missing": ("DELETE FROM cart.offer", {CART_OFFER, CART_STOCK}),
    "an offer that is not for sale any more": ("UPDATE catalog.product SET listed = false", {ORDERS_OFFER, CART_OFFER}),
    "an availability that was not told on": ("UPDATE catalog.stock SET available = available + 1", {CATALOG_STOCK}),
    "an availability that came late": ("UPDATE cart.offer SET stock_version = stock_version - 1", {CART_STOCK}),
}
# No event ever spoke of it, so nothing can be on its way.
NEVER_ON_ITS_WAY = {"an active reservation of an unknown order": {HELD}}


@pytest.fixture(scope="module")
async def bought(databases: Databases) -> str:
    """A template: a store at rest, with an order of each kind: confirmed, shipped, cancelled and refunded, rejected."""

    async def fill(dsn: str) -> None:
        await migrate_services(dsn, SERVICES)
        async with in_process(databases, dsn=dsn, **HASTY) as store:
            market = await Market(store).open()
            sku = await market.product(stock=5)
            await market.bought((sku, 1))
            shipped = await market.bought((sku, 1))
            url = f"/v1/parcels/pcl_{shipped.id[4:]}-1/ship"
            await ok(market.tonwerk.client.post(url, json={}, headers=key()), 200)
            cancelled = await market.bought((sku, 1))
            await cancelled.cancel()
            await cancelled.settled("cancelled")
            await (await market.order((sku, 50))).settled("rejected")
            await market.proved()

    return await databases.template("system doctor", fill)


@dataclass(frozen=True)
class Store:
    """A database that nobody writes but the test, and services that read it."""

    dsn: str
    services: list[Service]

    async def broken(self, grace: timedelta = AT_REST) -> set[str]:
        """What doctor finds between the services."""
        findings = await examine_open(self.services, grace=grace)
        return {finding.name for finding in findings if finding.service == "all" and not finding.holds}


@pytest.fixture(scope="module")
async def opened(databases: Databases, bought: str) -> AsyncIterator[tuple[Store, Blank]]:
    dsn = await databases.fresh(bought)
    blank = await Blank.of(dsn)
    services = build(settings_for(dsn, SERVICES))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(database, "ACQUIRE_SECONDS", 60.0)
        for service in services:
            await service.db.open()
        yield Store(dsn, services), blank
        for service in services:
            await service.db.close()
    await blank.close()
    await databases.drop(dsn)


@pytest.fixture
async def store(opened: tuple[Store, Blank]) -> AsyncIterator[Store]:
    """The store at rest; what is damaged is mended for the next."""
    store, at_rest = opened
    yield store
    assert await at_rest.restore()


async def damage(dsn: str, sql: str) -> None:
    conn = await asyncpg.connect(dsn)
    try:
        tag = await conn.execute(sql)
        assert not tag.endswith(" 0"), "nothing was damaged"
    finally:
        await conn.close()


async def test_a_store_at_rest_is_proved_over_what_it_holds(store: Store) -> None:
    findings = {f.name: f for f in await examine(settings_for(store.dsn, SERVICES), grace=AT_REST)}

    assert [f.name for f in findings.values() if not f.holds] == []
    assert [findings[name].over for name in (HELD, CAPTURED, CONFIRMED, CHARGED)] == [1, 3, 2, 2]
    assert findings[APPLIED].over == findings[GHOST].over > 50
    assert [findings[name].over for name in (ORDERS_OFFER, CART_OFFER, CATALOG_STOCK, CART_STOCK)] == [1, 1, 1, 1]


@pytest.mark.parametrize("case", CASES)
async def test_doctor_finds(store: Store, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (comparing, messages):
        monkeypatch.setattr(module, "PAUSES", (0.05, 0.05))
    sql, expected = CASES[case]
    await damage(store.dsn, sql)

    assert await store.broken() == expected
    # the same might be on its way, as long as something was told of it a moment ago
    assert await store.broken(timedelta(hours=1)) == expected & NEVER_ON_ITS_WAY.get(case, {GHOST})


async def test_what_is_on_its_way_is_looked_at_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (comparing, messages):
        monkeypatch.setattr(module, "PAUSES", (0.3, 8.0))
    conn = await asyncpg.connect(store.dsn)
    [order_id] = await conn.fetchrow("SELECT order_id FROM inventory.reservation WHERE state = 'committed'")
    change = "UPDATE inventory.reservation SET state = $2, reason = $3 WHERE order_id = $1"
    await conn.execute(change, order_id, "released", "expired")
    examination = asyncio.create_task(store.broken())
    await asyncio.sleep(0.6)
    await conn.execute(change, order_id, "committed", None)
    await conn.close()

    assert await examination == set()


@pytest.mark.parametrize("foreign", ["ec5b0000-0000-4000-8000-000000000001", "ffffffff-ffff-4fff-bfff-ffffffffffff"])
async def test_an_event_whose_id_tells_no_time_is_judged_at_once(store: Store, foreign: str) -> None:
    """The time in a random UUID may be in a year that no calendar has."""
    emit = (
        "INSERT INTO orders.outbox (id, name, subject, version, occurred_at, correlation_id, causation_id, traceparent,"
        f" body, published_at) VALUES ('{foreign}', 'order.confirmed.v1', 'ord_none', 1, now(), '', '', '', '', now())"
    )
    await damage(store.dsn, emit)
    assert APPLIED in await store.broken(timedelta(hours=1))

    for queue in all_subscriptions(build(settings_for(store.dsn, SERVICES))):
        if OrderConfirmed in queue.handlers:
            applied = f"INSERT INTO {queue.service}.once (scope, key) VALUES ('{queue.queue}', '{foreign}')"
            await damage(store.dsn, applied)
    assert await store.broken() == set()


async def test_streams_are_merged_by_key() -> None:
    async def stream(*keys: str) -> AsyncIterator[tuple[str, int]]:
        for number, letter in enumerate(keys):
            yield letter, number

    rows = [row async for row in merged([stream("a", "c", "d"), stream(), stream("b", "c")])]
    assert rows == [
        ("a", [("a", 0), None, None]),
        ("b", [None, None, ("b", 0)]),
        ("c", [("c", 1), None, ("c", 1)]),
        ("d", [("d", 2), None, None]),
    ]
    with pytest.raises(ValueError, match="not sorted"):
        [row async for row in merged([stream("a", "c", "b")])]
