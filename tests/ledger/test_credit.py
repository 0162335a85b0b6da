"""Gift cards and store credit: given, spent on orders, given back, never more than is there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import msgspec
import pytest

from estore.contracts.ledger import CreditHeld
from estore.contracts.orders import CreditUse
from estore.kit.db import statements
from estore.kit.errors import Conflict, Transient
from estore.services.ledger.domain import Account, EntryKind, Kind, Overdrawn, Posting, of_platform
from estore.services.ledger.store import Journal
from ledger.credit import BUYER, Credit, by_account, by_card, eur
from ledger.factories import VENDOR, Ledger
from ledger.test_posting import platform


@pytest.fixture
async def credit(ledger: Ledger) -> AsyncIterator[Credit]:
    yield Credit(ledger)


async def test_an_order_is_paid_by_two_cards_credit_and_money(credit: Credit) -> None:
    ledger = credit.ledger
    (one, code), (two, other) = await credit.card(1_000), await credit.card(700, "goodwill")
    await credit.grant(500)
    sale = ledger.sale(credit=2_000)
    asked = credit.asked(by_card(code, 1_000), by_card(other, 600), by_account(400), order_id=sale.order_id)

    assert await credit.answer(asked) == "held"

    await ledger.hear(ledger.capture(sale), sale)

    assert (await credit.left(one), await credit.left(two), await credit.purse()) == (0, 100, 100)
    assert await platform(ledger) == {
        "clearing": 8_000,
        "promotions": 2_200,
        "gift_card": -100,
        "store_credit": -100,
        "commission": -1_000,
        "commission_tax": -190,
        "pending": -8_810,
    }


async def test_what_an_order_gets_back_goes_where_it_came_from_in_reverse(credit: Credit) -> None:
    ledger = credit.ledger
    card, code = await credit.card(1_000)
    await credit.grant(500)
    sale = ledger.sale(credit=1_500)
    await ledger.hear(credit.asked(by_card(code, 1_000), by_account(500), order_id=sale.order_id))
    await ledger.hear(ledger.capture(sale), sale)
    refund = ledger.refund(sale, takes={1: (5_000, 500, 95)}, credit=800)
    await ledger.hear(refund, ledger.refund_paid(sale, refund), credit.back(sale.order_id, 800, refund.refund_id))

    assert (await credit.left(card), await credit.purse()) == (300, 500)
    assert (await platform(ledger)).get("customer", 0) == 0

    rest = ledger.refund(sale, takes={1: (5_000, 500, 95)}, credit=700)
    await ledger.hear(rest, ledger.refund_paid(sale, rest), credit.back(sale.order_id, 700, rest.refund_id))

    assert (await credit.left(card), await credit.purse()) == (1_000, 500)
    assert await platform(ledger) == {"promotions": 1_500, "gift_card": -1_000, "store_credit": -500}


async def test_a_sold_card_is_paid_for_outside_of_any_provider(credit: Credit) -> None:
    await credit.card(700, "sold")
    sheet = (await credit.ledger.ask("GET", "/v1/ledger/balance-sheet")).json()["currencies"][0]["accounts"]

    assert [(line["account"], line["owner"], line["amount"]["amount"]) for line in sheet] == [
        ("clearing", "external", 700),
        ("gift_card", "", -700),
    ]


async def test_an_order_that_is_never_paid_gets_its_credit_back(credit: Credit) -> None:
    card, code = await credit.card(1_000)
    asked = credit.asked(by_card(code, 900))
    await credit.ledger.hear(asked, credit.back(asked.order_id, 900))

    assert await credit.left(card) == 1_000
    assert (await platform(credit.ledger)).get("customer", 0) == 0


REFUSALS = [
    (CreditUse(kind="gift_card", amount=1, gift_card_hash="0" * 64), "unknown_card"),
    (CreditUse(kind="gift_card", amount=1), "unknown_card"),
    (CreditUse(kind="gold", amount=1), "unknown_card"),
    (by_account(501), "insufficient"),
    (by_account(0), "insufficient"),
    (by_account(-5), "insufficient"),
]


@pytest.mark.parametrize(("use", "code"), REFUSALS)
async def test_all_of_it_is_held_or_nothing(credit: Credit, use: CreditUse, code: str) -> None:
    card, gift = await credit.card(1_000)
    await credit.grant(500)

    assert await credit.answer(credit.asked(by_card(gift, 400), use)) == code
    assert (await credit.left(card), await credit.purse()) == (1_000, 500)


async def test_every_refusal_says_why(credit: Credit) -> None:
    soon = (credit.ledger.clock.now() + timedelta(hours=1)).isoformat()
    _, short_lived = await credit.card(expires_at=soon)
    blocked, disabled = await credit.card()
    _, good = await credit.card()
    await credit.made(f"/v1/gift-cards/{blocked}/disable", status=200)
    credit.ledger.clock.advance(hours=1)

    assert await credit.answer(credit.asked(by_card(short_lived, 1))) == "expired"
    assert await credit.answer(credit.asked(by_card(disabled, 1))) == "disabled"
    assert await credit.answer(credit.asked(by_card(good, 1_001))) == "insufficient"
    assert await credit.answer(credit.asked(by_card(good, 600), by_card(good, 401))) == "insufficient"
    assert await credit.answer(credit.asked(by_card(good, 1), currency="JPY")) == "other_currency"
    assert await credit.answer(credit.asked(by_account(1), account=None)) == "no_account"
    assert await credit.answer(credit.asked(by_card(good, 600), by_card(good, 400), account=None)) == "held"


async def test_the_same_request_again_is_answered_the_same_and_posts_once(credit: Credit) -> None:
    card, code = await credit.card(1_000)
    held, refused = credit.asked(by_card(code, 600)), credit.asked(by_account(600))
    await credit.ledger.hear(held, refused)
    await credit.grant(600)
    again = msgspec.structs.replace(held, version=3)
    await credit.ledger.hear(refused, again)
    await credit.ledger.hear_together(held, refused, held)

    assert (await credit.left(card), await credit.purse()) == (400, 600)
    assert await credit.answers() == {held.order_id: "held", refused.order_id: "insufficient"}
    assert {e.amount for e in await credit.ledger.world.emitted("ledger", CreditHeld)} == {600}


async def test_orders_of_one_batch_are_decided_in_order(credit: Credit) -> None:
    card, code = await credit.card(1_000)
    asked = [credit.asked(by_card(code, amount)) for amount in (700, 400, 300, 1)]
    await credit.ledger.hear_together(*asked)
    answers = await credit.answers()

    assert [answers[each.order_id] for each in asked] == ["held", "insufficient", "held", "insufficient"]
    assert await credit.left(card) == 0


async def test_a_refund_waits_for_its_order_and_is_paid_once(credit: Credit) -> None:
    card, code = await credit.card(1_000)
    asked = credit.asked(by_card(code, 900))
    back = credit.back(asked.order_id, 500)
    with pytest.raises(Transient):
        await credit.ledger.hear(back)
    await credit.ledger.hear(asked, back, back)
    await credit.ledger.hear_together(back, back)

    assert await credit.left(card) == 600


async def test_no_more_goes_back_than_was_held(credit: Credit) -> None:
    card, code = await credit.card(1_000)
    asked, refused = credit.asked(by_card(code, 900)), credit.asked(by_card(code, 900))
    await credit.ledger.hear(asked, refused, credit.back(asked.order_id, 500))
    for too_much in (credit.back(asked.order_id, 401), credit.back(refused.order_id, 1)):
        with pytest.raises(Conflict):
            await credit.ledger.hear(too_much)
    with pytest.raises(Conflict):
        await credit.ledger.hear_together(*(credit.back(asked.order_id, 201) for _ in range(2)))

    assert await credit.left(card) == 600


@pytest.mark.parametrize("ended", ["disabled", "expired", "redeemed"])
@pytest.mark.parametrize("account", [BUYER, None])
async def test_what_goes_back_to_a_card_that_ended(credit: Credit, ended: str, account: str | None) -> None:
    """An account gets it as store credit. A guest has the card only, made good again unless it was disabled."""
    ledger = credit.ledger
    card, code = await credit.card(1_000, expires_at=(ledger.clock.now() + timedelta(hours=1)).isoformat())
    asked = credit.asked(by_card(code, 600), account=account)
    await ledger.hear(asked)
    if ended == "disabled":
        await credit.made(f"/v1/gift-cards/{card}/disable", status=200)
    elif ended == "redeemed":
        assert (await credit.redeem(code, "acc_other")).status_code == 200
    else:
        ledger.clock.advance(hours=2)
        await ledger.run("expire_gift_cards")
    assert (await credit.seen(card))["status"] == ended
    kept = await credit.left(card)
    await ledger.hear(credit.back(asked.order_id, 200), credit.back(asked.order_id, 400))
    seen = await credit.seen(card)

    if account is None:
        again = "disabled" if ended == "disabled" else "active"
        assert (seen["status"], seen["balance"]["amount"]) == (again, kept + 600)
        assert seen["restored_at"] is not None
        answer = await credit.answer(credit.asked(by_card(code, 600), account=None))
        assert answer == ("disabled" if ended == "disabled" else "held")
    else:
        assert (seen["status"], seen["balance"]["amount"], await credit.purse()) == (ended, kept, 600)


async def test_what_is_left_on_expired_cards_goes_back_to_who_paid(credit: Credit) -> None:
    ledger = credit.ledger
    until = (ledger.clock.now() + timedelta(hours=1)).isoformat()
    card, code = await credit.card(1_000, expires_at=until)
    spent, other = await credit.card(1_000, "goodwill", expires_at=until)
    lasting, _ = await credit.card(1_000, "sold")
    await ledger.hear(credit.asked(by_card(code, 300)), credit.asked(by_card(other, 1_000)))
    await ledger.run("expire_gift_cards")

    assert await credit.left(card) == 700

    ledger.clock.advance(hours=1)
    await ledger.run("expire_gift_cards")
    await ledger.run("expire_gift_cards")

    assert [await credit.left(each) for each in (card, spent, lasting)] == [0, 0, 1_000]
    assert (await platform(ledger))["promotions"] == 1_300


async def test_a_card_that_was_made_good_again_can_expire_again(credit: Credit) -> None:
    ledger = credit.ledger
    card, code = await credit.card(1_000, expires_at=(ledger.clock.now() + timedelta(hours=1)).isoformat())
    asked = credit.asked(by_card(code, 600), account=None)
    await ledger.hear(asked)
    ledger.clock.advance(hours=1)
    await ledger.run("expire_gift_cards")
    await ledger.hear(credit.back(asked.order_id, 600))
    ledger.clock.advance(days=29)
    await ledger.run("expire_gift_cards")

    assert await credit.left(card) == 600

    ledger.clock.advance(days=1)
    await ledger.run("expire_gift_cards")

    assert await credit.left(card) == 0


@pytest.mark.parametrize("size", [1, 40])
async def test_a_batch_is_a_constant_number_of_statements(credit: Credit, size: int) -> None:
    made = await credit.made("/v1/gift-cards/batches", {"count": size, "amount": eur(1_000), "funding": "promotion"})
    codes = [card["code"] for card in made["cards"]]
    asked = [credit.asked(by_card(code, 600), by_account(1)) for code in codes]
    await credit.grant(size)
    with statements(at_most=20) as counted:
        await credit.ledger.hear_together(*asked)
    with statements(at_most=20):
        await credit.ledger.hear_together(*(credit.back(each.order_id, 601) for each in asked))

    assert counted.count <= 20
    assert set((await credit.answers()).values()) == {"held"}
    assert await credit.purse() == size


async def test_what_is_not_there_is_never_posted(credit: Credit) -> None:
    """Whoever forgets to look is stopped by the journal, and whoever goes around it by the table."""
    card, _ = await credit.card(100)
    account = Account(Kind.GIFT_CARD, card, "EUR")
    now = credit.ledger.clock.now()
    posting = Posting(
        source="test:1",
        kind=EntryKind.CREDIT,
        currency="EUR",
        lines=((account, 101), (of_platform(Kind.CUSTOMER, "EUR"), -101)),
        occurred_at=now,
    )
    with pytest.raises(Overdrawn):
        async with credit.ledger.world.service("ledger").db.transaction() as tx:
            await Journal().post(tx, [posting], now)
    around = """
        WITH e AS (
            INSERT INTO entry SELECT gen_random_uuid(), 'test:2', 'credit', 'EUR', '', NULL, '', now(), now(), ''
            RETURNING id)
        INSERT INTO line SELECT e.id, n.no, a.id, n.amount, now(), n.seq, n.balance FROM e, account a,
            (VALUES (1, 'gift_card', 101, 9, 1), (2, 'promotions', -101, NULL, NULL)) n (no, kind, amount, seq, balance)
        WHERE a.kind = n.kind
    """
    with pytest.raises(asyncpg.CheckViolationError):
        async with credit.ledger.world.service("ledger").db.transaction() as tx:
            await tx.execute(around)

    assert await credit.left(card) == 100


async def test_vendors_see_nothing_of_how_it_was_paid(credit: Credit) -> None:
    ledger = credit.ledger
    _, code = await credit.card(10_000)
    sale = ledger.sale(credit=10_000)
    await ledger.hear(credit.asked(by_card(code, 10_000), order_id=sale.order_id), sale)
    finance = {"account_id": "acc_02", "vendors": {VENDOR: "finance"}}
    seen = (await ledger.ask("GET", f"/v1/ledger/entries?order={sale.order_id}", who=finance)).json()["data"]

    assert [[line["account"] for line in entry["lines"]] for entry in seen] == [["pending"]]
