"""All that locks the same vendors' rows at once, on real connections: nobody waits in a circle, no cent is lost."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Sequence

import asyncpg
import pytest

from estore.contracts.orders import OrderConfirmed
from estore.kit.errors import Transient
from ledger.factories import OTHER, VENDOR
from ledger.payees import Payees, eur, key, opened
from support.databases import Databases

ROUNDS = 4


async def _as_a_queue_does(work: Awaitable[None]) -> None:
    """A pool that is exhausted is tried again by a queue; a deadlock would be, too, and must not be hidden by that."""
    try:
        await work
    except Transient as error:
        assert not isinstance(error.__cause__, asyncpg.DeadlockDetectedError), error


async def _post(p: Payees, path: str, body: object, seen: list[int]) -> None:
    async with p.operator as client:
        answer = await client.post(path, json=body, headers=key())
    seen.append(answer.status_code)


async def _round(p: Payees, sales: Sequence[OrderConfirmed], dice: random.Random) -> list[int]:
    """Refund, return, dispute, hold, pay, adjust and release at once, each told twice and in another order."""
    seen: list[int] = []
    each = p.ledger
    refunds = [each.refund(sale, takes={1: (900, 90, 17), 2: (800, 80, 15)}) for sale in sales]
    returns = [each.return_(sale, 3_000, number=number) for sale in sales for number in (1, 2)]
    disputes = [each.dispute(sale) for sale in sales]
    await each.hear_together(*returns[::2])
    await each.hear_together(*disputes[::2])
    batches: list[Sequence[object]] = [
        refunds,
        returns,
        disputes,
        [each.return_closed(asked) for asked in returns],
        [each.dispute_closed(dispute, won=True) for dispute in disputes],
        [each.refund_failed(sale, refund) for sale, refund in zip(sales[::3], refunds[::3], strict=True)],
        [each.refund(sale, takes={2: (500, 50, 9), 1: (400, 40, 8)}) for sale in sales],
        [each.delivered(sale, number, days=0) for sale in sales for number in (1, 2)],
        [each.sale(earns={OTHER: (700, 70, 13), VENDOR: (600, 60, 11)}) for _ in sales],
    ]
    work: list[Awaitable[None]] = []
    for batch in batches:
        for _ in range(2):
            told = list(batch)
            dice.shuffle(told)
            work.append(_as_a_queue_does(each.hear_together(*told)))
    for vendor in (VENDOR, OTHER):
        work += [
            _post(p, "/v1/ledger/adjustments", {"vendor_id": vendor, "amount": eur(2_000), "reason": "r"}, seen),
            _post(p, "/v1/ledger/holds", {"vendor_id": vendor, "amount": eur(100), "reason": "doubt"}, seen),
            _post(p, "/v1/payouts", {"vendor_id": vendor, "amount": eur(200)}, seen),
        ]
    jobs = ("release_due", "release_due_holds", "payout-run", "payout-send", "fold_balances", "seal_entries")
    work += [_as_a_queue_does(each.run(job)) for job in jobs * 2]
    dice.shuffle(work)
    await asyncio.gather(*work)
    return seen


@pytest.mark.parametrize("seed", [1, 2])
async def test_whoever_locks_the_same_rows_waits_in_one_order(databases: Databases, seed: int) -> None:
    dice = random.Random(seed)
    async with opened(databases, ESTORE_LEDGER_PAYOUT_SCHEDULE="daily", ESTORE_LEDGER_RESERVE_BPS="1000") as p:
        for vendor in (VENDOR, OTHER):
            await p.vendor(vendor, available=5_000)
        before = await p.ledger.deadlocks()
        seen: list[int] = []
        for _ in range(ROUNDS):
            sales = [p.ledger.sale(earns={VENDOR: (10_000, 1_000, 190), OTHER: (9_000, 900, 171)}) for _ in range(6)]
            await p.ledger.hear_together(*sales)
            for sale in sales[::2]:
                for number in (1, 2):
                    await p.ledger.hear(p.ledger.delivered(sale, number, days=0))
            seen += await _round(p, sales, dice)
        await p.ledger.run("release_due")

        assert await p.ledger.deadlocks() == before
        assert set(seen) <= {201, 409, 503}
        assert 201 in seen
        assert await p.world.broken("ledger") == {}
