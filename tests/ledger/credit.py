"""Gift cards and store credit, as tests get, spend and count them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx

from estore.contracts.ledger import CreditHeld, CreditRefused
from estore.contracts.orders import CreditUse, OrderCreditRequested, RefundCredited, gift_card_hash
from ledger.factories import Ledger

JSON = dict[str, Any]
BUYER = "acc_01"


def eur(amount: int) -> JSON:
    return {"amount": amount, "currency": "EUR"}


def by_card(code: str, amount: int) -> CreditUse:
    return CreditUse(kind="gift_card", amount=amount, gift_card_hash=gift_card_hash(code))


def by_account(amount: int) -> CreditUse:
    return CreditUse(kind="store_credit", amount=amount)


class Credit:
    """A ledger with a purse."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    async def post(self, path: str, body: JSON | None = None, *, who: JSON | None = None, **how: Any) -> httpx.Response:
        return await self.ledger.ask("POST", path, json=body, who=who, key=how.pop("key", uuid4().hex), **how)

    async def made(self, path: str, body: JSON | None = None, status: int = 201, **how: Any) -> JSON:
        answer = await self.post(path, body, **how)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def card(self, amount: int = 1_000, funding: str = "promotion", **more: Any) -> tuple[str, str]:
        """Issue a card; returns its id and its code."""
        made = await self.made("/v1/gift-cards", {"amount": eur(amount), "funding": funding, **more})
        return made["card"]["id"], made["code"]

    async def grant(self, amount: int, account: str = BUYER) -> JSON:
        body = {"account_id": account, "amount": eur(amount), "reason": "sorry", "funding": "goodwill"}
        return await self.made("/v1/store-credit", body)

    async def redeem(self, code: str, account: str = BUYER) -> httpx.Response:
        return await self.post("/v1/gift-cards/redeem", {"code": code}, who={"account_id": account})

    async def seen(self, card_id: str) -> JSON:
        answer = await self.ledger.ask("GET", f"/v1/gift-cards/{card_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def left(self, card_id: str) -> int:
        return (await self.seen(card_id))["balance"]["amount"]

    async def purse(self, account: str = BUYER) -> int:
        answer = await self.ledger.ask("GET", "/v1/store-credit", who={"account_id": account})
        return sum(money["amount"] for money in answer.json()["balances"])

    def asked(
        self, *uses: CreditUse, order_id: str = "", account: str | None = BUYER, currency: str = "EUR"
    ) -> OrderCreditRequested:
        return OrderCreditRequested(
            order_id=order_id or self.ledger.order_id(),
            number="E-7K3M-92QX",
            account_id=account,
            uses=uses,
            currency=currency,
            version=2,
        )

    def back(self, order_id: str, amount: int, refund_id: str = "") -> RefundCredited:
        return RefundCredited(
            refund_id=refund_id or f"rfd_{uuid4().hex}", order_id=order_id, amount=amount, currency="EUR"
        )

    async def answers(self) -> dict[str, str]:
        """What orders were told: the refusal's code, or `held`."""
        told = await self.ledger.world.emitted("ledger", CreditHeld)
        refused = await self.ledger.world.emitted("ledger", CreditRefused)
        held = {event.order_id: "held" for event in told}
        codes = {event.order_id: event.code for event in refused}
        assert not held.keys() & codes.keys()
        return held | codes

    async def answer(self, event: OrderCreditRequested) -> str:
        """Ask, and return the answer."""
        await self.ledger.hear(event)
        return (await self.answers())[event.order_id]
