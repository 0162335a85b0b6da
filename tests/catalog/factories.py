"""Products and requests with sensible defaults."""

from __future__ import annotations

import itertools
from typing import Any

import httpx

from estore.contracts.catalog import CategoryChanged, CategoryDeleted
from estore.contracts.inventory import StockAvailabilityChanged
from estore.contracts.vendors import Member, VendorApproved, VendorSuspended
from estore.kit.contract import Event
from support.world import World

TONWERK, HOLZIG = "vnd_01TONWERK", "vnd_01HOLZIG"
JSON = dict[str, Any]


def eur(amount: int) -> JSON:
    return {"amount": amount, "currency": "EUR"}


class Shop:
    """The catalog as its users meet it: over HTTP, and by events."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._numbers = itertools.count(1)
        operator = world.token("acc_operator", operator=True)
        self.operator = world.http("catalog", operator)
        self.guest = world.http("catalog")
        self.tonwerk = world.http("catalog", world.token("acc_ton", vendors={TONWERK: "catalog"}))
        self.holzig = world.http("catalog", world.token("acc_holz", vendors={HOLZIG: "owner"}))

    async def open(self) -> None:
        await self.approve(TONWERK, "tonwerk", "Tonwerk")
        await self.approve(HOLZIG, "holzig", "Holzig")
        for name, parent in (("Kitchen", None), ("Mugs", "kitchen"), ("Pots", "kitchen"), ("Garden", None)):
            await self.category(name, parent)

    async def approve(self, vendor_id: str, slug: str, name: str, version: int = 1) -> None:
        await self.hear(
            VendorApproved(
                vendor_id=vendor_id,
                slug=slug,
                name=name,
                country="DE",
                members=(Member("a@example.com", "owner"),),
                commission_bps=1000,
                version=version,
            )
        )

    async def suspend(self, vendor_id: str, version: int = 2) -> None:
        await self.hear(VendorSuspended(vendor_id=vendor_id, reason="late", version=version))

    async def stock(self, sku: str, available: int, version: int = 1) -> None:
        await self.hear(StockAvailabilityChanged(sku=sku, available=available, version=version))

    async def hear(self, *events: Event) -> None:
        await self.world.deliver("catalog", *events)

    async def settle(self) -> None:
        """Let the timers run that bring products along."""
        for job in self.world.service("catalog").jobs:
            if job.name.startswith("settle"):
                await job.run()

    async def category(self, name: str, parent: str | None = None) -> JSON:
        response = await self.operator.post("/v1/categories", json={"name": name, "parent": parent})
        assert response.status_code == 201, response.text
        return dict(response.json())

    def body(self, **values: Any) -> JSON:
        """What a request to create a mug says."""
        number = next(self._numbers)
        variants = values.pop("variants", None) or [
            {"sku": f"MUG-{number}-{c}", "options": {"Colour": c}, "price": eur(2400 + 100 * i)}
            for i, c in enumerate(("Oat", "Moss"))
        ]
        return {"title": f"Mug {number}", "category": "mugs", "variants": variants} | values

    async def draft(self, client: httpx.AsyncClient | None = None, **values: Any) -> JSON:
        response = await (client or self.tonwerk).post("/v1/products", json=self.body(**values))
        assert response.status_code == 201, response.text
        return dict(response.json())

    async def product(self, client: httpx.AsyncClient | None = None, **values: Any) -> JSON:
        """A published product."""
        made = await self.draft(client, **values)
        response = await (client or self.tonwerk).post(f"/v1/products/{made['id']}/publish")
        assert response.status_code == 200, response.text
        return dict(response.json())

    async def events(self) -> list[Any]:
        """What was told of products."""
        return [e for e in await self.world.emitted("catalog") if not isinstance(e, (CategoryChanged, CategoryDeleted))]

    async def declare(self, category: str, *attributes: JSON, **values: Any) -> JSON:
        """Have a category declare these attributes, and no others."""
        found = (await self.guest.get(f"/v1/categories/{category}")).json()
        body = {"attributes": attributes} | values
        answer = await self.operator.patch(f"/v1/categories/{category}", json=body, headers=version(found))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def listed(self, query: str = "", client: httpx.AsyncClient | None = None) -> list[str]:
        """Titles of one page of the list."""
        response = await (client or self.guest).get(f"/v1/products{query}")
        assert response.status_code == 200, response.text
        return [card["title"] for card in response.json()["data"]]


def number(code: str, **values: Any) -> JSON:
    return {"code": code, "name": code.capitalize(), "kind": "number"} | values


def text(code: str, *choices: str, **values: Any) -> JSON:
    return {"code": code, "name": code.capitalize(), "kind": "text", "choices": choices} | values


def boolean(code: str, **values: Any) -> JSON:
    return {"code": code, "name": code.capitalize(), "kind": "boolean"} | values


def version(thing: JSON) -> dict[str, str]:
    """The header that names the version of what was read."""
    return {"if-match": f'"v{thing["version"]}"'}
