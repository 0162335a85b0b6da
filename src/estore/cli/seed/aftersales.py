"""What shops and customers do once an order is paid: ship, deliver, take back, make up for something."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from estore.cli.seed import SeedFailed
from estore.cli.seed.api import Api
from estore.cli.seed.files import Order

_CARRIERS = ("DHL", "DPD", "GLS", "PostNL")
_SHIPPED = frozenset({"ship", "ship_partly", "ship_some", "deliver", "settle", "return", "ask_return", "goodwill"})
_DELIVERED = frozenset({"deliver", "settle", "return", "ask_return", "goodwill"})
# Of the goodwill, euro cents.
_SORRY = 500


class Shops:
    """soon: the same store, where a parcel that arrives may be returned for a second only. owners: vendor -> e-mail."""

    def __init__(self, api: Api, soon: Api, owners: Mapping[str, str]) -> None:
        self._api = api
        self._soon = soon
        self._owners = owners

    async def serve(self, script: Order, order: Any) -> None:
        """Do what the script says with an order that is settled. Repeating it is no harm."""
        if script.then not in _SHIPPED:
            return
        if order["status"] in ("cancelled", "rejected"):
            raise SeedFailed(f"order {order['number']} was to be shipped, but it is {order['status']}")
        parcels = order["parcels"][:1] if script.then == "ship_partly" else order["parcels"]
        for parcel in parcels:
            await self._send(script, order, parcel)
        line, owner = order["lines"][0], self._owners[order["lines"][0]["vendor_id"]]
        if script.then in ("return", "ask_return"):
            await self._return(script, order["id"], line, owner)
        elif script.then == "goodwill" and not order["refunded"]["amount"]:
            sorry = {"reason": "A scratch in the glaze", "amount": line["total"] | {"amount": _SORRY}}
            path = f"/v1/orders/{order['id']}/refunds"
            await self._api.post(path, sorry, by=owner, key=f"seed-goodwill-{order['id']}")

    async def _send(self, script: Order, order: Any, parcel: Any) -> None:
        path, owner, status = f"/v1/parcels/{parcel['id']}", self._owners[parcel["vendor_id"]], parcel["status"]
        if status == "open":
            number = sum(parcel["id"].encode())
            sent: dict[str, Any] = {
                "carrier": _CARRIERS[number % len(_CARRIERS)],
                "tracking": f"{number * 7919:010d}EU",
            }
            if script.then == "ship_some":
                sent["lines"] = [{"line_id": order["lines"][0]["id"], "quantity": 1}]
            parcel = await self._api.post(f"{path}/ship", sent, by=owner, key=f"seed-ship-{parcel['id']}")
            status = parcel["status"]
        if script.then in _DELIVERED and status == "shipped":
            api = self._soon if script.then == "settle" else self._api
            await api.post(f"{path}/deliver", {}, by=owner, key=f"seed-deliver-{parcel['id']}")

    async def _return(self, script: Order, order_id: str, line: Any, owner: str) -> None:
        """One piece of the order's first line. Where it is taken back, it goes to the shelf again."""
        found = (await self._api.get("/v1/returns", by=script.customer, order=order_id))["data"]
        if found and (script.then == "ask_return" or found[0]["status"] not in ("requested", "approved")):
            return
        piece = {"line_id": line["id"], "quantity": 1}
        if not found:
            asked = {"reason": "no_longer_wanted", "comment": "One too many", "lines": [piece]}
            path = f"/v1/orders/{order_id}/returns"
            found = [await self._api.post(path, asked, by=script.customer, key=f"seed-return-{order_id}")]
        if script.then == "return":
            path = f"/v1/returns/{found[0]['id']}"
            await self._api.post(f"{path}/approve", {}, by=owner, key=f"seed-approve-{order_id}")
            arrived = {"lines": [piece | {"disposition": "restock"}]}
            await self._api.post(f"{path}/receive", arrived, by=owner, key=f"seed-receive-{order_id}")
