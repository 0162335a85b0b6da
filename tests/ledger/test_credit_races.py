"""Many at once on one card or account, on real connections: nothing is spent twice, nothing is lost."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from estore.kit.errors import Transient
from ledger.credit import BUYER, Credit, by_account, by_card, eur
from ledger.factories import Ledger


@pytest.fixture
async def credit(ledger: Ledger) -> AsyncIterator[Credit]:
    yield Credit(ledger)


async def patiently(credit: Credit, *events: object) -> None:
    """Hear as a queue does: again, where there was no connection left. A deadlock must not be hidden by that."""
    for _ in range(5_000):
        try:
            return await credit.ledger.hear_together(*events)
        except Transient as error:
            assert not isinstance(error.__cause__, asyncpg.DeadlockDetectedError), error
            await asyncio.sleep(0.01)
    raise AssertionError("never heard")


async def test_of_twenty_orders_at_once_a_card_pays_as_many_as_it_can(credit: Credit) -> None:
    card, code = await credit.card(1_000)
    asked = [credit.asked(by_card(code, 140), account=None) for _ in range(20)]
    await asyncio.gather(*(patiently(credit, each) for each in asked))
    told = list((await credit.answers()).values())

    assert (told.count("held"), told.count("insufficient")) == (7, 13)
    assert await credit.left(card) == 20


async def test_the_same_order_asked_for_by_many_holds_once(credit: Credit) -> None:
    card, code = await credit.card(1_000)
    asked = [credit.asked(by_card(code, 100)) for _ in range(4)]
    orders = [random.sample(asked, k=4) for _ in range(6)]
    await asyncio.gather(*(patiently(credit, *order) for order in orders))

    assert await credit.left(card) == 600
    assert await credit.answers() == {each.order_id: "held" for each in asked}


@pytest.mark.parametrize("round_", range(3))
async def test_a_card_is_redeemed_or_spent(credit: Credit, round_: int) -> None:
    card, code = await credit.card(1_000)
    asked = [credit.asked(by_card(code, 300), account=None) for _ in range(5)]
    redeeming = [credit.redeem(code, f"acc_0{n}") for n in range(3)]
    answers, *_ = await asyncio.gather(asyncio.gather(*redeeming), *(patiently(credit, each) for each in asked))
    held = list((await credit.answers()).values()).count("held")
    won = [answer.json()["amount"]["amount"] for answer in answers if answer.status_code == 200]

    assert len(won) <= 1
    assert await credit.left(card) == 1_000 - 300 * held - sum(won)
    assert sum(won) in (0, 1_000 - 300 * held)


async def test_what_is_granted_taken_back_and_spent_at_once_adds_up(credit: Credit) -> None:
    await credit.grant(500)
    asked = [credit.asked(by_account(200)) for _ in range(6)]
    body = {"account_id": BUYER, "amount": eur(-150), "reason": "a mistake", "funding": "goodwill"}
    taking = [credit.post("/v1/store-credit", body) for _ in range(4)]
    answers, *_ = await asyncio.gather(
        asyncio.gather(*taking), *(credit.grant(100) for _ in range(4)), *(patiently(credit, each) for each in asked)
    )
    held = list((await credit.answers()).values()).count("held")
    taken = [answer.status_code for answer in answers].count(201)

    assert {answer.status_code for answer in answers} <= {201, 409}
    assert await credit.purse() == 500 + 400 - 200 * held - 150 * taken


async def test_a_card_that_is_disabled_is_not_spent_afterwards(credit: Credit) -> None:
    card, code = await credit.card(1_000)
    asked = [credit.asked(by_card(code, 100), account=None) for _ in range(8)]
    await asyncio.gather(
        *(patiently(credit, each) for each in asked[:6]),
        *(credit.made(f"/v1/gift-cards/{card}/disable", status=200) for _ in range(2)),
    )
    before = await credit.left(card)
    await patiently(credit, *asked[6:])
    told = await credit.answers()

    assert [told[each.order_id] for each in asked[6:]] == ["disabled", "disabled"]
    assert await credit.left(card) == before == 1_000 - 100 * list(told.values()).count("held")


async def test_a_refund_told_to_many_at_once_goes_back_once(credit: Credit) -> None:
    card, code = await credit.card(1_000)
    asked = [credit.asked(by_card(code, 500)) for _ in range(2)]
    await credit.ledger.hear(*asked)
    backs = [credit.back(each.order_id, 250) for each in asked for _ in range(2)]
    orders = [random.sample(backs, k=4) for _ in range(5)]
    await asyncio.gather(*(patiently(credit, *order) for order in orders))

    assert await credit.left(card) == 1_000


async def test_whoever_locks_cards_and_accounts_waits_in_one_order(credit: Credit) -> None:
    """Everything at once, in other orders, on cards that expire meanwhile: no deadlock, and it adds up."""
    dice = random.Random(7)
    ledger = credit.ledger
    before = await ledger.deadlocks()
    soon = (ledger.clock.now() + timedelta(hours=1)).isoformat()
    body = {"count": 6, "amount": eur(1_000), "funding": "promotion", "expires_at": soon}
    codes = [card["code"] for card in (await credit.made("/v1/gift-cards/batches", body))["cards"]]
    for account in ("acc_01", "acc_02"):
        await credit.grant(1_000, account)
    for round_ in range(4):
        asked = [
            credit.asked(
                *(by_card(code, 90) for code in dice.sample(codes, k=2)), by_account(50), account=f"acc_0{1 + n % 2}"
            )
            for n in range(12)
        ]
        await patiently(credit, *asked[:6])
        held = [each for each in asked[:6] if (await credit.answers())[each.order_id] == "held"]
        backs = [credit.back(each.order_id, 230) for each in held]
        if round_ == 2:
            ledger.clock.advance(hours=1)
        work = [patiently(credit, *dice.sample(asked, k=12)) for _ in range(3)]
        work += [patiently(credit, *dice.sample(backs, k=len(backs))) for _ in range(2) if backs]
        work += [ledger.run("expire_gift_cards") for _ in range(2)]
        await asyncio.gather(*work, credit.redeem(codes[round_], "acc_02"), credit.grant(5, "acc_01"))

    assert await ledger.deadlocks() == before
    assert await ledger.world.broken("ledger") == {}
