"""Identity and vendors, joined by events alone."""

from __future__ import annotations

from identity.conftest import CHEAP, Identity
from support.databases import Databases
from support.waiting import until
from support.world import world


async def test_an_approved_vendors_owner_finds_the_vendor_in_the_next_token(databases: Databases) -> None:
    async with world(databases, "identity", "vendors", real_time=True, **CHEAP) as made:
        await made.run()
        identity = Identity(made, made.http("identity"))
        boss, ada = await identity.person("op@example.com", operator=True), await identity.person()

        async def application() -> str | None:
            form = {"name": "Tonwerk", "country": "DE"}
            applied = await made.http("vendors", ada["access_token"]).post("/v1/vendors", json=form)
            return None if applied.status_code == 401 else str(applied.json()["id"])

        vendor_id = await until("vendors has heard of the key that signed the token", application, pause=0.1)
        await made.http("vendors", boss["access_token"]).post(f"/v1/vendors/{vendor_id}/approve", json={})
        session = ada

        async def vendors() -> dict[str, str]:
            nonlocal session
            session = (await identity.refresh(session["refresh_token"])).json()
            return dict((await identity.as_(session).get("/v1/me")).json()["vendors"])

        assert await until("the token names a vendor", vendors, pause=0.05) == {vendor_id: "owner"}
