"""What identity hears of vendors' members."""

from __future__ import annotations

import random

from estore.contracts.identity import MembershipChanged
from estore.contracts.vendors import Member, VendorApproved, VendorMembersChanged
from estore.kit.context import Principal
from estore.kit.db import statements
from identity.conftest import Identity


def approved(vendor_id: str = "vnd_1", version: int = 2, **members: str) -> VendorApproved:
    return VendorApproved(
        vendor_id=vendor_id,
        slug=vendor_id,
        name=vendor_id,
        country="DE",
        members=tuple(Member(f"{name}@example.com", role) for name, role in members.items()),
        commission_bps=1250,
        version=version,
    )


def changed(version: int, vendor_id: str = "vnd_1", **members: str) -> VendorMembersChanged:
    listed = tuple(Member(f"{name}@example.com", role) for name, role in members.items())
    return VendorMembersChanged(vendor_id=vendor_id, members=listed, version=version)


async def vendors_in_token(identity: Identity) -> dict[str, str]:
    tokens = await identity.tokens()
    verifier = identity.world.service("identity").verifier
    principal: Principal = await verifier.principal(f"Bearer {tokens['access_token']}", identity.world.clock.now())
    assert (await identity.as_(tokens).get("/v1/me")).json()["vendors"] == principal.vendors
    return principal.vendors


async def test_a_member_has_the_role_in_the_next_token(identity: Identity) -> None:
    made = await identity.create()
    await identity.world.deliver("identity", approved(ada="owner", bob="catalog"))

    assert await vendors_in_token(identity) == {"vnd_1": "owner"}
    assert await identity.world.emitted("identity", MembershipChanged) == [
        MembershipChanged(account_id=made.id, vendor_id="vnd_1", role="owner", version=2)
    ]


async def test_an_address_that_is_not_proved_makes_nobody_a_member(identity: Identity) -> None:
    await identity.world.deliver("identity", approved(ada="owner"))
    await identity.register()

    assert await vendors_in_token(identity) == {}

    [mail] = await identity.mails()
    await identity.http.post("/v1/accounts/verify", json={"token": mail["token"]})
    assert await vendors_in_token(identity) == {"vnd_1": "owner"}
    assert len(await identity.world.emitted("identity", MembershipChanged)) == 1


async def test_who_claims_a_members_address_gets_nothing(identity: Identity) -> None:
    await identity.create()
    await identity.world.deliver("identity", approved(ada="owner"))
    await identity.register(password="mallory was here")

    tokens = await identity.tokens(password="mallory was here")

    assert (await identity.as_(tokens).get("/v1/me")).json()["vendors"] == {}


async def test_a_refresh_takes_over_what_changed(identity: Identity) -> None:
    tokens = await identity.person()
    await identity.world.deliver("identity", approved(ada="owner"), changed(3, bob="owner", ada="finance"))

    fresh = (await identity.refresh(tokens["refresh_token"])).json()

    assert (await identity.as_(fresh).get("/v1/me")).json()["vendors"] == {"vnd_1": "finance"}


async def test_the_end_of_a_membership_is_told(identity: Identity) -> None:
    made = await identity.create()
    await identity.world.deliver("identity", approved(ada="owner", bob="owner"), changed(3, bob="owner"))

    events = await identity.world.emitted("identity", MembershipChanged)
    assert [(e.account_id, e.role, e.version) for e in events] == [(made.id, "owner", 2), (made.id, None, 3)]


async def test_lists_may_come_late_twice_and_in_any_order(identity: Identity) -> None:
    await identity.create()
    lists = [
        approved(version=2, ada="owner"),
        changed(3, ada="catalog"),
        changed(4, ada="finance"),
        approved(version=5, ada="fulfilment"),
    ]
    for seed in range(6):
        shuffled = [identity.world.envelope(event) for event in lists * 2]
        random.Random(seed).shuffle(shuffled)
        await identity.world.deliver("identity", *shuffled)

        assert await vendors_in_token(identity) == {"vnd_1": "fulfilment"}


async def test_a_batch_takes_as_many_statements_as_one(identity: Identity) -> None:
    await identity.create()
    counts = []
    for size in (1, 100):
        events = [approved(f"vnd_{size}_{number}", ada="owner", bob="owner") for number in range(size)]
        with statements() as sent:
            await identity.world.deliver_batch("identity", events)
        counts.append(sent.count)

    assert counts[0] == counts[1] <= 11
    assert len(await vendors_in_token(identity)) == 100
