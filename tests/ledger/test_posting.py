"""What each event does to whose money."""

from __future__ import annotations

import msgspec
import pytest

from estore.contracts.ledger import BalanceNegative
from estore.contracts.orders import OrderCancelled
from estore.contracts.vendors import VendorBankAccountChanged, VendorSuspended
from estore.kit.db import statements
from estore.kit.errors import Transient
from ledger.factories import OTHER, VENDOR, Ledger

PAYABLE = 8_810  # Of 10,000 with a commission of 1,000 and 190 tax on it.


async def platform(ledger: Ledger, currency: str = "EUR") -> dict[str, int]:
    """What the balance sheet says of the platform's accounts, without the zeros."""
    answer = await ledger.ask("GET", "/v1/ledger/balance-sheet")
    (sheet,) = [each for each in answer.json()["currencies"] if each["currency"] == currency]
    assert sheet["total"]["amount"] == 0
    return {line["account"]: line["amount"]["amount"] for line in sheet["accounts"] if line["amount"]["amount"]}


async def test_a_sale_is_pending(ledger: Ledger) -> None:
    sale = ledger.sale(earns={VENDOR: (10_000, 1_000, 190), OTHER: (500, 50, 0)})
    await ledger.hear(ledger.capture(sale), sale)

    assert await ledger.balances() == {"pending": PAYABLE}
    assert await ledger.balances(OTHER) == {"pending": 450}
    assert await platform(ledger) == {
        "clearing": 10_500,
        "commission": -1_050,
        "commission_tax": -190,
        "pending": -9_260,
    }


async def test_the_same_again_changes_nothing(ledger: Ledger) -> None:
    sale = ledger.sale()
    for _ in range(2):
        await ledger.hear(sale, ledger.capture(sale))

    assert await ledger.balances() == {"pending": PAYABLE}


async def test_money_becomes_available_when_nobody_can_return_it(ledger: Ledger) -> None:
    sale = ledger.sale()
    await ledger.hear(ledger.capture(sale), sale, ledger.shipped(sale), ledger.delivered(sale, days=14))
    ledger.clock.advance(days=13)
    await ledger.run("release_due")

    assert await ledger.balances() == {"pending": PAYABLE}

    ledger.clock.advance(days=1)
    await ledger.run("release_due")
    await ledger.run("release_due")

    assert await ledger.balances() == {"available": PAYABLE}


async def test_where_orders_does_not_say_until_when_a_setting_does(ledger: Ledger) -> None:
    sale = ledger.sale()
    await ledger.hear(sale, ledger.delivered(sale, days=None))

    (earning,) = await ledger.fetch("SELECT available_at - delivered_at AS waits FROM earning")
    assert earning["waits"].days == 14


async def test_a_refund_takes_back_the_commission_too(ledger: Ledger) -> None:
    sale = ledger.sale()
    refund = ledger.refund(sale, takes={1: (5_000, 500, 95)}, platform=300)
    await ledger.hear(ledger.capture(sale), sale, refund, ledger.refund_paid(sale, refund))

    assert await ledger.balances() == {"pending": PAYABLE - 4_405}
    assert await platform(ledger) == {
        "clearing": 4_700,
        "commission": -500,
        "commission_tax": -95,
        "losses": 300,
        "pending": -4_405,
    }


async def test_a_refund_of_what_was_available_may_leave_a_debt_that_is_told_once(ledger: Ledger) -> None:
    sale = await ledger.available()
    taken = {"vendor_id": VENDOR, "amount": {"amount": -PAYABLE, "currency": "EUR"}, "reason": "as if paid out"}
    await ledger.ask("POST", "/v1/ledger/adjustments", json=taken, key="1")
    await ledger.hear(ledger.refund(sale, takes={1: (1_000, 100, 19)}), ledger.refund(sale, takes={1: (500, 50, 10)}))

    assert await ledger.balances() == {"available": -1_321}
    assert [e.amount for e in await ledger.world.emitted("ledger", BalanceNegative)] == [-881]

    await ledger.available()

    assert await ledger.balances() == {"available": PAYABLE - 1_321}


async def test_a_refund_before_its_sale_comes_again(ledger: Ledger) -> None:
    sale = ledger.sale()
    refund = ledger.refund(sale)
    with pytest.raises(Transient):
        await ledger.hear(refund)
    await ledger.hear(sale, refund)

    assert await ledger.balances() == {}


async def test_a_refund_that_failed_goes_back_to_where_the_money_is_now(ledger: Ledger) -> None:
    sale = ledger.sale()
    refund = ledger.refund(sale, takes={1: (5_000, 500, 95)}, platform=100)
    await ledger.hear(ledger.capture(sale), sale, refund, ledger.delivered(sale, days=0))
    await ledger.run("release_due")
    for _ in range(2):
        await ledger.hear(ledger.refund_failed(sale, refund))

    assert await ledger.balances() == {"available": PAYABLE}
    assert await platform(ledger) == {
        "clearing": 10_000,
        "commission": -1_000,
        "commission_tax": -190,
        "available": -PAYABLE,
    }


async def test_a_refund_may_have_failed_before_anybody_knew_who_bears_it(ledger: Ledger) -> None:
    sale = ledger.sale()
    refund = ledger.refund(sale)
    await ledger.hear(sale, ledger.refund_failed(sale, refund), refund)

    assert await ledger.balances() == {"pending": PAYABLE}


async def test_a_return_is_held_and_let_go(ledger: Ledger) -> None:
    sale = await ledger.available()
    asked = ledger.return_(sale, 4_405)
    await ledger.hear(asked)

    assert await ledger.balances() == {"available": PAYABLE - 4_405, "reserved": 4_405}

    await ledger.hear(ledger.return_closed(asked))

    assert await ledger.balances() == {"available": PAYABLE}


async def test_what_is_held_of_a_pending_parcel_is_reserved_when_the_rest_is_released(ledger: Ledger) -> None:
    sale = ledger.sale()
    asked = ledger.return_(sale, 4_405)
    await ledger.hear(sale, ledger.delivered(sale, days=1), asked)

    assert await ledger.balances() == {"pending": PAYABLE}

    ledger.clock.advance(days=1)
    await ledger.run("release_due")

    assert await ledger.balances() == {"available": PAYABLE - 4_405, "reserved": 4_405}

    refund = ledger.refund(sale, takes={1: (5_000, 500, 95)}, cause="return", return_id=asked.return_id)
    await ledger.hear(refund, ledger.return_closed(asked, "refunded"))

    assert await ledger.balances() == {"available": PAYABLE - 4_405}


async def test_the_end_of_a_return_may_be_heard_first(ledger: Ledger) -> None:
    sale = await ledger.available()
    asked = ledger.return_(sale, 4_405)
    await ledger.hear(ledger.return_closed(asked), asked)

    assert await ledger.balances() == {"available": PAYABLE}


async def test_a_dispute_holds_of_each_vendor_its_share(ledger: Ledger) -> None:
    sale = await ledger.available(earns={VENDOR: (10_000, 1_000, 190), OTHER: (5_000, 0, 0)})
    dispute = ledger.dispute(sale, 7_500)
    await ledger.hear(dispute)

    assert await ledger.balances() == {"available": 4_405, "reserved": 4_405}
    assert await ledger.balances(OTHER) == {"available": 2_500, "reserved": 2_500}

    await ledger.hear(ledger.dispute_closed(dispute, won=True))

    assert await ledger.balances() == {"available": PAYABLE}
    assert (await platform(ledger))["clearing"] == 15_000


@pytest.mark.parametrize("allocated_first", [True, False])
async def test_a_lost_dispute_is_allocated(ledger: Ledger, allocated_first: bool) -> None:
    sale = await ledger.available()
    dispute = ledger.dispute(sale)
    ends = [ledger.refund(sale, dispute.dispute_id, cause="dispute"), ledger.dispute_closed(dispute, won=False)]
    await ledger.hear(dispute, *(ends if allocated_first else reversed(ends)))

    assert await ledger.balances() == {}
    assert await platform(ledger) == {}


async def test_a_dispute_about_what_was_never_sold_is_posted_in_the_end(ledger: Ledger) -> None:
    sale = ledger.sale()
    await ledger.hear(ledger.capture(sale))
    disputed = ledger.world.envelope(ledger.dispute(sale))
    with pytest.raises(Transient):
        await ledger.world.deliver("ledger", disputed)
    await ledger.world.deliver("ledger", msgspec.structs.replace(disputed, attempt=8))

    assert await platform(ledger) == {"customer": -10_000, "disputed": 10_000}


async def test_a_cancelled_order_is_never_available(ledger: Ledger) -> None:
    sale = ledger.sale()
    await ledger.hear(sale, OrderCancelled(order_id=sale.order_id, reason="customer", version=4))
    await ledger.hear(ledger.refund(sale, cause="cancelled"))
    (earning,) = await ledger.fetch("SELECT state, stage, taken, refunded FROM earning")

    assert earning == {"state": "cancelled", "stage": "pending", "taken": PAYABLE, "refunded": 10_000}


async def test_parcels_never_go_back(ledger: Ledger) -> None:
    sale = ledger.sale()
    with pytest.raises(Transient):
        await ledger.hear(ledger.delivered(sale))
    await ledger.hear(sale, ledger.shipped(sale, complete=False))
    assert await ledger.fetch("SELECT state FROM earning") == [{"state": "partly_shipped"}]
    await ledger.hear(ledger.shipped(sale), ledger.shipped(sale, complete=False))
    assert await ledger.fetch("SELECT state FROM earning") == [{"state": "shipped"}]
    await ledger.hear(ledger.delivered(sale), ledger.shipped(sale))

    assert await ledger.fetch("SELECT state FROM earning") == [{"state": "delivered"}]


async def test_a_thousand_sales_are_as_many_statements_as_one(ledger: Ledger) -> None:
    await ledger.hear(ledger.sale())
    with statements() as one:
        await ledger.hear_together(ledger.sale())
    with statements(at_most=one.count) as many:
        await ledger.hear_together(*(ledger.sale() for _ in range(1_000)))

    assert many.count == one.count <= 9
    assert await ledger.balances() == {"pending": 1_002 * PAYABLE}


async def test_what_is_known_of_a_vendor_is_never_older_than_before(ledger: Ledger) -> None:
    moved = VendorBankAccountChanged(
        vendor_id=VENDOR, token="bank_2", changed_by=None, changed_at=ledger.clock.now(), version=4
    )
    await ledger.hear(
        ledger.vendor(version=5, name="New", bank_token="bank_2"),
        moved,
        VendorSuspended(vendor_id=VENDOR, reason="", version=6),
        ledger.vendor(version=3, name="Old", bank_token="bank_1"),
    )
    (vendor,) = await ledger.fetch("SELECT name, status, version, bank_token FROM vendor")

    assert vendor == {"name": "New", "status": "suspended", "version": 6, "bank_token": "bank_2"}
