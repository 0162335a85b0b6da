"""The purchases of seeds/orders.json: quoted, placed, paid, and then what `aftersales` does with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from estore.cli.seed import OPERATOR
from estore.cli.seed.aftersales import Shops
from estore.cli.seed.api import Api, Refused, at_once, eventually
from estore.cli.seed.files import Customer, Demo, Order
from estore.cli.seed.progress import Stage

Ids = Mapping[str, str]
_SETTLING = ("placed", "awaiting_payment")
# How long the store is asked to keep an answer back until the order has settled.
_WAIT_SECONDS = 15


def signature(lines: Any) -> frozenset[tuple[str, int]]:
    """Return by what a purchase is found again: its SKUs and how many pieces of each."""
    pieces: Counter[str] = Counter()
    for line in lines:
        pieces[line["sku"]] += line["quantity"]
    return frozenset(pieces.items())


async def play(api: Api, soon: Api, demo: Demo, vendors: Ids, stage: Stage) -> None:
    """Play every script that was not played before, in the order of the file, and finish those that were begun.

    soon: the same store, where the time to return something is a second.
    """
    customers = {customer.email: customer for customer in demo.customers}
    shops = Shops(api, soon, {vendors[vendor.slug]: vendor.owner.email for vendor in demo.vendors})
    played = await _played(api, {order.customer for order in demo.orders})
    begun: list[tuple[Order, str]] = []
    for number, script in enumerate(demo.orders, 1):
        lines = [{"sku": line.sku, "quantity": line.quantity} for line in script.lines]
        before = played[script.customer].get(signature(lines))
        if before:
            order = before.pop(0)
            if not _over(script, order):
                begun.append((script, order["id"]))
            continue
        placed = await _place(api, customers[script.customer], script, lines, number)
        begun.append((script, placed["id"]))
        stage.advance()
    await at_once(_go_on(api, shops, script, order_id) for script, order_id in begun)


async def _played(api: Api, customers: set[str]) -> dict[str, dict[frozenset[tuple[str, int]], list[Any]]]:
    async def one(email: str) -> tuple[str, dict[frozenset[tuple[str, int]], list[Any]]]:
        found: dict[frozenset[tuple[str, int]], list[Any]] = {}
        async for order in api.pages("/v1/orders", by=OPERATOR, email=email):
            found.setdefault(signature(order["lines"]), []).insert(0, order)
        return email, found

    return dict(await at_once(one(email) for email in sorted(customers)))


def _over(script: Order, order: Any) -> bool:
    """Whether nothing is left to do for this script: it was played, or people have taken over."""
    if order["status"] in ("rejected", "cancelled", "completed"):
        return True
    if script.then in ("return", "ask_return", "goodwill"):
        return False
    if order["status"] == "delivered":
        return True
    statuses = [parcel["status"] for parcel in order["parcels"]]
    match script.then:
        case "ship":
            return "open" not in statuses and "pending" not in statuses
        case "ship_partly" | "ship_some":
            return not {"shipped", "partly_shipped", "delivered"}.isdisjoint(statuses)
        case "none":
            return order["status"] not in _SETTLING or order["payment_status"] == "requires_action"
    return False


async def _place(api: Api, customer: Customer, script: Order, lines: list[dict[str, Any]], number: int) -> Any:
    wanted = {
        "lines": lines,
        "shipping_address": customer.addresses[0],
        "shipping_method": script.shipping_method,
        "promotion_codes": script.promotion_codes,
    }

    async def quote() -> Any:
        try:
            return await api.post("/v1/quotes", wanted, by=customer.email)
        except Refused as refused:
            if refused.code == "orders.not_sellable":
                return None
            raise

    quoted = await eventually(quote, f"the products of purchase {number} reaching orders")
    order = wanted | {
        "email": customer.email,
        "payment_method": script.payment_method,
        "expected_total": quoted["totals"]["total"],
    }
    return await api.post("/v1/orders", order, by=customer.email, key=f"seed-order-{number}-{customer.email}")


async def _go_on(api: Api, shops: Shops, script: Order, order_id: str) -> None:
    """Wait for the payment, then do what the script says. Repeating it is no harm."""

    async def settled() -> Any:
        order = await api.get(f"/v1/orders/{order_id}", by=script.customer, wait=_WAIT_SECONDS)
        waits = order["status"] in _SETTLING and order["payment_status"] != "requires_action"
        return None if waits else order

    order = await eventually(settled, f"the payment of order {order_id}")
    if script.then == "cancel" and order["status"] != "cancelled":
        await api.post(f"/v1/orders/{order_id}/cancel", {}, by=script.customer, key=f"seed-cancel-{order_id}")
    await shops.serve(script, order)

    async def given_back() -> Any:
        order = await api.get(f"/v1/orders/{order_id}", by=script.customer)
        return None if order["payment_status"] == "refund_pending" else order

    await eventually(given_back, f"the refund of order {order_id}")
