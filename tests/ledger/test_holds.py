"""What is held on a parcel is never more than what is left of it, and a refund takes the reserve first."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estore.contracts.ledger import BalanceNegative
from estore.contracts.orders import OrderConfirmed
from estore.services.ledger.domain.earnings import Hold, fitted
from ledger.factories import VENDOR, Ledger

PAYABLE = 8_810


async def _with_reserve(ledger: Ledger) -> OrderConfirmed:
    """A parcel of which 881 is kept as a rolling reserve."""
    await ledger.hear(ledger.vendor())
    etag = (await ledger.ask("GET", f"/v1/ledger/terms/{VENDOR}")).headers["etag"]
    terms = {"reserve_bps": 1_000, "reserve_days": 90}
    answer = await ledger.ask("PUT", f"/v1/ledger/terms/{VENDOR}", json=terms, headers={"if-match": etag})
    assert answer.status_code == 200, answer.text
    return await ledger.available()


@pytest.mark.parametrize("released", [True, False])
async def test_a_return_and_a_dispute_hold_no_more_than_the_parcel(ledger: Ledger, released: bool) -> None:
    sale = await ledger.available() if released else ledger.sale()
    if not released:
        await ledger.hear(ledger.capture(sale), sale)
    asked, dispute = ledger.return_(sale, 5_000), ledger.dispute(sale)
    await ledger.hear(asked, dispute)
    if not released:
        await ledger.hear(ledger.delivered(sale, days=0))
        await ledger.run("release_due")
    both = await ledger.balances()
    await ledger.hear(ledger.return_closed(asked))
    dispute_alone = await ledger.balances()
    await ledger.hear(ledger.dispute_closed(dispute, won=True))

    assert both == {"reserved": PAYABLE}
    assert dispute_alone == {"reserved": PAYABLE}
    assert await ledger.balances() == {"available": PAYABLE}
    assert await ledger.world.emitted("ledger", BalanceNegative) == []


async def test_a_refund_besides_a_return_leaves_no_more_held_than_is_left(ledger: Ledger) -> None:
    sale = await ledger.available()
    asked = ledger.return_(sale, PAYABLE)
    await ledger.hear(asked)
    refund = ledger.refund(sale, takes={1: (5_000, 500, 95)})
    await ledger.hear(refund)
    held = await ledger.balances()
    await ledger.hear(refund)
    await ledger.hear(ledger.refund_failed(sale, refund))
    undone = await ledger.balances()
    await ledger.hear(ledger.return_closed(asked))

    assert held == {"reserved": PAYABLE - 4_405}
    assert undone == {"reserved": PAYABLE}
    assert await ledger.balances() == {"available": PAYABLE}


async def test_a_refund_takes_the_reserve_of_its_parcel_first(ledger: Ledger) -> None:
    sale = await _with_reserve(ledger)
    other = await ledger.available()
    before = await ledger.balances()
    first = ledger.refund(sale, takes={1: (600, 0, 0)})
    await ledger.hear(first)
    await ledger.hear_together(first, first)
    after = await ledger.balances()
    await ledger.hear(ledger.refund(sale, takes={1: (600, 0, 0)}))
    second = await ledger.balances()
    ledger.clock.advance(days=91)  # type: ignore[union-attr]
    await ledger.run("release_due_holds")

    assert other.order_id != sale.order_id
    assert before == {"available": 2 * (PAYABLE - 881), "reserved": 2 * 881}
    assert after == {"available": 2 * (PAYABLE - 881), "reserved": 2 * 881 - 600}
    assert second == {"available": 2 * (PAYABLE - 881) - 319, "reserved": 881}
    assert await ledger.balances() == {"available": 2 * PAYABLE - 1_200}


async def test_a_reserve_makes_room_for_a_return_and_comes_back(ledger: Ledger) -> None:
    sale = await _with_reserve(ledger)
    asked = ledger.return_(sale, PAYABLE)
    await ledger.hear(asked)
    meanwhile = await ledger.balances()
    await ledger.hear(ledger.return_closed(asked))

    assert meanwhile == {"reserved": PAYABLE}
    assert await ledger.balances() == {"available": PAYABLE - 881, "reserved": 881}


async def test_a_hold_that_was_kept_by_an_older_release_wants_what_it_holds(ledger: Ledger) -> None:
    sale = await ledger.available()
    asked = ledger.return_(sale, 1_000)
    await ledger.hear(asked)
    async with ledger.world.service("ledger").db.transaction() as tx:
        await tx.execute("UPDATE hold SET wanted = NULL, changes = 1")
    await ledger.hear(ledger.refund(sale, takes={1: (PAYABLE - 400, 0, 0)}))

    assert await ledger.balances() == {"reserved": 400}


holds = st.lists(
    st.tuples(st.sampled_from(["return", "dispute"]), st.integers(0, 50), st.integers(0, 50), st.integers(0, 5)),
    max_size=5,
)


@given(rest=st.integers(-20, 80), kept=holds, reserve=st.integers(0, 30), refunded=st.integers(0, 40))
def test_whatever_is_held_fits_and_nobody_waits_while_there_is_room(
    rest: int, kept: list[tuple[str, int, int, int]], reserve: int, refunded: int
) -> None:
    from datetime import UTC, datetime

    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [(kind, amount, max(amount, wanted), days) for kind, amount, wanted, days in kept]
    rows.append(("rolling", reserve, reserve, 0))
    made = [
        Hold(
            id=f"hld_{number}",
            vendor_id=VENDOR,
            currency="EUR",
            kind=kind,
            ref=str(number),
            parcel_id="pcl_1",
            amount=amount,
            wanted=wanted,
            reserved=True,
            reason="",
            held_at=start + timedelta(days=days),
        )
        for number, (kind, amount, wanted, days) in enumerate(rows)
    ]
    changed = {hold.id: hold for hold, _ in fitted(rest, made, refunded)}
    after = [changed.get(hold.id, hold) for hold in made]
    held = sum(hold.amount for hold in after)

    assert held == min(max(rest, 0), sum(hold.wanted for hold in after))
    assert after[-1].wanted == max(reserve - refunded, 0)
    assert after[-1].amount == min(after[-1].wanted, max(rest, 0) - (held - after[-1].amount))
    assert fitted(rest, after) == []
