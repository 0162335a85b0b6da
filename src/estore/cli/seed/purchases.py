"""The purchases of seeds/orders.json: quoted, placed, paid, and then shipped, delivered or called off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from estore.cli.seed import OPERATOR, SeedFailed
from estore.cli.seed.api import Api, Refused, at_once, eventually
from estore.cli.seed.files import Customer, Demo, Order
from estore.cli.seed.progress import Stage

Ids = Mapping[str, str]
_SETTLING = ("placed", "awaiting_payment")
_CARRIERS = ("DHL", "DPD", "GLS", "PostNL")
# How long the store is asked to keep an answer back until the order has settled.
_WAIT_SECONDS = 15


def signature(lines: Any) -> frozenset[tuple[str, int]]:
    """Return by what a purchase is found again: its SKUs and how many pieces of each."""
    pieces: Counter[str] = Counter()
    for line in lines:
        pieces[line["sku"]] += line["quantity"]
    return frozenset(pieces.items())


async def play(api: Api, demo: Demo, vendors: Ids, stage: Stage) -> None:
    """Play every script that was not played before, in the order of the file, and finish those that were begun."""
    customers = {customer.email: customer for customer in demo.customers}
    owners = {vendors[vendor.slug]: vendor.owner.email for vendor in demo.vendors}
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
    await at_once(_go_on(api, owners, script, order_id) for script, order_id in begun)


async def _played(api: Api, customers: set[str]) -> dict[str, dict[frozenset[tuple[str, int]], list[Any]]]:
    async def one(email: str) -> tuple[str, dict[frozenset[tuple[str, int]], list[Any]]]:
        found: dict[frozenset[tuple[str, int]], list[Any]] = {}
        async for order in api.pages("/v1/orders", by=OPERATOR, email=email):
            found.setdefault(signature(order["lines"]), []).insert(0, order)
        return email, found

    return dict(await at_once(one(email) for email in sorted(customers)))


def _over(script: Order, order: Any) -> bool:
    """Whether nothing is left to do for this script: it was played, or people have taken over."""
    if order["status"] in ("rejected", "cancelled", "completed", "delivered"):
        return True
    statuses = [parcel["status"] for parcel in order["parcels"]]
    match script.then:
        case "ship":
            return "open" not in statuses and "pending" not in statuses
        case "ship_partly":
            return "shipped" in statuses or "delivered" in statuses
        case "none":
            return order["status"] not in _SETTLING or order["payment_status"] == "requires_action"
    return False


async def _place(api: Api, customer: Customer, script: Order, lines: list[dict[str, Any]], number: int) -> Any:
    wanted = {
        "lines": lines,
        "shipping_address": customer.addresses[0],
        "shipping_method": script.shipping_method,
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


async def _go_on(api: Api, owners: Ids, script: Order, order_id: str) -> None:
    """Wait for the payment, then do what the script says. Repeating it is no harm."""

    async def settled() -> Any:
        order = await api.get(f"/v1/orders/{order_id}", by=script.customer, wait=_WAIT_SECONDS)
        waits = order["status"] in _SETTLING and order["payment_status"] != "requires_action"
        return None if waits else order

    order = await eventually(settled, f"the payment of order {order_id}")
    if script.then == "cancel" and order["status"] != "cancelled":
        await api.post(f"/v1/orders/{order_id}/cancel", {}, by=script.customer, key=f"seed-cancel-{order_id}")
    if script.then in ("ship", "ship_partly", "deliver"):
        if order["status"] in ("cancelled", "rejected"):
            raise SeedFailed(f"order {order['number']} was to be shipped, but it is {order['status']}")
        parcels = order["parcels"][:1] if script.then == "ship_partly" else order["parcels"]
        for parcel in parcels:
            await _send(api, owners[parcel["vendor_id"]], parcel, deliver=script.then == "deliver")

    async def given_back() -> Any:
        order = await api.get(f"/v1/orders/{order_id}", by=script.customer)
        return None if order["payment_status"] == "refund_pending" else order

    await eventually(given_back, f"the refund of order {order_id}")


async def _send(api: Api, owner: str, parcel: Any, *, deliver: bool) -> None:
    path, status = f"/v1/parcels/{parcel['id']}", parcel["status"]
    if status == "open":
        number = sum(parcel["id"].encode())
        sent = {"carrier": _CARRIERS[number % len(_CARRIERS)], "tracking": f"{number * 7919:010d}EU"}
        await api.post(f"{path}/ship", sent, by=owner, key=f"seed-ship-{parcel['id']}")
        status = "shipped"
    if deliver and status == "shipped":
        await api.post(f"{path}/deliver", {}, by=owner, key=f"seed-deliver-{parcel['id']}")
