"""A world with vendors, and people who want something of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from support.databases import Databases
from support.world import World, world


@dataclass
class Vendors:
    """Vendors as its callers see it."""

    world: World

    @property
    def operator(self) -> httpx.AsyncClient:
        return self.world.http("vendors", self.world.token("acc_op", operator=True))

    @property
    def guest(self) -> httpx.AsyncClient:
        return self.world.http("vendors")

    def person(self, email: str = "mia@tonwerk.example") -> httpx.AsyncClient:
        """A client of whoever has proved `email`."""
        return self.world.http("vendors", self.world.token(f"acc_{email.partition('@')[0]}", email=email))

    async def applied(self, email: str = "mia@tonwerk.example", **fields: Any) -> Any:
        """Apply and return the vendor as JSON."""
        answer = await self.person(email).post("/v1/vendors", json={"name": "Tonwerk Studio", "country": "DE"} | fields)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def approved(self, email: str = "mia@tonwerk.example", **fields: Any) -> Any:
        """Apply, approve and return the vendor as JSON."""
        made = await self.applied(email, **fields)
        return (await self.decide(made, "approve")).json()

    async def decide(self, vendor: Any, decision: str, **body: Any) -> httpx.Response:
        """Decide as an operator."""
        body = {"reason": "fakes"} | body if decision in ("reject", "suspend") else body
        return await self.operator.post(f"/v1/vendors/{vendor['id']}/{decision}", json=body)


@pytest.fixture
async def strict(databases: Databases) -> AsyncIterator[Vendors]:
    """Vendors of a marketplace that wants complete applications, with a plan of its own."""
    environment = {
        "ESTORE_VENDORS_REQUIRE_CHECKLIST": "yes",
        "ESTORE_VENDORS_TERMS_VERSION": "2026-01",
        "ESTORE_VENDORS_COMMISSION_BPS": "1000",
        "ESTORE_VENDORS_COMMISSION_FIXED": "30",
        "ESTORE_VENDORS_COMMISSION_BY_CATEGORY": "books=800, mugs=1500+50",
        "ESTORE_VENDORS_FEE_TAX_BPS": "1900",
    }
    async with world(databases, "vendors", **environment) as made:
        yield Vendors(made)


@pytest.fixture
async def vendors(databases: Databases) -> AsyncIterator[Vendors]:
    async with world(databases, "vendors") as made:
        yield Vendors(made)


@pytest.fixture(scope="session")
async def anywhere(databases: Databases) -> AsyncIterator[Vendors]:
    """Vendors, shared by tests that leave nothing behind."""
    async with world(databases, "vendors") as made:
        yield Vendors(made)
