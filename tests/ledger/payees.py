"""A ledger whose vendors have bank accounts and money available, and the bank that pays them."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
from schwifty import IBAN

from estore.contracts.orders import OrderConfirmed, ParcelDelivered, ParcelLine
from estore.contracts.vendors import VendorApproved, VendorBankAccountChanged, VendorSuspended
from estore.services.ledger.gateways import SandboxBank
from estore.services.ledger.jobs.payouts import Teller
from ledger.factories import Ledger, parcel_of
from support.databases import Databases
from support.world import World, world

JSON = dict[str, Any]
VENDOR, OTHER = "vnd_01", "vnd_02"
WELL = "DE89370400440532013000"
LITTLE = {"ESTORE_LEDGER_PAYOUT_MINIMUM": "100"}


def iban(ending: str) -> str:
    """A valid IBAN of a real bank that ends in four digits."""
    return str(IBAN.generate("DE", bank_code="37040044", account_code=f"053201{ending}"))


def key() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_hex(12)}


def eur(amount: int, currency: str = "EUR") -> JSON:
    return {"amount": amount, "currency": currency}


class Payees:
    def __init__(self, made: World) -> None:
        self.world = made
        self.clock = made.clock
        self.jobs = {job.name: job for job in made.service("ledger").jobs}
        self.ledger = Ledger(made)
        self._versions = 0

    # Made anew each time: time passes, and tokens expire.

    def client(self, account_id: str, **who: Any) -> httpx.AsyncClient:
        return self.world.http("ledger", self.world.token(account_id, **who))

    @property
    def operator(self) -> httpx.AsyncClient:
        return self.client("acc_op", operator=True)

    @property
    def second(self) -> httpx.AsyncClient:
        return self.client("acc_op2", operator=True)

    @property
    def owner(self) -> httpx.AsyncClient:
        return self.client("acc_owner", vendors={VENDOR: "owner"})

    @property
    def stranger(self) -> httpx.AsyncClient:
        return self.client("acc_other", vendors={OTHER: "owner"})

    @property
    def teller(self) -> Teller:
        return self.jobs["ledger.payout-send"].run.__self__  # type: ignore[attr-defined]

    @property
    def bank(self) -> SandboxBank:
        return self.jobs["ledger.sandbox-bank"].run.__self__  # type: ignore[attr-defined]

    async def account(self, number: str = WELL, holder: str = "Tonwerk GmbH") -> str:
        """Register a bank account; returns its token."""
        body = {"iban": number, "holder": holder}
        return str((await ok(self.owner.post("/v1/payouts/bank-accounts", json=body, headers=key()), 201))["token"])

    async def vendor(self, vendor_id: str = VENDOR, available: int = 0, number: str = WELL, **values: Any) -> str:
        """An approved vendor with a bank account and money available; returns the account's token."""
        token = await self.account(number, values.pop("holder", "Tonwerk GmbH"))
        await self.approve(vendor_id, token)
        if available:
            await self.earn(available, vendor_id)
        return token

    async def approve(self, vendor_id: str = VENDOR, token: str | None = None) -> None:
        self._versions += 1
        about = {"slug": vendor_id, "name": "A shop", "country": "DE", "members": (), "commission_bps": 1000}
        await self.hear(VendorApproved(vendor_id=vendor_id, version=self._versions, bank_token=token, **about))

    async def suspend(self, vendor_id: str = VENDOR) -> None:
        self._versions += 1
        await self.hear(VendorSuspended(vendor_id=vendor_id, reason="fraud", version=self._versions))

    async def move_account(self, token: str, vendor_id: str = VENDOR) -> None:
        self._versions += 1
        changed = VendorBankAccountChanged(
            vendor_id=vendor_id, token=token, changed_by=None, changed_at=self.clock.now(), version=self._versions
        )
        await self.hear(changed)

    async def hear(self, *events: Any) -> None:
        await self.world.deliver("ledger", *events)

    async def earn(self, amount: int, vendor_id: str = VENDOR, currency: str = "EUR") -> None:
        """Make money available, or take it, by an operator's correction."""
        body = {"vendor_id": vendor_id, "amount": eur(amount, currency), "reason": "test"}
        await ok(self.operator.post("/v1/ledger/adjustments", json=body, headers=key()), 201)

    async def sell(self, **values: Any) -> OrderConfirmed:
        """A sale, by default of 100.00 with 11.90 of commission and tax, paid for."""
        sale = self.ledger.sale(**values)
        await self.hear(self.ledger.capture(sale), sale)
        return sale

    async def deliver(self, sale: OrderConfirmed) -> None:
        """Deliver the first vendor's parcel, and let the time pass in which it may be returned."""
        now = self.clock.now()
        delivered = ParcelDelivered(
            parcel_id=parcel_of(sale.order_id),
            order_id=sale.order_id,
            account_id=None,
            vendor_id=VENDOR,
            lines=tuple(ParcelLine(line.line_id, line.sku, line.quantity) for line in sale.lines),
            delivered_at=now,
            version=2,
            returnable_until=now + timedelta(days=14),
        )
        await self.hear(delivered)
        self.clock.advance(days=14, seconds=1)  # type: ignore[union-attr]
        await self.run("release_due")

    async def ask(self, amount: int | None = None, vendor_id: str = VENDOR, **headers: str) -> httpx.Response:
        body: JSON = {"vendor_id": vendor_id} | ({"amount": eur(amount)} if amount is not None else {})
        return await self.owner.post("/v1/payouts", json=body, headers=key() | headers)

    async def pay(self, amount: int | None = None, client: httpx.AsyncClient | None = None) -> JSON:
        """Ask for a payout; returns it."""
        body: JSON = {"vendor_id": VENDOR} | ({"amount": eur(amount)} if amount is not None else {})
        return await ok((client or self.owner).post("/v1/payouts", json=body, headers=key()), 201)

    async def run(self, *names: str) -> None:
        """Run timers by the end of their names."""
        for name in names:
            await self.jobs[f"ledger.{name}"].run()

    async def later(self, **delta: float) -> None:
        """Let time pass, then let the bank and the teller do what is due."""
        self.clock.advance(**delta)  # type: ignore[union-attr]
        await self.run("sandbox-bank", "payout-send", "payout-notices")

    async def payout(self, payout_id: str) -> JSON:
        return await ok(self.operator.get(f"/v1/payouts/{payout_id}"), 200)

    async def payouts(self, **query: Any) -> list[JSON]:
        return (await ok(self.operator.get("/v1/payouts", params=query), 200))["data"]  # type: ignore[no-any-return]

    async def lines(self, payout_id: str) -> list[JSON]:
        """All lines of a payout, page by page."""
        found: list[JSON] = []
        cursor: JSON = {}
        while True:
            page = await ok(self.owner.get(f"/v1/payouts/{payout_id}/lines", params={"limit": 2, **cursor}), 200)
            found += page["data"]
            if page["next_cursor"] is None:
                return found
            cursor = {"cursor": page["next_cursor"]}

    async def balance(self, vendor_id: str = VENDOR) -> JSON:
        """What the vendor is owed by kind, without the zeros."""
        answer = await ok(self.operator.get("/v1/ledger/balances", params={"vendor": vendor_id}), 200)
        return {k: v["amount"] for row in answer["data"] for k, v in row.items() if isinstance(v, dict) and v["amount"]}

    async def told(self) -> list[str]:
        """The names of payouts' events, oldest first."""
        names = [type(event).__name__ for event in await self.world.emitted("ledger")]
        return [name.removeprefix("Payout") for name in names if name.startswith("Payout")]

    async def transfers(self) -> list[JSON]:
        """The bank's own books."""
        return await self.world.fetch("ledger", "SELECT key, amount, status FROM sandbox_transfer ORDER BY key")


async def ok(call: Any, status: int) -> JSON:
    answer = await call
    assert answer.status_code == status, f"{answer.status_code}: {answer.text}"
    return answer.json()  # type: ignore[no-any-return]


@asynccontextmanager
async def opened(databases: Databases, **environment: str) -> AsyncIterator[Payees]:
    """A ledger whose invariants must hold when the block ends."""
    async with world(databases, "ledger", **LITTLE | environment) as made:
        yield Payees(made)
        broken = await made.broken("ledger")
        assert broken == {}
