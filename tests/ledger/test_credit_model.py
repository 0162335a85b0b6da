"""Random stories of cards, credit, orders and refunds, held against a model that fits a screen."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estore.contracts.orders import CreditUse, OrderCreditRequested
from estore.kit.errors import Conflict
from estore.services.ledger.domain import Account, Kind
from estore.services.ledger.domain.credit import Card, Use, decide, give_back
from ledger.credit import Credit, by_account, by_card
from ledger.factories import Ledger

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PURSE = Account(Kind.STORE_CREDIT, "acc_01", "EUR")
AMOUNTS = st.integers(0, 1_000)


def card(number: int, status: str = "active") -> Card:
    return Card(f"gft_{number}", f"{number}", "EUR", 1_000, "promotion", "", status, None, None, 1)


def wanted(uses: Sequence[tuple[int, int]]) -> OrderCreditRequested:
    """Use number 0 is store credit, the others are cards."""
    said = tuple(
        CreditUse(kind="gift_card", amount=amount, gift_card_hash=str(number))
        if number
        else CreditUse(kind="store_credit", amount=amount)
        for number, amount in uses
    )
    return OrderCreditRequested(order_id="ord_1", number="", account_id="acc_01", uses=said, currency="EUR", version=1)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 400)), max_size=8), st.lists(AMOUNTS, min_size=4, max_size=4)
)
def test_it_is_all_held_exactly_when_every_account_has_enough(uses: list[tuple[int, int]], has: list[int]) -> None:
    cards = {str(number): card(number) for number in (1, 2, 3)}
    accounts = [PURSE, *(each.account for each in cards.values())]
    left = dict(zip(accounts, has, strict=True))
    asked: dict[Account, int] = defaultdict(int)
    for number, amount in uses:
        asked[accounts[number]] += amount
    decision = decide(wanted(uses), cards, left, NOW)

    assert decision.held == all(asked[account] <= amount for account, amount in zip(accounts, has, strict=True))
    spent = asked if decision.held else defaultdict(int)
    assert left == {account: amount - spent[account] for account, amount in zip(accounts, has, strict=True)}
    assert [amount for _, amount in decision.paid] == ([amount for _, amount in uses] if decision.held else [])


@given(
    st.lists(st.tuples(st.integers(0, 3), AMOUNTS), max_size=6),
    st.integers(0, 5_000),
    st.lists(st.sampled_from(["active", "disabled"]), min_size=3, max_size=3),
    st.booleans(),
)
def test_what_goes_back_is_exact_and_never_more_than_was_given(
    uses: list[tuple[int, int]], amount: int, states: list[str], guest: bool
) -> None:
    uses = [(number or 1, left) for number, left in uses] if guest else uses
    cards = {f"gft_{n}": card(n, state) for n, state in enumerate(states, 1)}
    used = [
        Use("ord_1", no, "gift_card" if number else "store_credit", f"gft_{number}" if number else "acc_01", left)
        for no, (number, left) in enumerate(uses, 1)
    ]
    account = None if guest else PURSE
    if amount > sum(use.left for use in used):
        with pytest.raises(Conflict):
            give_back("rfd_1", amount, used, cards, account, NOW)
        return
    returns = give_back("rfd_1", amount, used, cards, account, NOW)
    by_no = {use.no: use for use in used}

    assert sum(each.amount for each in returns) == amount
    assert all(0 < each.amount <= by_no[each.no].left for each in returns)
    assert [each.no for each in returns] == sorted((each.no for each in returns), reverse=True)
    assert all(each.amount == by_no[each.no].left for each in returns[:-1])
    for each in returns:
        ended = by_no[each.no].kind == "gift_card" and cards[by_no[each.no].owner].status != "active"
        assert each.restores == (ended and guest)
        assert each.to == (
            PURSE
            if (ended and not guest) or by_no[each.no].kind == "store_credit"
            else cards[by_no[each.no].owner].account
        )


class Model(msgspec.Struct):
    """What cards and purses have, and what orders hold: (card or account, amount) in order of use."""

    left: dict[str, int] = msgspec.field(default_factory=dict)
    ended: set[str] = msgspec.field(default_factory=set)
    orders: dict[str, tuple[str, list[list[object]]]] = msgspec.field(default_factory=dict)

    def hold(self, order_id: str, account: str, uses: list[tuple[str, int]]) -> bool:
        after = dict(self.left)
        for owner, amount in uses:
            after[owner] = after.get(owner, 0) - amount
            if after[owner] < 0 or owner in self.ended:
                return False
        self.left = after
        self.orders[order_id] = (account, [[owner, amount] for owner, amount in uses])
        return True

    def back(self, order_id: str, amount: int) -> None:
        account, uses = self.orders[order_id]
        for use in reversed(uses):
            owner, held = use
            assert isinstance(owner, str) and isinstance(held, int)
            taken = min(held, amount)
            amount -= taken
            use[1] = held - taken
            to = account if owner in self.ended else owner
            self.left[to] = self.left.get(to, 0) + taken


@pytest.mark.parametrize("seed", range(5))
async def test_a_random_story_ends_as_the_model_says(ledger: Ledger, seed: int) -> None:
    dice = random.Random(seed)
    credit, model = Credit(ledger), Model()
    codes: dict[str, str] = {}
    expiring: set[str] = set()
    people = ["acc_01", "acc_02"]
    for _ in range(70):
        step = dice.choice(["card", "grant", "order", "order", "order", "back", "back", "redeem", "disable", "wait"])
        if step == "card":
            soon = dice.random() < 0.4
            more = {"expires_at": (ledger.clock.now() + timedelta(hours=3)).isoformat()} if soon else {}
            amount = dice.randint(1, 1_000)
            card_id, code = await credit.card(amount, dice.choice(["promotion", "goodwill"]), **more)
            codes[card_id], model.left[card_id] = code, amount
            expiring |= {card_id} if soon else set()
        elif step == "grant":
            account, amount = dice.choice(people), dice.randint(1, 600)
            await credit.grant(amount, account)
            model.left[account] = model.left.get(account, 0) + amount
        elif step == "order":
            account = dice.choice(people)
            owners = dice.choices([account, *codes], k=dice.randint(1, 3))
            uses = [(owner, dice.randint(1, 500)) for owner in owners]
            told = [by_account(amount) if owner == account else by_card(codes[owner], amount) for owner, amount in uses]
            asked = credit.asked(*told, account=account)
            held = model.hold(asked.order_id, account, uses)
            assert ((await credit.answer(asked)) == "held") == held
        elif step == "back" and model.orders:
            order_id = dice.choice(list(model.orders))
            rest = sum(int(str(amount)) for _, amount in model.orders[order_id][1])
            amount = dice.randint(0, rest)
            event = credit.back(order_id, amount)
            model.back(order_id, amount)
            await ledger.hear(event, event)
        elif step == "redeem" and codes:
            card_id, account = dice.choice(list(codes)), dice.choice(people)
            answer = await credit.redeem(codes[card_id], account)
            good = card_id not in model.ended and model.left[card_id] > 0
            assert answer.status_code == (200 if good else 409)
            if good:
                model.left[account] = model.left.get(account, 0) + model.left[card_id]
                model.left[card_id] = 0
                model.ended.add(card_id)
        elif step == "disable" and codes and dice.random() < 0.4:
            card_id = dice.choice(list(codes))
            await credit.made(f"/v1/gift-cards/{card_id}/disable", status=200)
            model.ended.add(card_id)
        elif step == "wait" and dice.random() < 0.4:
            ledger.clock.advance(hours=3)
            await ledger.run("expire_gift_cards")
            model.left |= dict.fromkeys(expiring, 0)
            model.ended |= expiring
            expiring = set()
    # None of them is ever sold, so all of it goes back.
    for order_id, (_, held_uses) in model.orders.items():
        rest = sum(int(str(amount)) for _, amount in held_uses)
        await ledger.hear(credit.back(order_id, rest))
        model.back(order_id, rest)
    cards = {card_id: await credit.left(card_id) for card_id in codes}
    purses = {account: await credit.purse(account) for account in people}

    assert cards == {card_id: model.left[card_id] for card_id in codes}
    assert purses == {account: model.left.get(account, 0) for account in people}
