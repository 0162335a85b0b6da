"""Why a payout is what it is: each line once, down to the lines of orders."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estore.contracts.orders import OrderConfirmed, RefundAllocated, RefundLine, RefundShare
from estore.services.ledger.domain.payouts import Coverage, cover
from ledger.factories import parcel_of
from ledger.payees import OTHER, VENDOR, Payees, eur, iban, opened
from support.databases import Databases


@pytest.fixture
async def payees(databases: Databases) -> AsyncIterator[Payees]:
    async with opened(databases) as made:
        yield made


def refund(payees: Payees, sale: OrderConfirmed, amount: int, commission: int, refund_id: str) -> RefundAllocated:
    line = RefundLine(sale.lines[0].line_id, 1, amount, 0, commission, 0)
    share = RefundShare(parcel_of(sale.order_id), VENDOR, amount, 0, commission, 0, (line,))
    return RefundAllocated(
        refund_id=refund_id,
        order_id=sale.order_id,
        amount=amount,
        currency="EUR",
        cause="goodwill",
        reason="scratched",
        return_id=None,
        shares=(share,),
        platform=0,
        unearned=0,
        allocated_at=payees.clock.now(),
    )


def shown(line: dict[str, Any]) -> tuple[str, int, list[tuple[str, int]]]:
    return line["kind"], line["amount"]["amount"], [(p["kind"], p["amount"]["amount"]) for p in line["parts"]]


async def test_a_payout_is_explained_down_to_the_lines_of_orders(payees: Payees) -> None:
    await payees.vendor()
    sale = await payees.sell()
    await payees.hear(refund(payees, sale, 2_000, 200, "rfd_1"))
    await payees.deliver(sale)
    await payees.hear(refund(payees, sale, 1_000, 100, "rfd_2"))
    payout = await payees.pay()
    lines = await payees.lines(payout["id"])

    assert [shown(line) for line in lines] == [
        ("release", 7_010, [("sale", 8_810), ("refund", -1_800)]),
        ("refund", -900, [("refund", -900)]),
        ("payout", -6_110, []),
    ]
    assert [line["own"] for line in lines] == [False, False, True]
    assert (lines[0]["order_number"], lines[0]["parcel_id"]) == (sale.number, parcel_of(sale.order_id))
    assert lines[0]["parts"][0] | {"title": "A thing", "quantity": 1, "commission": eur(1_000)} == lines[0]["parts"][0]
    assert (payout["covered"], payout["carried_out"]) == (eur(6_110), eur(0))


async def test_ranges_follow_each_other_whatever_becomes_of_the_payouts(payees: Payees) -> None:
    await payees.vendor(available=5_000, number=iban("9003"))
    first = await payees.pay(2_000)
    await payees.earn(700)
    await payees.run("payout-send")
    second = await payees.pay(1_500)
    third = await payees.pay()
    seqs = [[line["seq"] for line in await payees.lines(p["id"])] for p in (first, second, third)]
    sums = [
        [p[k]["amount"] for k in ("carried_in", "covered", "carried_out", "amount")] for p in (first, second, third)
    ]

    assert seqs == [[1, 2], [3, 4, 5], [6]]
    assert sums == [[0, 5_000, 3_000, 2_000], [3_000, 2_700, 4_200, 1_500], [4_200, 0, 0, 4_200]]
    for payout in (first, second, third):
        covered = [line["amount"]["amount"] for line in await payees.lines(payout["id"]) if not line["own"]]
        assert sum(covered) == payout["covered"]["amount"]


async def test_a_cursor_of_elsewhere_shows_no_line_of_another_payout(payees: Payees) -> None:
    await payees.vendor(available=5_000)
    first, second = await payees.pay(2_000), await payees.pay(1_000)
    page = await payees.owner.get(f"/v1/payouts/{first['id']}/lines", params={"limit": 1})
    query = {"cursor": page.json()["next_cursor"]}
    own = [line["seq"] for line in await payees.lines(second["id"])]
    asked = (await payees.owner.get(f"/v1/payouts/{second['id']}/lines", params=query)).json()

    assert [line["seq"] for line in asked["data"]] == own == [3]


async def test_two_vendors_of_one_order_each_see_their_own_lines(payees: Payees) -> None:
    await payees.vendor()
    await payees.vendor(OTHER)
    sale = await payees.sell(earns={VENDOR: (10_000, 1_000, 0), OTHER: (4_000, 400, 0)})
    await payees.deliver(sale)
    lines = await payees.lines((await payees.pay())["id"])

    assert [p["sku"] for line in lines for p in line["parts"]] == ["SKU-1"]


moves = st.lists(st.tuples(st.integers(-500, 3_000), st.integers(1, 2_000)), max_size=40)


@given(moves)
def test_whatever_happens_between_payouts_their_coverage_adds_up(steps: list[tuple[int, int]]) -> None:
    """Each step: a line of the account, then the wish to be paid out so much."""
    lines: list[int] = []
    before: Coverage | None = None
    for earned, wanted in steps:
        lines.append(earned)
        if (available := sum(lines)) < wanted:
            continue
        covered = cover(wanted, available, len(lines), before)
        inside = lines[covered.first_seq - 1 :]
        lines.append(-wanted)

        assert covered.first_seq == (before.last_seq + 1 if before else 1)
        assert covered.last_seq == len(lines)
        assert covered.carried_in == (before.carried_out if before else 0)
        assert (covered.covered, covered.carried_out) == (sum(inside), sum(lines))
        assert covered.carried_in + covered.covered - covered.carried_out == wanted
        before = covered
