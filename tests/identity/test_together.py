"""Identity and vendors, joined by events alone."""

from __future__ import annotations

import asyncio

from identity.conftest import CHEAP, Identity
from support.databases import Databases
from support.world import world


async def test_an_approved_vendors_owner_finds_the_vendor_in_the_next_token(databases: Databases) -> None:
    async with world(databases, "identity", "vendors", real_time=True, **CHEAP) as made:
        await made.run()
        identity = Identity(made, made.http("identity"))
        boss, ada = await identity.person("op@example.com", operator=True), await identity.person()

        for _ in range(50):
            applied = await made.http("vendors", ada["access_token"]).post(
                "/v1/vendors", json={"name": "Tonwerk", "country": "DE"}
            )
            # Until vendors has heard of the key that signed the token.
            if applied.status_code != 401:
                break
            await asyncio.sleep(0.1)
        vendor_id = applied.json()["id"]
        await made.http("vendors", boss["access_token"]).post(f"/v1/vendors/{vendor_id}/approve", json={})
        for _ in range(100):
            ada = (await identity.refresh(ada["refresh_token"])).json()
            vendors = (await identity.as_(ada).get("/v1/me")).json()["vendors"]
            if vendors:
                break
            await asyncio.sleep(0.05)

        assert vendors == {vendor_id: "owner"}
