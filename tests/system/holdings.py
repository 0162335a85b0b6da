"""Everything that a vendor and its customer can have in a store, with words in it that nobody else may ever read."""

from __future__ import annotations

import asyncio
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import httpx

from support.market import JSON, Bought, Market, Vendor, eur, key, ok, until

PASSWORD = "correct horse battery staple"
SCOPES = ("catalog", "fulfilment", "finance")
KEEPING_QUICK = {"ESTORE_LEDGER_BANK_COOLING_SECONDS": "0", "ESTORE_IDENTITY_ATTEMPTS_FACTOR": "0"}


@dataclass
class Side:
    """A vendor, its API keys, and a customer of its, with a guest.

    word: in everything private that either has. amounts: of money, each used once in the store.
    """

    name: str
    word: str
    iban: str
    tax_id: str
    vendor_id: str = ""
    account: str = ""
    owner: httpx.AsyncClient = field(init=False)
    customer: httpx.AsyncClient = field(init=False)
    guest: httpx.AsyncClient = field(init=False)
    keys: dict[str, httpx.AsyncClient] = field(default_factory=dict)
    carts: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    amounts: list[int] = field(default_factory=list)

    def private(self, what: str) -> str:
        """A text that is this side's, and says what it is: so that a leak tells what leaked."""
        return f"{what} {self.word}"

    def amount(self) -> JSON:
        """Money like none other in the store."""
        self.amounts.append(1_000_000 + secrets.randbelow(8_000_000))
        return eur(self.amounts[-1])


class Furnisher:
    """Furnishes sides, step by step, as people would over HTTP."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.operator = market.operator
        self.store = market.store

    async def furnish(self, name: str, iban: str, tax_id: str) -> Side:
        """Make a side that has something of every kind."""
        side = Side(name, f"canary{secrets.token_hex(8)}", iban, tax_id)
        await self._vendor(side)
        await self._customer(side)
        await self._catalog(side)
        sku = await self._for_sale(side)
        await self._promotion(side)
        orders = await self._orders(side, sku)
        await self._returns(side, orders)
        await self._reviews(side)
        await self._money(side)
        await self._credit(side)
        return side

    async def _vendor(self, side: Side) -> None:
        side.account = f"acc_{side.name.lower()}_owner"
        applicant = self.market.buyer(side.account)
        address = {"line1": side.private("vendor street"), "city": "Jena", "country": "DE"}
        form = {
            "name": side.name,
            "country": "DE",
            "legal_name": side.private("legal name"),
            "email": f"vendor-{side.word}@example.com",
            "registration_number": side.private("register"),
            "tax_id": side.tax_id,
            "registered_address": address,
            "postal_address": address,
        }
        made = await ok(applicant.post("/v1/vendors", json=form, headers=key()), 201)
        side.vendor_id, url = made["id"], f"/v1/vendors/{made['id']}"
        account = {"iban": side.iban, "holder": side.private("holder")}
        bank = await ok(applicant.post("/v1/payouts/bank-accounts", json=account, headers=key()), 201)
        side.secrets.append(bank["token"])
        paid_to = {"token": bank["token"], "last4": bank["last4"]}
        await ok(applicant.put(f"{url}/bank-account", json=paid_to), 200)
        await ok(applicant.post(f"{url}/submit", headers=key()), 200)
        await ok(self.operator.post(f"{url}/approve", json={}, headers=key()), 200)
        side.owner = self.store.client(self.store.token(side.account, vendors={side.vendor_id: "owner"}))
        for role in ("catalog", "finance"):
            member = {"email": f"{role}-{side.word}@example.com", "role": role}
            await ok(side.owner.post(f"{url}/members", json=member, headers=key()), 201)
        await self._paid_when_asked(side)
        seen = await side.owner.get(url)
        plan = {"rates": [{"bps": 1250}, {"bps": 500, "fixed": side.amount(), "category": "bowls"}]}
        await ok(self.operator.put(f"{url}/plan", json=plan, headers={"If-Match": seen.headers["etag"]}), 200)
        for scopes in (*((scope,) for scope in SCOPES), SCOPES):
            form = {"name": side.private(f"key for {' and '.join(scopes)}"), "scopes": list(scopes)}
            made = await ok(side.owner.post(f"{url}/api-keys", json=form, headers=key()), 201)
            side.keys["+".join(scopes)] = self.store.client(made["key"])
            side.secrets.append(made["key"])

    @staticmethod
    async def _paid_when_asked(side: Side) -> None:
        """Otherwise the weekly payout changes what the side reads, on the day that it is due."""
        url = f"/v1/payouts/terms/{side.vendor_id}"

        async def is_known() -> bool:
            return (await side.owner.get(url)).status_code == 200

        await until("the ledger can say how the vendor is paid", is_known)
        seen = (await side.owner.get(url)).headers["etag"]
        await ok(side.owner.put(url, json={"schedule": "manual"}, headers={"If-Match": seen}), 200)

    async def _customer(self, side: Side) -> None:
        person = {"email": f"customer-{side.word}@example.com", "password": PASSWORD}
        form = person | {"name": side.private("customer")}
        await ok(self.market.guest.post("/v1/accounts", json=form, headers=key()), 201)
        session = await ok(self.market.guest.post("/v1/sessions", json=person), 201)
        side.secrets += [session["access_token"], session["refresh_token"]]
        side.customer = self.store.client(session["access_token"])
        await ok(side.customer.post("/v1/me/addresses", json=self._address(side, "home"), headers=key()), 201)
        side.carts.append((await ok(side.customer.post("/v1/carts", headers=key()), 201))["id"])

    @staticmethod
    def _address(side: Side, what: str) -> JSON:
        name = {"name": side.private(what), "line1": side.private(f"{what} street")}
        return name | {"city": "Bonn", "postal_code": "53111", "country": "DE"}

    async def _catalog(self, side: Side) -> None:
        """A draft, one that was archived, and an import that failed."""

        async def may_sell() -> bool:
            draft = self._draft(side, "draft")
            return (await side.owner.post("/v1/products", json=draft, headers=key())).status_code == 201

        await until("the catalog knows the vendor", may_sell, pause=0.1)
        kind = {"Content-Type": "application/jsonl"}
        row = json.dumps({"title": side.private("import"), "category": side.word, "variants": [{"sku": "a b"}]})
        query = {"format": "jsonl", "dry_run": "true"}
        file = await ok(side.owner.post("/v1/imports", params=query, content=row.encode(), headers=kind), 202)

        async def is_done() -> bool:
            seen = await ok(side.owner.get(f"/v1/imports/{file['id']}"), 200)
            return seen["status"] not in ("queued", "running", "pending")

        await until("the import is done", is_done)

    def _draft(self, side: Side, what: str) -> JSON:
        sku = f"{what}-{side.word}"
        variant = {"sku": sku, "title": side.private(what), "price": side.amount(), "weight_grams": 100}
        return {
            "title": side.private(what),
            "slug": sku,
            "category": "mugs",
            "description": side.private(f"what the {what} is"),
            "variants": [variant],
        }

    async def _for_sale(self, side: Side) -> str:
        sku = await self.market.product(stock=50, vendor=Vendor(side.vendor_id, side.owner))
        url = f"/v1/stock/{sku}"
        found = {"location": "MAIN", "delta": 1, "reason": side.private("found")}
        await ok(side.owner.post(f"{url}/adjustments", json=found, headers=key()), 201)
        came = {"location": "MAIN", "quantity": 5, "reference": side.private("delivery note")}
        await ok(side.owner.post(f"{url}/receipts", json=came, headers=key()), 201)
        return sku

    @staticmethod
    async def _promotion(side: Side) -> None:
        """A promotion that takes a code, chosen or generated, which nobody of the other side is told of."""
        form = {"title": side.private("promotion"), "effect": {"type": "percentage", "bps": 1000}}
        made = await ok(side.owner.post("/v1/promotions", json=form, headers=key()), 201)
        url = f"/v1/promotions/{made['id']}"
        await ok(side.owner.post(f"{url}/codes", json={"code": f"CODE-{side.word}"}, headers=key()), 201)
        await ok(side.owner.post(f"{url}/code-batches", json={"count": 2}, headers=key()), 201)

    async def _orders(self, side: Side, sku: str) -> list[Bought]:
        """The customer's, twice, a disputed one, and a guest's, who also has a cart."""
        address = self._address(side, "shipping")
        own = {"shipping_address": address, "email": f"buyer-{side.word}@example.com"}
        orders = await asyncio.gather(
            self.market.bought((sku, 3), client=side.customer, **own),
            self.market.bought((sku, 1), client=side.customer, **own),
            self.market.bought((sku, 1), payment_method="pm_disputed_lost", client=side.customer, **own),
            self.market.bought((sku, 2), **own),
        )
        await until("the dispute is lost", lambda: self._is_lost(orders[2]))
        cart = await ok(self.market.guest.post("/v1/carts", headers=key()), 201)
        secret = orders[-1].first["secret"]
        side.carts.append(cart["id"])
        side.secrets += [cart["secret"], secret]
        side.guest = self.store.client(Order_Secret=secret, Cart_Secret=cart["secret"])
        await self.market.in_cart(side.guest, cart["id"], sku)
        return list(orders)

    async def _is_lost(self, order: Bought) -> bool:
        rows = (await ok(self.operator.get("/v1/payments/disputes", params={"limit": 100}), 200))["data"]
        return [row["status"] for row in rows if row["order_id"] == order.id] == ["lost"]

    async def _returns(self, side: Side, orders: list[Bought]) -> None:
        """One parcel is delivered and comes back in part, another return is open, and there was goodwill."""
        for order in orders[:2]:
            [parcel] = (await order.show())["parcels"]
            await self.delivered(side, parcel["id"])
        returns = []
        for order in orders[:2]:
            [line] = (await order.show())["lines"]
            form = {
                "reason": "damaged",
                "comment": side.private("why it comes back"),
                "lines": [{"line_id": line["id"], "quantity": 1}],
            }
            asked = await ok(order.client.post(f"/v1/orders/{order.id}/returns", json=form, headers=key()), 201)
            returns.append((asked["id"], line["id"]))
        url, line_id = f"/v1/returns/{returns[0][0]}", returns[0][1]
        await ok(side.owner.post(f"{url}/approve", headers=key()), 200)
        back = {
            "lines": [{"line_id": line_id, "quantity": 1, "disposition": "restock"}],
            "deduction": eur(100),
            "deduction_reason": side.private("deduction"),
        }
        await ok(side.owner.post(f"{url}/receive", json=back, headers=key()), 200)
        await self.goodwill(side, orders[0].id)

    async def delivered(self, side: Side, parcel_id: str) -> None:
        """The side's vendor ships a parcel, and it arrives."""
        url = f"/v1/parcels/{parcel_id}"
        sent = {"carrier": "DHL", "tracking": side.private("tracking")}
        await ok(side.owner.post(f"{url}/ship", json=sent, headers=key()), 200)
        await ok(side.owner.post(f"{url}/deliver", headers=key()), 200)

    async def goodwill(self, side: Side, order_id: str) -> None:
        """The side's vendor gives a little back."""
        form = {"reason": side.private("goodwill"), "amount": eur(123), "vendor_id": side.vendor_id}
        await ok(side.owner.post(f"/v1/orders/{order_id}/refunds", json=form, headers=key()), 201)

    async def _reviews(self, side: Side) -> None:
        """One that everybody reads, with the vendor's reply, and one that a moderator has to look at."""

        async def delivered() -> Any:
            lines = (await ok(side.customer.get("/v1/reviews/mine"), 200))["data"]
            return lines if len(lines) == 2 and all(line["product_id"] for line in lines) else None

        await until("reviews knows what was delivered", delivered, pause=0.1)
        first, second = await delivered()
        said = {"line_id": first["line_id"], "stars": 5, "title": "A good mug"}
        shown = await ok(side.customer.post("/v1/reviews", json=said, headers=key()), 201)
        await ok(side.owner.put(f"/v1/reviews/{shown['id']}/reply", json={"text": "Thank you."}), 200)
        linked = side.private("review, see www.example.com")
        said = {"line_id": second["line_id"], "stars": 1, "title": side.private("held"), "text": linked}
        held = await ok(side.customer.post("/v1/reviews", json=said, headers=key()), 201)
        assert (shown["status"], held["status"]) == ("published", "held")

    async def _money(self, side: Side) -> None:
        correction = {"vendor_id": side.vendor_id, "amount": side.amount(), "reason": side.private("adjustment")}

        async def is_known() -> bool:
            answer = await self.operator.post("/v1/ledger/adjustments", json=correction, headers=key())
            return answer.status_code == 201

        await until("the ledger knows the vendor", is_known)
        hold = {"vendor_id": side.vendor_id, "amount": eur(4321), "reason": side.private("hold")}
        await ok(self.operator.post("/v1/ledger/holds", json=hold, headers=key()), 201)

        async def is_paid() -> bool:
            wanted = {"vendor_id": side.vendor_id, "amount": eur(20_000 + secrets.randbelow(9_000))}
            answer = await side.owner.post("/v1/payouts", json=wanted, headers=key())
            return answer.status_code == 201

        await until("a payout may be asked for", is_paid)

        async def is_final() -> Any:
            [payout] = (await ok(side.owner.get("/v1/payouts"), 200))["data"]
            return payout["status"] == "paid"

        await until("the bank has paid", is_final, pause=0.1)

    async def _credit(self, side: Side) -> None:
        """The customer has redeemed a gift card, and was given something by an operator."""
        form = {"amount": eur(777), "funding": "goodwill", "note": side.private("gift card")}
        made = await ok(self.operator.post("/v1/gift-cards", json=form, headers=key()), 201)
        side.secrets.append(made["code"])
        await ok(side.customer.post("/v1/gift-cards/redeem", json={"code": made["code"]}, headers=key()), 200)
        customer = (await ok(side.customer.get("/v1/store-credit"), 200))["account_id"]
        grant = {"account_id": customer, "amount": side.amount(), "reason": side.private("store credit")}
        await ok(self.operator.post("/v1/store-credit", json=grant | {"funding": "goodwill"}, headers=key()), 201)


async def shared_order(furnisher: Furnisher, ours: Side, theirs: Side) -> JSON:
    """An order of somebody else at both vendors. Theirs is delivered, comes back and is refunded; ours is not."""
    market = furnisher.market
    buyer = market.buyer("acc_of_both")
    skus = []
    for side in (ours, theirs):
        rows = (await ok(side.owner.get("/v1/stock"), 200))["data"]
        skus.append(next(row["sku"] for row in rows if row["on_hand"]))
    order = await market.bought(*((sku, 2) for sku in skus), client=buyer)
    shown = await order.show()
    [parcel] = [parcel for parcel in shown["parcels"] if parcel["vendor_id"] == theirs.vendor_id]
    await furnisher.delivered(theirs, parcel["id"])
    form = {"reason": "late", "comment": theirs.private("shared return"), "parcel_id": parcel["id"]}
    await ok(buyer.post(f"/v1/orders/{order.id}/returns", json=form, headers=key()), 201)
    await furnisher.goodwill(theirs, order.id)
    return await order.show()
