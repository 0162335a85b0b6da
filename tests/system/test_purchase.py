"""A whole purchase, from a cart to a parcel, with every service in one process: once on each bus.

After each test the store comes to rest, and doctor finds nothing.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from estore.cli.doctor import Finding, examine
from estore.kit.errors import Transient
from support.market import ADDRESS, JSON, Bought, InProcess, Market, carts_within, eur, key, ok, until

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class PurchaseSuite:
    @pytest.fixture(autouse=True)
    async def nothing_is_broken(self, market: Market) -> AsyncIterator[None]:
        yield
        await market.proved()

    # --- payment methods --------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("method", ["pm_ok", "pm_slow", "pm_timeout_after_charge", "pm_duplicate_webhooks"])
    async def test_what_is_charged_is_confirmed_once(self, market: Market, method: str) -> None:
        sku = await market.product(stock=5)
        order = await market.order((sku, 2), payment_method=method)
        seen = await order.settled("confirmed")

        payment = await order.payment()
        assert payment is not None
        assert (seen["payment_status"], payment["status"]) == ("captured", "captured")
        assert payment["captured"] == seen["totals"]["total"] == eur(2 * 2400 + 490)
        assert await market.stock(sku) == (5, 2)
        assert [parcel["status"] for parcel in seen["parcels"]] == ["open"]

    @pytest.mark.parametrize(
        ("method", "code"),
        [("pm_declined", "declined"), ("pm_unheard_of", "unknown_method"), ("pm_never_answers", "provider_error")],
    )
    async def test_what_is_not_charged_is_cancelled(self, market: Market, method: str, code: str) -> None:
        sku = await market.product(stock=5)
        order = await market.order((sku, 2), payment_method=method)
        seen = await order.settled("cancelled")

        payment = await order.payment()
        assert payment is not None
        assert (seen["cancel_reason"], seen["payment_status"]) == ("payment_failed", "failed")
        assert (payment["status"], payment["code"], payment["captured"]) == ("failed", code, eur(0))
        await until("the stock is free again", lambda: is_free(market, sku, 5))

    async def test_a_customer_who_acts_is_confirmed(self, market: Market) -> None:
        sku = await market.product(stock=1)
        order = await market.order((sku, 1), payment_method="pm_requires_action")
        action, waiting = await order.action(), await order.show()
        assert (waiting["status"], waiting["payment_status"]) == ("awaiting_payment", "requires_action")

        await act(market, action, "succeed")
        seen = await order.settled("confirmed")
        assert (seen["payment_status"], seen["requires_action_url"]) == ("captured", None)

    async def test_a_customer_who_refuses_is_cancelled(self, market: Market) -> None:
        sku = await market.product(stock=1)
        order = await market.order((sku, 1), payment_method="pm_requires_action")
        await act(market, await order.action(), "fail")

        seen = await order.settled("cancelled")
        assert (seen["cancel_reason"], seen["payment_status"]) == ("payment_failed", "failed")
        await until("the stock is free again", lambda: is_free(market, sku, 1))

    async def test_a_customer_who_goes_away_is_cancelled_and_can_pay_no_more(self, market: Market) -> None:
        sku = await market.product(stock=1)
        order = await market.order((sku, 1), payment_method="pm_requires_action")
        action = await order.action()
        await time_is_up(market, order)

        seen = await order.settled("cancelled")
        assert seen["cancel_reason"] == "overdue"
        await until("the stock is free again", lambda: is_free(market, sku, 1))

        async def is_voided() -> bool:
            payment = await order.payment()
            return payment is not None and payment["status"] == "failed"

        await until("the charge is voided", is_voided)
        late = await market.guest.post(f"{path_of(action)}/complete", json={"outcome": "succeed"})
        assert late.status_code == 409

    # --- carts --------------------------------------------------------------------------------------------------

    async def test_a_guest_buys_a_cart(self, market: Market) -> None:
        mug, lamp = await market.product(stock=3), await market.product(stock=3, price=8900, vendor=market.holzig)
        cart = await ok(market.guest.post("/v1/carts", headers=key()), 201)
        guest = market.store.client(cart_secret=cart["secret"])
        await market.in_cart(guest, cart["id"], mug, 2)
        cart = await market.in_cart(guest, cart["id"], lamp)

        with carts_within(90):
            order = await market.order(client=guest, cart_id=cart["id"], cart_version=cart["version"])
        assert order.first["totals"]["items"] == cart["subtotal"] == eur(2 * 2400 + 8900)
        assert len(order.first["parcels"]) == 2
        order.client = market.store.client(order_secret=order.first["secret"])
        await order.settled("confirmed")
        await until("the cart is empty", lambda: is_empty(guest, cart["id"]))

        other = await market.place(client=market.store.client(cart_secret="x" * 32), cart_id=cart["id"])
        assert other.status_code in (404, 422)

    async def test_an_account_buys_the_cart_that_it_filled_as_a_guest(self, market: Market) -> None:
        mug = await market.product(stock=3)
        cart = await ok(market.guest.post("/v1/carts", headers=key()), 201)
        guest = market.store.client(cart_secret=cart["secret"])
        await market.in_cart(guest, cart["id"], mug)

        token = market.store.token(f"acc_{random.randrange(10**9)}")
        both = market.store.client(token, cart_secret=cart["secret"])
        own = await ok(both.post(f"/v1/carts/{cart['id']}/claim", headers=key()), 200)
        buyer = market.store.client(token)
        with carts_within(90):
            order = await market.bought(client=buyer, cart_id=own["id"], cart_version=own["version"])

        assert "secret" not in order.first
        assert (await ok(buyer.get("/v1/orders"), 200))["data"][0]["id"] == order.id
        await until("the cart is empty", lambda: is_empty(buyer, own["id"]))

    # --- what changes while somebody checks out -----------------------------------------------------------------

    async def test_a_price_that_changes_mid_checkout_is_a_new_quote(self, market: Market) -> None:
        sku = await market.product(stock=5)
        quote = (await market.quote((sku, 2))).json()
        await ok(market.tonwerk.client.put(await price_url(market, sku), json=eur(2600)), 200)

        async def is_told() -> bool:
            return bool((await market.quote((sku, 2))).json()["totals"]["items"] == eur(5200))

        await until("orders has heard of it", is_told)
        answer = await market.place((sku, 2), expected_total=quote["expected_total"])
        problem = answer.json()
        assert answer.status_code == 409
        assert problem["code"] == "orders.total_changed"
        assert problem["quote"]["totals"]["items"] == eur(5200)
        order = await market.bought((sku, 2), expected_total=problem["quote"]["expected_total"])
        payment = await order.payment()
        assert payment is not None and payment["captured"] == problem["quote"]["expected_total"]

    async def test_an_order_keeps_the_price_at_which_it_was_placed(self, market: Market) -> None:
        sku = await market.product(stock=5)
        order = await market.order((sku, 1), payment_method="pm_requires_action")
        await ok(market.tonwerk.client.put(await price_url(market, sku), json=eur(9900)), 200)
        await act(market, await order.action(), "succeed")

        assert (await order.settled("confirmed"))["totals"]["items"] == eur(2400)

    async def test_a_vendor_suspended_mid_checkout_sells_nothing_more(self, market: Market) -> None:
        vendor = await market.vendor("Kurz")
        sku = await market.product(stock=5, vendor=vendor)
        before = await market.order((sku, 1), payment_method="pm_requires_action")
        await before.action()
        await ok(market.operator.post(f"/v1/vendors/{vendor.id}/suspend", json={"reason": "no"}, headers=key()), 200)

        async def refused() -> bool:
            answer = await market.place((sku, 1), payment_method="pm_declined")
            return answer.status_code == 422 and answer.json()["code"] == "orders.not_sellable"

        await until("nothing of it can be ordered", refused)
        await until("the page is gone", lambda: market.has(market.guest.get(f"/v1/products/{sku}"), 404))
        # what was ordered before stays ordered
        await act(market, await before.action(), "succeed")
        await before.settled("confirmed")

    async def test_what_is_out_of_stock_is_rejected_whole(self, market: Market) -> None:
        few, many = await market.product(stock=1), await market.product(stock=9)
        order = await market.order((many, 2), (few, 2))
        seen = await order.settled("rejected")

        assert (seen["cancel_reason"], await order.payment()) == ("out_of_stock", None)
        assert (await market.stock(few), await market.stock(many)) == ((1, 0), (9, 0))

    # --- races --------------------------------------------------------------------------------------------------

    async def test_cancel_against_capture(self, market: Market) -> None:
        sku = await market.product(stock=200)
        methods = ("pm_ok", "pm_ok", "pm_duplicate_webhooks", "pm_slow")

        # As long as a capture takes, about: that depends on how busy the machine is.
        longest = 0.3

        async def race(number: int) -> tuple[Bought, int]:
            order = await market.order((sku, 1), payment_method=methods[number % len(methods)])
            await asyncio.sleep(random.uniform(0, longest))
            answers = await asyncio.gather(order.cancel(), order.cancel())
            return order, min(answer.status_code for answer in answers)

        raced: list[tuple[Bought, int]] = []
        seen: list[JSON] = []
        won = 0
        while len(raced) < 72 or (won in (0, len(raced)) and len(raced) < 500):
            together = await asyncio.gather(*(race(number) for number in range(12)))
            seen += [await order.settled() for order, _ in together]
            paid = [await order.payment() for order, _ in together]
            late = sum(payment is not None and payment["captured"] != eur(0) for payment in paid)
            longest *= {0: 2.0, 12: 0.5}.get(late, 1.0)
            won += late
            raced += together

        assert {status for _, status in raced} == {200}
        assert {order["status"] for order in seen} == {"cancelled"}
        await market.proved()
        payments = [await order.payment() for order, _ in raced]
        captured = [payment for payment in payments if payment and payment["captured"]["amount"]]
        assert all(payment["refunded"] == payment["captured"] for payment in captured)
        assert await market.stock(sku) == (200, 0)
        print(f"\ncancel against capture: {len(captured)} of {len(raced)} were captured and given back")
        assert 0 < len(captured) < len(raced), "the race was no race"

    async def test_a_part_given_back_by_an_operator_while_the_customer_cancels(self, market: Market) -> None:
        sku = await market.product(stock=20)
        orders = await asyncio.gather(*(market.bought((sku, 1)) for _ in range(8)))
        payments = [await order.payment() for order in orders]

        async def race(order: Bought, payment: Any) -> None:
            url = f"/v1/payments/{payment['id']}/refunds"
            part, off = await asyncio.gather(
                market.operator.post(url, json={"amount": eur(1000)}, headers=key()), order.cancel()
            )
            assert (part.status_code in (202, 409), off.status_code) == (True, 200)

        await asyncio.gather(
            *(race(order, payment) for order, payment in zip(orders, payments, strict=True) if payment)
        )
        seen = await asyncio.gather(*(order.settled("cancelled") for order in orders))
        assert {order["payment_status"] for order in seen} == {"refunded"}

    async def test_a_double_click_buys_once_and_two_keys_buy_twice(self, market: Market) -> None:
        sku = await market.product(stock=50)
        same = key()
        answers = await asyncio.gather(*(market.place((sku, 1), headers=same, wait=20) for _ in range(12)))
        assert len({answer.json()["id"] for answer in answers if answer.status_code in (201, 202)}) == 1
        assert {answer.status_code for answer in answers} <= {201, 202, 409}

        two = await asyncio.gather(*(market.place((sku, 1), wait=20) for _ in range(2)))
        assert len({answer.json()["id"] for answer in two}) == 2
        await until("three are committed", lambda: is_held(market, sku, (50, 3)))

    async def test_the_last_unit_is_bought_by_200_at_once(self, market: Market) -> None:
        one, few = await market.product(stock=1), await market.product(stock=7)
        skus = [one, few] * 100
        random.shuffle(skus)
        orders = await asyncio.gather(*(market.order((sku, 1), wait=20) for sku in skus))
        seen = await asyncio.gather(*(order.settled() for order in orders))

        sold = Counter((order["lines"][0]["sku"], order["status"]) for order in seen)
        assert sold == {(one, "confirmed"): 1, (one, "rejected"): 99, (few, "confirmed"): 7, (few, "rejected"): 93}
        assert {order["cancel_reason"] for order in seen if order["status"] == "rejected"} == {"out_of_stock"}
        assert (await market.stock(one), await market.stock(few)) == ((1, 1), (7, 7))
        assert (await market.available(one), await market.available(few)) == (0, 0)

    async def test_two_skus_in_crossed_order(self, market: Market) -> None:
        a, b = await market.product(stock=20), await market.product(stock=25)
        orders = await asyncio.gather(
            *(market.order((a, 1), (b, 1)) for _ in range(30)), *(market.order((b, 1), (a, 1)) for _ in range(30))
        )
        seen = await asyncio.gather(*(order.settled() for order in orders))

        assert Counter(order["status"] for order in seen) == {"confirmed": 20, "rejected": 40}
        assert (await market.stock(a), await market.stock(b)) == ((20, 20), (25, 20))

    async def test_money_is_given_back_once(self, market: Market) -> None:
        sku = await market.product(stock=5)
        order = await market.bought((sku, 1))
        payment = await order.payment()
        assert payment is not None
        url, body = f"/v1/payments/{payment['id']}/refunds", {"amount": payment["captured"]}
        same = key()
        answers = await asyncio.gather(
            *(market.operator.post(url, json=body, headers=same) for _ in range(3)),
            *(market.operator.post(url, json=body, headers=key()) for _ in range(3)),
            order.cancel(),
        )

        refunds = Counter(answer.status_code for answer in answers[:-1])
        assert set(refunds) <= {202, 409}
        assert answers[-1].status_code == 200

        async def is_back() -> bool:
            now = await order.payment()
            return now is not None and now["refunded"] == now["captured"]

        await until("the money is back", is_back)
        seen = await order.settled("cancelled")
        assert seen["payment_status"] == "refunded"

    # --- after the purchase -------------------------------------------------------------------------------------

    async def test_parcels_are_shipped_and_delivered_by_their_vendors_alone(self, market: Market) -> None:
        mug, lamp = await market.product(stock=3), await market.product(stock=3, vendor=market.holzig)
        order = await market.bought((mug, 2), (lamp, 1))
        ours = await parcel_of(market.tonwerk.client, order)
        theirs = await parcel_of(market.holzig.client, order)

        assert {line["sku"] for line in ours["lines"]} == {mug}
        for path, body in (("", None), ("/ship", {}), ("/deliver", {})):
            url = f"/v1/parcels/{theirs['id']}{path}"
            asked = market.tonwerk.client.get(url) if body is None else None
            answer = await (asked or market.tonwerk.client.post(url, json=body, headers=key()))
            assert answer.status_code == 404, (path, answer.text)
        foreign = await market.tonwerk.client.get("/v1/parcels", params={"vendor": market.holzig.id})
        assert foreign.status_code == 404 or foreign.json()["data"] == []

        for vendor, parcel in ((market.tonwerk, ours), (market.holzig, theirs)):
            url = f"/v1/parcels/{parcel['id']}"
            shipped = await ok(vendor.client.post(f"{url}/ship", json={"carrier": "DHL"}, headers=key()), 200)
            assert shipped["status"] == "shipped"
        assert (await order.show())["status"] == "shipped"
        assert (await order.cancel()).status_code == 409
        await until("the pieces left", lambda: is_held(market, mug, (1, 0)))
        for vendor, parcel in ((market.tonwerk, ours), (market.holzig, theirs)):
            await ok(vendor.client.post(f"/v1/parcels/{parcel['id']}/deliver", headers=key()), 200)
        assert (await order.show())["status"] == "delivered"

    async def test_nobody_sees_what_is_not_theirs(self, market: Market) -> None:
        mug, lamp = await market.product(stock=3), await market.product(stock=3, vendor=market.holzig)
        ada, bob = market.buyer(f"acc_ada{random.random()}"[:20]), market.buyer(f"acc_bob{random.random()}"[:20])
        order = await market.bought((mug, 1), (lamp, 1), client=ada)
        payment = await order.payment()
        assert payment is not None

        for stranger in (bob, market.guest, market.tonwerk.client):
            assert (await stranger.get(f"/v1/orders/{order.id}")).status_code == 404
            assert (await stranger.post(f"/v1/orders/{order.id}/cancel", headers=key())).status_code == 404
            assert (await stranger.get(f"/v1/payments/{payment['id']}")).status_code in (401, 404)
        assert (await ok(bob.get("/v1/orders"), 200))["data"] == []
        assert order.id in {row["id"] for row in (await ok(ada.get("/v1/orders"), 200))["data"]}
        assert order.id in {row["id"] for row in (await ok(market.operator.get("/v1/orders?limit=100"), 200))["data"]}
        assert (await ok(market.operator.get(f"/v1/orders/{order.id}"), 200))["email"] == "ada@example.com"

        holzig = market.holzig.client
        assert (await holzig.get(f"/v1/stock/{mug}/movements")).status_code == 404
        receipt = {"location": "MAIN", "quantity": 1}
        assert (await holzig.post(f"/v1/stock/{mug}/receipts", json=receipt, headers=key())).status_code == 404
        assert (await holzig.put(await price_url(market, mug), json=eur(1))).status_code == 404
        rows = await ok(holzig.get("/v1/stock?limit=100"), 200)
        assert {row["vendor_id"] for row in rows["data"]} == {market.holzig.id}
        parcels = await ok(market.operator.get("/v1/parcels?limit=100"), 200)
        assert {market.tonwerk.id, market.holzig.id} <= {row["vendor_id"] for row in parcels["data"]}

    # --- the doctor ---------------------------------------------------------------------------------------------

    async def test_doctor_raises_no_false_alarm_while_orders_flow(self, market: Market) -> None:
        sku = await market.product(stock=100_000)
        stop, placed = asyncio.Event(), 0

        async def buy() -> None:
            nonlocal placed
            while not stop.is_set():
                order = await market.order((sku, 1), payment_method=random.choice(("pm_ok", "pm_ok", "pm_declined")))
                placed += 1
                if random.random() < 0.2:
                    await order.cancel()
                await asyncio.sleep(0.02)

        async def flow() -> bool:
            return placed > 20

        async def examined() -> list[Finding] | None:
            try:
                # On a busy machine an event is on its way for more than seconds.
                return await examine(market.store.settings, grace=timedelta(seconds=60))
            except Transient:  # Doctor gives each database five seconds.
                return None

        buyers = [asyncio.create_task(buy()) for _ in range(4)]
        try:
            await until("orders flow", flow)
            for _ in range(2):
                findings = await until("every database answers", examined)
                assert [f for f in findings if not f.holds] == []
        finally:
            stop.set()
            await asyncio.gather(*buyers)
        over = max(f.over for f in findings if f.service == "all")
        print(f"\ndoctor under load: two clean examinations over {over} rows, {placed} orders placed meanwhile")
        assert over > 100


async def time_is_up(market: Market, order: Bought) -> None:
    """Have the time pass in which the customer may act."""
    store = market.store
    assert isinstance(store, InProcess)
    async with store.world.service("orders").db.transaction() as tx:
        await tx.execute("UPDATE purchase_order SET deadline = now() WHERE order_id = $1", order.id)


async def act(market: Market, action_url: str, outcome: str) -> None:
    """Do what the provider asks the customer for."""
    await ok(market.guest.post(f"{path_of(action_url)}/complete", json={"outcome": outcome}), 200)


def path_of(url: str) -> str:
    return "/" + url.split("/", 3)[3]


async def price_url(market: Market, sku: str) -> str:
    product = await ok(market.guest.get(f"/v1/products/{sku}"), 200)
    return f"/v1/products/{product['id']}/variants/{sku}/price"


async def is_free(market: Market, sku: str, pieces: int) -> bool:
    return await market.stock(sku) == (pieces, 0)


async def is_held(market: Market, sku: str, stock: tuple[int, int]) -> bool:
    return await market.stock(sku) == stock


async def is_empty(client: Any, cart_id: str) -> bool:
    return (await ok(client.get(f"/v1/carts/{cart_id}"), 200))["lines"] == []


async def parcel_of(client: Any, order: Bought) -> JSON:
    """The one parcel of an order that a vendor sees."""
    page = await ok(client.get("/v1/parcels", params={"status": "open", "limit": 100}), 200)
    [parcel] = [row for row in page["data"] if row["order_id"] == order.id]
    assert parcel["shipping_address"]["city"] == ADDRESS["city"]
    return dict(parcel)


class TestLocalPurchase(PurchaseSuite):
    @pytest.fixture
    def market(self, local_market: Market) -> Market:
        return local_market


class TestRabbitPurchase(PurchaseSuite):
    @pytest.fixture
    def market(self, rabbit_market: Market) -> Market:
        return rabbit_market
