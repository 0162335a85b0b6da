"""Random histories, told in random orders, with duplicates: the same events always come to the same balances."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from estore.contracts.orders import OrderCancelled, OrderConfirmed
from estore.kit.errors import Transient
from ledger.factories import OTHER, VENDOR, Ledger

CURRENCIES = ("EUR", "JPY", "KWD")


def order(dice: random.Random, ledger: Ledger) -> tuple[OrderConfirmed, list[Any]]:
    """What happens to one order, and the events that tell of it."""
    earns = {}
    for vendor in dice.sample([VENDOR, OTHER], k=dice.randint(1, 2)):
        total = dice.choice([1, 7, 999, 12_345, 10_000_000])
        commission = total * dice.randint(0, 3_000) // 10_000
        earns[vendor] = (total, commission, commission * 19 // 100, dice.choice([0, 0, total // 7]))
    sale = ledger.sale(earns=earns, currency=dice.choice(CURRENCIES))
    events: list[Any] = [ledger.capture(sale), sale]
    fate = dice.choice(["delivered", "cancelled", "partly refunded", "failed refund", "returned", "disputed"])
    if fate == "cancelled":
        refund = ledger.refund(sale, cause="cancelled")
        cancelled = OrderCancelled(order_id=sale.order_id, reason="customer", version=4)
        return sale, [*events, cancelled, refund, ledger.refund_paid(sale, refund)]
    for number in range(1, len(sale.parcels) + 1):
        events += [ledger.shipped(sale, number), ledger.delivered(sale, number, days=dice.choice([0, 14]))]
    half = {1: tuple(amount // 2 for amount in earns[sale.parcels[0].vendor_id])}
    if fate == "partly refunded" and half[1][0]:
        refund = ledger.refund(sale, takes=half, platform=dice.randint(0, 50))
        events += [refund, ledger.refund_paid(sale, refund)]
    elif fate == "failed refund":
        refund = ledger.refund(sale)
        events += [refund, ledger.refund_failed(sale, refund)]
    elif fate == "returned" and half[1][0]:
        asked = ledger.return_(sale, max(half[1][0] - half[1][1] - half[1][2], 1))
        refund = ledger.refund(sale, takes=half, cause="return", return_id=asked.return_id)
        events += [asked, refund, ledger.refund_paid(sale, refund), ledger.return_closed(asked, "refunded")]
    elif fate == "disputed":
        dispute = ledger.dispute(sale)
        won = dice.random() < 0.5
        events += [dispute, ledger.dispute_closed(dispute, won=won)]
        if not won:
            events.append(ledger.refund(sale, dispute.dispute_id, cause="dispute"))
    return sale, events


async def tell(ledger: Ledger, events: list[Any]) -> None:
    """Deliver as a bus does: again later, what is too early."""
    while events:
        early = []
        for event in events:
            try:
                await ledger.hear(event)
            except Transient:
                early.append(event)
        assert len(early) < len(events), f"never accepted: {early}"
        events = early


async def state(ledger: Ledger) -> dict[tuple[str, str], dict[str, int]]:
    found = {}
    for vendor in (VENDOR, OTHER):
        for currency in CURRENCIES:
            found[vendor, currency] = await ledger.balances(vendor, currency)
    sheet = (await ledger.ask("GET", "/v1/ledger/balance-sheet")).json()["currencies"]
    for each in sheet:
        assert each["total"]["amount"] == 0
        found["platform", each["currency"]] = {
            line["account"]: line["amount"]["amount"] for line in each["accounts"] if line["amount"]["amount"]
        }
    return found


def expected(orders: list[tuple[OrderConfirmed, list[Any]]]) -> dict[tuple[str, str], int]:
    """What each vendor is owed in sum, computed from the events without any ledger."""
    owed: dict[tuple[str, str], int] = {}
    for sale, events in orders:
        failed = {e.refund_id for e in events if type(e).__name__ == "PaymentRefundFailed"}
        moves = [(p.vendor_id, p.total + p.funded - p.commission - p.commission_tax) for p in sale.parcels]
        for event in events:
            if type(event).__name__ == "RefundAllocated" and event.refund_id not in failed:
                moves += [(s.vendor_id, s.commission + s.commission_tax - s.amount - s.funded) for s in event.shares]
        for vendor, amount in moves:
            owed[vendor, sale.totals.currency] = owed.get((vendor, sale.totals.currency), 0) + amount
    return {key: amount for key, amount in owed.items() if amount}


@pytest.mark.parametrize("seed", range(6))
async def test_any_order_of_the_same_events_comes_to_the_same_balances(
    ledger: Ledger, uneven_ledger: Ledger, seed: int
) -> None:
    dice = random.Random(seed)
    orders = [order(dice, ledger) for _ in range(15)]
    events = [event for _, told in orders for event in told]
    shuffled = events + dice.sample(events, k=len(events) // 3)
    dice.shuffle(shuffled)
    await tell(ledger, events)
    await tell(uneven_ledger, shuffled)
    for each in (ledger, uneven_ledger):
        await each.run("release_due")
        await each.run("seal_entries")
        await each.run("fold_balances")
    first, second = await state(ledger), await state(uneven_ledger)

    assert first == second
    assert await uneven_ledger.world.broken("ledger") == {}
    sums = {key: sum(kinds.values()) for key, kinds in first.items() if key[0] != "platform" and sum(kinds.values())}
    assert sums == expected(orders)


@pytest.mark.parametrize("seed", range(3))
async def test_a_random_history_lived_by_many_at_once_adds_up(ledger: Ledger, seed: int) -> None:
    dice = random.Random(100 + seed)
    orders = [order(dice, ledger) for _ in range(24)]

    async def live(events: list[Any]) -> None:
        told = events + dice.sample(events, k=2)
        dice.shuffle(told)
        for _ in range(200):
            early = []
            for event in told:
                try:
                    await ledger.hear(event)
                except Transient:
                    early.append(event)
                await asyncio.sleep(0)
            if not early:
                return
            told = early
        raise AssertionError(f"never accepted: {told}")

    async def ring() -> None:
        for _ in range(10):
            for job in ("release_due", "seal_entries", "fold_balances", "release_due_holds"):
                await ledger.run(job)

    await asyncio.gather(*(live(events) for _, events in orders), ring(), ring())
    first = await state(ledger)

    sums = {key: sum(kinds.values()) for key, kinds in first.items() if key[0] != "platform" and sum(kinds.values())}
    assert sums == expected(orders)
