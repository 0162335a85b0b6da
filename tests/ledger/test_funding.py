"""Discounts that the marketplace pays for: the vendor is owed as if there were none, and is told why."""

from __future__ import annotations

import csv
import io

import msgspec

from estore.contracts.orders import OrderConfirmed
from ledger.factories import OTHER, VENDOR, Ledger
from ledger.test_posting import platform
from ledger.test_statements import ask, days, statement

# Of 10,000 the customer paid 8,000, and the marketplace 2,000; commission 1,000 and 190 tax on it.
EARNS = {VENDOR: (8_000, 1_000, 190, 2_000)}
PAYABLE = 8_810


async def test_a_funded_discount_costs_the_marketplace_and_not_the_vendor(ledger: Ledger) -> None:
    sale = ledger.sale(earns=EARNS | {OTHER: (500, 50, 0)})
    await ledger.hear(ledger.capture(sale), sale)

    assert await ledger.balances() == {"pending": PAYABLE}
    assert await ledger.balances(OTHER) == {"pending": 450}
    assert await platform(ledger) == {
        "clearing": 8_500,
        "promotions": 2_000,
        "commission": -1_050,
        "commission_tax": -190,
        "pending": -PAYABLE - 450,
    }


async def test_a_refund_gives_back_to_the_marketplace_what_it_had_paid(ledger: Ledger) -> None:
    sale = ledger.sale(earns=EARNS)
    half = ledger.refund(sale, takes={1: (4_000, 500, 95, 1_000)})
    await ledger.hear(ledger.capture(sale), sale, half, ledger.refund_paid(sale, half))

    assert await ledger.balances() == {"pending": PAYABLE - 4_405}
    assert (await platform(ledger))["promotions"] == 1_000

    await ledger.hear(ledger.refund_failed(sale, half))

    assert await ledger.balances() == {"pending": PAYABLE}


async def test_all_of_it_given_back_leaves_nothing_anywhere(ledger: Ledger) -> None:
    sale = ledger.sale(earns=EARNS)
    refund = ledger.refund(sale)
    await ledger.hear(ledger.capture(sale), sale, refund, ledger.refund_paid(sale, refund))

    assert await ledger.balances() == {}
    assert await platform(ledger) == {}


async def test_what_the_marketplace_pays_all_of_is_earned_all_the_same(ledger: Ledger) -> None:
    """Nothing was captured for it; a hold for its return fits into what the vendor gets."""
    sale = ledger.sale(earns={VENDOR: (0, 100, 19, 1_000)})
    asked = ledger.return_(sale, 881)
    await ledger.hear(sale, ledger.delivered(sale, days=0), asked)
    await ledger.run("release_due")

    assert await ledger.balances() == {"reserved": 881}

    await ledger.hear(ledger.refund(sale, takes={1: (0, 100, 19, 1_000)}, cause="return", return_id=asked.return_id))

    assert await ledger.balances() == {}


async def test_a_statement_shows_it_in_a_column_of_its_own(ledger: Ledger) -> None:
    sale = ledger.sale(earns=EARNS)
    await ledger.hear(ledger.vendor(), ledger.capture(sale), sale, ledger.refund(sale, takes={1: (800, 100, 19, 200)}))

    sold, taken = (await statement(ledger))["lines"]

    assert (sold["price"]["amount"], sold["discount"]["amount"], sold["total"]["amount"]) == (10_000, 2_000, 8_000)
    assert (sold["funded"]["amount"], sold["amount"]["amount"]) == (2_000, PAYABLE)
    assert (taken["total"]["amount"], taken["funded"]["amount"], taken["amount"]["amount"]) == (-800, -200, -881)

    told = await ask(ledger, "statements", vendor=VENDOR, format="csv", **days(ledger))
    assert [row["funded"] for row in csv.DictReader(io.StringIO(told.text))] == ["", "20.00", "-2.00", ""]


async def test_shipping_that_a_promotion_pays_is_a_line_of_its_own(ledger: Ledger) -> None:
    """The customer pays 8,000 for the goods and nothing for shipping, of which the marketplace pays 500."""
    sale = ledger.sale(earns=EARNS)
    (share,) = sale.parcels
    sale = msgspec.structs.replace(sale, parcels=(msgspec.structs.replace(share, funded=2_500),))
    await ledger.hear(ledger.vendor(), ledger.capture(sale), sale)
    _, shipping = (await statement(ledger))["lines"]
    shown = (await ask(ledger, "dashboard", vendor=VENDOR)).json()

    assert (shipping["kind"], shipping["total"]["amount"], shipping["amount"]["amount"]) == ("shipping", 0, 500)
    assert [line["funded"]["amount"] for line in shown["lines"]] == [2_000, 500]
    assert sum(line["payable"]["amount"] for line in shown["lines"]) == shown["open"][0]["payable"]["amount"] == 9_310


async def test_what_sells_says_what_promotions_paid_rolled_up_or_not(ledger: Ledger) -> None:
    await ledger.hear(ledger.sale(earns=EARNS))
    await ledger.run("roll_sales")
    await ledger.hear(ledger.sale(earns=EARNS))
    shown = (await ask(ledger, "dashboard", vendor=VENDOR)).json()

    assert shown["by_product"][0]["funded"]["amount"] == 4_000


async def test_events_from_before_promotions_are_funded_by_nobody(ledger: Ledger) -> None:
    await ledger.hear(_without_funded(ledger.sale()))

    assert await ledger.balances() == {"pending": PAYABLE}


def _without_funded(sale: OrderConfirmed) -> OrderConfirmed:
    said = msgspec.to_builtins(sale)
    for each in (*said["parcels"], *said["lines"]):
        del each["funded"]
    del said["credit"]
    return msgspec.convert(said, OrderConfirmed)
