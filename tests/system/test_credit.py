"""Gift cards, store credit and promotions that pay for orders, with every service: what they come to is in the books.

After each test the store comes to rest, and doctor finds nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest

from support.market import JSON, Bought, Market, Vendor, eur, key, ok, until

FREE_SHIPPING: JSON = {"type": "free_shipping"}
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class CreditSuite:
    @pytest.fixture(autouse=True)
    async def nothing_is_broken(self, market: Market) -> AsyncIterator[None]:
        yield
        await market.proved()

    async def test_a_card_pays_a_part_and_gets_its_part_of_a_refund_last(self, market: Market) -> None:
        mug, code = await market.product(stock=3), await a_card(market, 1500)
        order = await market.bought((mug, 1), credits=[card(code, 1000)])
        payment = await order.payment()
        assert payment is not None
        assert (payment["captured"], await on_card(market, code)) == (eur(1890), 500)

        await refund(market, order, 1500)
        await refund(market, order, 1000)
        await until("the card has its part back", lambda: has_on_card(market, code, 500 + 610))
        await until("both are counted", lambda: has_back(order, eur(2500)))
        assert (await order.show())["payment_status"] == "partially_refunded"

    async def test_credit_alone_buys_without_a_payment_and_comes_back_when_it_is_called_off(
        self, market: Market
    ) -> None:
        mug, code = await market.product(stock=3), await a_card(market, 2000)
        ada = f"acc_{secrets.token_hex(6)}"
        await grant(market, ada, 890)
        credits = [card(code, 2000), {"store_credit": True, "amount": eur(890)}]
        order = await market.bought((mug, 1), client=market.buyer(ada), credits=credits, payment_method=None)
        assert (await order.payment(), await stored(market, ada), await on_card(market, code)) == (None, 0, 0)

        assert (await order.cancel()).status_code == 200
        seen = await order.settled("cancelled")
        assert (seen["payment_status"], seen["refunded"]) == ("refunded", eur(2890))
        await until("the card has its part back", lambda: has_on_card(market, code, 2000))
        await until("the account has its part back", lambda: has_stored(market, ada, 890))

    async def test_both_come_back_from_an_order_that_is_called_off(self, market: Market) -> None:
        mug, code = await market.product(stock=3), await a_card(market, 1000)
        order = await market.bought((mug, 1), credits=[card(code, 1000)])
        assert (await order.cancel()).status_code == 200

        seen = await order.settled("cancelled")
        payment = await order.payment()
        assert payment is not None
        assert (seen["payment_status"], payment["refunded"]) == ("refunded", eur(1890))
        await until("the card has its part back", lambda: has_on_card(market, code, 1000))

    @pytest.mark.parametrize(("amount", "why"), [(1001, "insufficient"), (1, "unknown_card")])
    async def test_credit_that_is_not_there_buys_nothing(self, market: Market, amount: int, why: str) -> None:
        mug, code = await market.product(stock=3), await a_card(market, 1000)
        used = code if why == "insufficient" else "NO-SUCH-CARD"
        order = await market.order((mug, 1), credits=[card(used, amount)])
        seen = await order.settled("cancelled")

        assert (seen["cancel_reason"], seen["credit_refusal"]) == ("credit_refused", why)
        assert (await order.payment(), await on_card(market, code)) == (None, 1000)
        await until("the stock is free again", lambda: is_free(market, mug, 3))

    async def test_what_was_taken_comes_back_when_the_rest_is_declined(self, market: Market) -> None:
        mug, code = await market.product(stock=3), await a_card(market, 1000)
        order = await market.order((mug, 1), credits=[card(code, 1000)], payment_method="pm_declined")
        seen = await order.settled("cancelled")

        assert (seen["cancel_reason"], seen["payment_status"]) == ("payment_failed", "refunded")
        await until("the card has it back", lambda: has_on_card(market, code, 1000))

    async def test_what_a_promotion_pays_is_bought_for_nothing_and_the_vendor_gives_back_what_it_was_paid(
        self, market: Market
    ) -> None:
        vendor = await market.vendor("Schenk")
        mug = await market.product(stock=5, vendor=vendor)
        codes = [await a_promotion(market, mug, one) for one in ({"type": "percentage", "bps": 10_000}, FREE_SHIPPING)]
        order = await market.bought((mug, 1), promotion_codes=codes, payment_method=None)
        kept = await market.bought((mug, 2), promotion_codes=codes, payment_method=None)
        assert (order.total, await order.payment(), (await order.show())["to_pay"]) == (0, None, eur(0))
        parcels = [await parcel_of(market, one) for one in (order, kept)]
        assert [parcel["funded"] for parcel in parcels] == [eur(2400 + 490), eur(4800 + 490)]
        owed = sum(parcel["payable"]["amount"] for parcel in parcels)
        await until("the vendor is owed both", lambda: is_owed(vendor, owed))

        assert (await order.cancel()).status_code == 200
        assert (await order.settled("cancelled"))["payment_status"] == "voided"
        await until("only one is left", lambda: is_owed(vendor, parcels[1]["payable"]["amount"]))


def card(code: str, amount: int) -> JSON:
    return {"gift_card": code, "amount": eur(amount)}


async def a_card(market: Market, amount: int) -> str:
    """The code of a new gift card."""
    body = {"amount": eur(amount), "funding": "sold"}
    return str((await ok(market.operator.post("/v1/gift-cards", json=body, headers=key()), 201))["code"])


async def grant(market: Market, account: str, amount: int) -> None:
    body = {"account_id": account, "amount": eur(amount), "reason": "sorry", "funding": "goodwill"}
    await ok(market.operator.post("/v1/store-credit", json=body, headers=key()), 201)


async def on_card(market: Market, code: str) -> int:
    found = await ok(market.guest.post("/v1/gift-cards/balance", json={"code": code}), 200)
    return int(found["balance"]["amount"])


async def has_on_card(market: Market, code: str, amount: int) -> bool:
    return await on_card(market, code) == amount


async def has_back(order: Bought, money: JSON) -> bool:
    return bool((await order.show())["refunded"] == money)


async def stored(market: Market, account: str) -> int:
    found = await ok(market.buyer(account).get("/v1/store-credit"), 200)
    return sum(int(money["amount"]) for money in found["balances"])


async def has_stored(market: Market, account: str, amount: int) -> bool:
    return await stored(market, account) == amount


async def is_free(market: Market, sku: str, pieces: int) -> bool:
    return await market.stock(sku) == (pieces, 0)


async def refund(market: Market, order: Bought, amount: int) -> None:
    form: dict[str, Any] = {"reason": "sorry", "amount": eur(amount)}
    await ok(market.operator.post(f"/v1/orders/{order.id}/refunds", json=form, headers=key()), 201)


async def a_promotion(market: Market, sku: str, effect: JSON) -> str:
    """The code of a promotion of one product that the marketplace pays for."""
    body = {"title": "A gift", "effect": effect, "goods": {"skus": [sku]}}
    made = await ok(market.operator.post("/v1/promotions", json=body, headers=key()), 201)
    code = f"GIFT{secrets.token_hex(4)}"
    await ok(market.operator.post(f"/v1/promotions/{made['id']}/codes", json={"code": code}, headers=key()), 201)
    return code


async def parcel_of(market: Market, order: Bought) -> JSON:
    [parcel] = (await order.show())["parcels"]
    return dict(await ok(market.operator.get(f"/v1/parcels/{parcel['id']}"), 200))


async def is_owed(vendor: Vendor, amount: int) -> bool:
    """Whether the books owe a vendor so much for what is not delivered yet."""
    page = await ok(vendor.client.get("/v1/ledger/balances"), 200)
    return [balance["pending"] for balance in page["data"]] == [eur(amount)]


class TestLocalCredit(CreditSuite):
    @pytest.fixture
    def market(self, local_market: Market) -> Market:
        return local_market


class TestRabbitCredit(CreditSuite):
    @pytest.fixture
    def market(self, rabbit_market: Market) -> Market:
        return rabbit_market
