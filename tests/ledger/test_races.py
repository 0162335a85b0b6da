"""Many at once, on real connections: each thing happens once, and nothing waits for the platform's accounts."""

from __future__ import annotations

import asyncio
from typing import Any

from estore.contracts.ledger import BalanceNegative
from estore.kit.bus.base import handle
from estore.kit.context import system_context
from estore.services.ledger.domain import EntryKind, Kind, Posting, of_vendor
from estore.services.ledger.service import Books
from estore.services.ledger.store import Journal
from ledger.factories import OTHER, VENDOR, Ledger

PAYABLE = 8_810


async def test_two_workers_that_post_the_same_batch_post_it_once(ledger: Ledger) -> None:
    sales = [ledger.sale(earns={vendor: (10_000, 1_000, 190)}) for vendor in (VENDOR, OTHER) * 20]
    # New messages, so that only the sources stand between the two: as after a republishing.
    await asyncio.gather(*(ledger.hear_together(*batch) for batch in (sales, sales[::-1], sales)))
    captures = [ledger.capture(sale) for sale in sales]
    await asyncio.gather(*(ledger.hear_together(*batch) for batch in (captures, captures[::-1], captures)))

    assert await ledger.balances() == await ledger.balances(OTHER) == {"pending": 20 * PAYABLE}
    assert (await ledger.fetch("SELECT count(*) AS entries FROM entry"))[0]["entries"] == 80


async def test_a_parcel_is_released_once_while_it_is_refunded_and_returned(ledger: Ledger) -> None:
    sales = [ledger.sale() for _ in range(12)]
    await ledger.hear_together(*sales)
    await ledger.hear_together(*(ledger.delivered(sale, days=0) for sale in sales))
    refunds = [ledger.refund(sale, takes={1: (5_000, 500, 95)}) for sale in sales]
    returns = [ledger.return_(sale, 100) for sale in sales]
    await asyncio.gather(
        *(ledger.run("release_due") for _ in range(3)),
        *(ledger.hear(refund) for refund in refunds),
        *(ledger.hear(asked) for asked in returns),
        ledger.hear_together(*refunds),
        ledger.hear_together(*(ledger.return_closed(asked) for asked in returns[:6])),
    )
    await ledger.run("release_due")
    balances = await ledger.balances()

    assert sum(balances.values()) == 12 * (PAYABLE - 4_405)
    assert balances["reserved"] == 6 * 100


async def test_holds_and_payouts_share_what_is_there(uneven_ledger: Ledger) -> None:
    """The payouts are bare entries here, without what the service keeps of payouts."""
    ledger = uneven_ledger
    await ledger.available()
    service = ledger.world.service("ledger")
    books = Books(Journal())
    available, paying = (of_vendor(kind, VENDOR, "EUR") for kind in (Kind.AVAILABLE, Kind.PAYING))

    async def pay_out(number: int) -> None:
        async with service.db.transaction() as tx:
            locked = await books.journal.lock(tx, [available, paying], ledger.clock.now())
            amount = -locked[available].amount
            if amount <= 0:
                return
            posting = Posting(
                source=f"payout:race_{number}",
                kind=EntryKind.PAYOUT,
                currency="EUR",
                lines=((available, amount), (paying, -amount)),
                occurred_at=ledger.clock.now(),
            )
            await books.post(tx, system_context(ledger.clock.now()), [posting], ledger.clock.now())

    async def hold(number: int) -> Any:
        money = {"amount": 1_000, "currency": "EUR"}
        body = {"vendor_id": VENDOR, "amount": money, "reason": "a doubt"}
        return await ledger.ask("POST", "/v1/ledger/holds", json=body, key=str(number))

    await asyncio.gather(*(pay_out(n) for n in range(4)), *(hold(n) for n in range(4)))
    balances = await ledger.balances()

    assert balances["reserved"] == 4_000
    assert sum(balances.values()) == PAYABLE
    assert await ledger.world.emitted("ledger", BalanceNegative) == []


async def test_who_posts_to_the_platforms_accounts_waits_for_nobody(ledger: Ledger) -> None:
    """Only sales of a vendor whose balance is locked wait, until whoever locked it is done."""
    mine, others = ledger.sale(earns={VENDOR: (10_000, 1_000, 190)}), ledger.sale(earns={OTHER: (10_000, 1_000, 190)})
    await ledger.hear(ledger.sale(earns={VENDOR: (1, 0, 0), OTHER: (1, 0, 0)}))
    async with ledger.world.service("ledger").db.transaction() as tx:
        await Journal().lock(tx, [of_vendor(Kind.PENDING, VENDOR, "EUR")], ledger.clock.now())
        await asyncio.wait_for(ledger.hear(ledger.capture(mine), ledger.capture(others), others), 60)
        waiting = asyncio.create_task(ledger.hear(mine))
        await asyncio.sleep(0.2)
        waits = not waiting.done()
    await waiting

    assert waits
    assert await ledger.balances() == {"pending": PAYABLE + 1}


async def test_only_one_process_seals_and_every_entry_is_sealed_once(ledger: Ledger) -> None:
    async def sell() -> None:
        for _ in range(10):
            sale = ledger.sale()
            await ledger.hear(ledger.capture(sale), sale)

    async def seal() -> None:
        for _ in range(15):
            await ledger.run("seal_entries")
            await asyncio.sleep(0)

    await asyncio.gather(sell(), sell(), seal(), seal(), seal())
    await ledger.run("seal_entries")

    assert await ledger.fetch("SELECT 1 FROM unsealed") == []
    assert (await ledger.fetch("SELECT count(*) AS sealed FROM sealed"))[0]["sealed"] == 40


async def test_one_refund_that_comes_too_early_holds_up_nobody_else(ledger: Ledger) -> None:
    known, unknown = ledger.sale(), ledger.sale()
    await ledger.hear(known)
    (queue,) = ledger.world.subscriptions("ledger", type(ledger.refund(known)))
    refunds = [ledger.world.envelope(ledger.refund(sale, takes={1: (100, 0, 0)})) for sale in (known, unknown, known)]
    outcomes = await handle(queue, refunds, ledger.clock)

    assert [type(outcomes[each.id]).__name__ for each in refunds] == ["Ack", "Retry", "Ack"]
    assert await ledger.balances() == {"pending": PAYABLE - 200}
