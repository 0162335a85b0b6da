"""Vendors over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from estore.contracts.vendors import (
    Member,
    Plan,
    Rate,
    VendorApproved,
    VendorMembersChanged,
    VendorPlanChanged,
    VendorSuspended,
)
from estore.kit.db import statements
from estore.services.vendors.service import Applications, CreateVendor, Rules
from vendors.conftest import Vendors

MIA = "mia@tonwerk.example"


def plan(vendors: Vendors, bps: int) -> Plan:
    """A plan of one rate for everything, since the time that stands still."""
    return Plan(rates=(Rate(category=None, bps=bps, fixed=0, valid_from=vendors.world.clock.now()),))


class TestApply:
    async def test_who_asks_becomes_the_owner_and_nobody_hears_of_it_yet(self, vendors: Vendors) -> None:
        made = await vendors.applied()

        members = (await vendors.person().get(f"/v1/vendors/{made['id']}/members")).json()["data"]
        assert (made["status"], made["slug"], made["your_role"]) == ("applied", "tonwerk-studio", "owner")
        assert members == [{"email": MIA, "role": "owner"}]
        assert await vendors.world.emitted("vendors") == []

    async def test_it_is_seen_by_members_and_operators_only(self, vendors: Vendors) -> None:
        made = await vendors.applied()
        path = f"/v1/vendors/{made['id']}"

        people = (vendors.guest, vendors.person("eve@example.com"), vendors.person(), vendors.operator)
        assert [(await one.get(path)).status_code for one in people] == [404, 404, 200, 200]

    async def test_a_guest_cannot_apply(self, anywhere: Vendors) -> None:
        assert (await anywhere.guest.post("/v1/vendors", json={"name": "X", "country": "DE"})).status_code == 401

    async def test_an_unproved_address_cannot_apply(self, anywhere: Vendors) -> None:
        from estore.kit.auth import sign
        from estore.kit.context import Principal

        token = sign(Principal(account_id="acc_1"), anywhere.world.key, anywhere.world.clock.now())
        answer = await anywhere.world.http("vendors", token).post("/v1/vendors", json={"name": "X", "country": "DE"})

        assert (answer.status_code, answer.json()["code"]) == (403, "vendors.email_unproved")

    async def test_a_chosen_slug_is_for_one_and_a_made_one_gives_way(self, vendors: Vendors) -> None:
        answers = await asyncio.gather(
            *(
                vendors.person().post("/v1/vendors", json={"name": "X", "country": "DE", "slug": "tonwerk"})
                for _ in range(5)
            )
        )
        second = await vendors.applied(name="Tonwerk")

        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 4
        assert second["slug"].startswith("tonwerk-")

    async def test_the_same_key_applies_once(self, vendors: Vendors) -> None:
        body = {"name": "X", "country": "DE"}
        answers = [
            await vendors.person().post("/v1/vendors", json=body, headers={"idempotency-key": "k"}) for _ in range(2)
        ]

        assert answers[0].json() == answers[1].json()
        assert len(await vendors.world.fetch("vendors", "SELECT id FROM vendor")) == 1

    @pytest.mark.parametrize(
        "change",
        [
            {"country": "de"},
            {"name": ""},
            {"name": "a\x00"},
            {"description": "\x00"},
            {"description": "x" * 4001},
            {"slug": "Ä"},
            {"slug": "-a"},
            {"email": "no"},
            {"status": "approved"},
            {"commission_bps": 0},
        ],
    )
    async def test_a_wrong_field_is_refused(self, anywhere: Vendors, change: dict[str, Any]) -> None:
        body = {"name": "X", "country": "DE"} | change

        assert (await anywhere.person().post("/v1/vendors", json=body)).status_code == 422


class TestDecisions:
    async def test_approval_is_published_with_the_whole_state(self, vendors: Vendors) -> None:
        made = await vendors.applied()

        answer = await vendors.decide(made, "approve", commission_bps=900)

        assert await vendors.world.emitted("vendors") == [
            VendorApproved(
                vendor_id=made["id"],
                slug="tonwerk-studio",
                name="Tonwerk Studio",
                country="DE",
                members=(Member(MIA, "owner"),),
                commission_bps=900,
                version=2,
                plan=plan(vendors, 900),
                legal_name="Tonwerk Studio",
            )
        ]
        assert answer.headers["etag"] == '"v2"'

    async def test_of_two_decisions_at_once_one_counts(self, vendors: Vendors) -> None:
        made = await vendors.applied()

        answers = await asyncio.gather(
            *(vendors.decide(made, decision) for decision in ("approve", "reject", "approve", "reject"))
        )

        # a rejection may be taken back, an approval not be rejected
        codes = sorted(answer.status_code for answer in answers)
        assert codes in ([200, 409, 409, 409], [200, 200, 409, 409])
        assert len(await vendors.world.emitted("vendors", VendorApproved)) == 1

    async def test_a_rejection_tells_the_owner_why_and_nobody_else(self, vendors: Vendors) -> None:
        made = await vendors.applied()
        await vendors.decide(made, "reject", reason="no imprint")

        seen = (await vendors.person().get(f"/v1/vendors/{made['id']}")).json()

        assert (seen["status"], seen["reason"]) == ("rejected", "no imprint")
        assert await vendors.world.emitted("vendors") == []

    async def test_suspended_and_reinstated(self, vendors: Vendors) -> None:
        made = await vendors.approved()

        await vendors.decide(made, "suspend")
        gone = await vendors.guest.get(f"/v1/vendors/{made['slug']}")
        await vendors.decide(made, "reinstate")
        back = await vendors.guest.get(f"/v1/vendors/{made['slug']}")

        events = await vendors.world.emitted("vendors")
        assert [gone.status_code, back.status_code] == [404, 200]
        assert [(type(e), e.version) for e in events] == [
            (VendorApproved, 2),
            (VendorSuspended, 3),
            (VendorApproved, 4),
        ]

    async def test_a_decision_may_insist_on_a_version(self, vendors: Vendors) -> None:
        made = await vendors.applied()
        path = f"/v1/vendors/{made['id']}/approve"

        answers = [
            await vendors.operator.post(path, json={}, headers={"if-match": version}) for version in ('"v7"', '"v1"')
        ]

        assert [answer.status_code for answer in answers] == [412, 200]

    async def test_others_cannot_decide(self, vendors: Vendors) -> None:
        made = await vendors.applied()
        for decision, body in (("approve", {}), ("reject", {"reason": "x"}), ("suspend", {"reason": "x"})):
            answer = await vendors.person().post(f"/v1/vendors/{made['id']}/{decision}", json=body)
            assert answer.status_code == 403
        put = await vendors.person().put(
            f"/v1/vendors/{made['id']}/commission", json={"commission_bps": 0}, headers={"if-match": '"v1"'}
        )
        assert put.status_code == 403

    async def test_the_commission_changes_for_the_version_that_was_read(self, vendors: Vendors) -> None:
        made = await vendors.approved()
        path = f"/v1/vendors/{made['id']}/commission"

        blind = await vendors.operator.put(path, json={"commission_bps": 500})
        changed = await vendors.operator.put(path, json={"commission_bps": 500}, headers={"if-match": '"v2"'})
        stale = await vendors.operator.put(path, json={"commission_bps": 0}, headers={"if-match": '"v2"'})

        assert [blind.status_code, changed.status_code, stale.status_code] == [428, 200, 412]
        assert await vendors.world.emitted("vendors", VendorPlanChanged) == [
            VendorPlanChanged(vendor_id=made["id"], commission_bps=500, version=3, plan=plan(vendors, 500))
        ]

    @pytest.mark.parametrize("bps", [-1, 10_001, 12.5, "900", 2**70])
    async def test_a_commission_is_a_share(self, anywhere: Vendors, bps: Any) -> None:
        made = await anywhere.approved()
        path = f"/v1/vendors/{made['id']}/commission"

        answer = await anywhere.operator.put(path, json={"commission_bps": bps}, headers={"if-match": '"v2"'})

        assert answer.status_code == 422


class TestSee:
    async def test_everybody_sees_the_approved_ones_without_what_is_private(self, vendors: Vendors) -> None:
        await vendors.applied(name="Hidden")
        shown = [await vendors.approved(name=name) for name in ("Alpha", "Beta", "Gamma")]

        first = (await vendors.guest.get("/v1/vendors?limit=2")).json()
        rest = (await vendors.guest.get(f"/v1/vendors?limit=2&cursor={first['next_cursor']}")).json()

        assert [one["id"] for one in first["data"] + rest["data"]] == [one["id"] for one in shown]
        assert set(first["data"][0]) == {"id", "slug", "name", "country", "description", "version"}

    async def test_operators_see_applications_and_others_do_not(self, vendors: Vendors) -> None:
        made = await vendors.applied()

        listed = (await vendors.operator.get("/v1/vendors?status=applied")).json()["data"]

        assert [one["id"] for one in listed] == [made["id"]]
        assert (await vendors.person().get("/v1/vendors?status=applied")).status_code == 403
        assert (await vendors.operator.get("/v1/vendors?status=odd")).status_code == 400

    async def test_one_sees_ones_own(self, vendors: Vendors) -> None:
        mine = await vendors.applied()
        await vendors.approved("eve@example.com", name="Other")

        assert [one["id"] for one in (await vendors.person().get("/v1/vendors?mine=true")).json()["data"]] == [
            mine["id"]
        ]
        assert (await vendors.guest.get("/v1/vendors?mine=true")).json()["data"] == []

    @pytest.mark.parametrize("key", ["nobody", "vnd_01", "vnd_%00", "A%20b", "%27"])
    async def test_what_is_not_there_is_404(self, anywhere: Vendors, key: str) -> None:
        assert (await anywhere.guest.get(f"/v1/vendors/{key}")).status_code == 404

    async def test_a_page_takes_one_statement(self, vendors: Vendors) -> None:
        for name in ("Alpha", "Beta", "Gamma"):
            await vendors.approved(name=name)
        with statements(at_most=1):
            await vendors.guest.get("/v1/vendors")


class TestOwners:
    async def test_they_change_what_is_told_with_the_version_that_was_read(self, vendors: Vendors) -> None:
        made = await vendors.approved()
        path = f"/v1/vendors/{made['id']}"

        changed = await vendors.person().patch(path, json={"name": "Tonwerk"}, headers={"if-match": '"v2"'})
        quiet = await vendors.person().patch(path, json={"description": "pots"}, headers={"if-match": '"v3"'})
        stale = await vendors.person().patch(path, json={"name": "X"}, headers={"if-match": '"v2"'})
        blind = await vendors.person().patch(path, json={"name": "X"})

        assert [answer.status_code for answer in (changed, quiet, stale, blind)] == [200, 200, 412, 428]
        assert [(e.name, e.version) for e in await vendors.world.emitted("vendors")] == [
            ("Tonwerk Studio", 2),
            ("Tonwerk", 3),
        ]

    async def test_nothing_changes_when_nothing_is_changed(self, vendors: Vendors) -> None:
        made = await vendors.approved()

        answer = await vendors.person().patch(f"/v1/vendors/{made['id']}", json={}, headers={"if-match": '"v2"'})

        assert answer.headers["etag"] == '"v2"'

    async def test_members_come_change_and_go(self, vendors: Vendors) -> None:
        made = await vendors.approved()
        path = f"/v1/vendors/{made['id']}/members"
        mia = vendors.person()

        added = await mia.post(path, json={"email": "Jon@Tonwerk.example", "role": "catalog"})
        again = await mia.post(path, json={"email": "jon@tonwerk.example", "role": "catalog"})
        changed = await mia.put(f"{path}/jon@tonwerk.example", json={"role": "finance"})
        removed = await mia.delete(f"{path}/jon@tonwerk.example")
        missing = await mia.delete(f"{path}/jon@tonwerk.example")

        answers = (added, again, changed, removed, missing)
        events = await vendors.world.emitted("vendors", VendorMembersChanged)
        assert [answer.status_code for answer in answers] == [201, 409, 200, 204, 404]
        assert [len(event.members) for event in events] == [2, 2, 1]
        assert [event.version for event in events] == [3, 4, 5]

    async def test_only_owners_do_and_outsiders_do_not_even_see(self, vendors: Vendors) -> None:
        made = await vendors.approved()
        path = f"/v1/vendors/{made['id']}"
        await vendors.person().post(f"{path}/members", json={"email": "jon@x.example", "role": "catalog"})
        body = {"email": "k@x.example", "role": "owner"}

        for email, status in (("jon@x.example", 403), ("eve@x.example", 404)):
            person = vendors.person(email)
            assert (await person.post(f"{path}/members", json=body)).status_code == status
            assert (await person.put(f"{path}/members/{MIA}", json={"role": "owner"})).status_code == status
            assert (await person.delete(f"{path}/members/{MIA}")).status_code == status
            patched = await person.patch(path, json={"name": "X"}, headers={"if-match": '"v3"'})
            assert patched.status_code == status
        assert (await vendors.person("eve@x.example").get(f"{path}/members")).status_code == 404

    async def test_a_removed_member_is_out_at_once(self, vendors: Vendors) -> None:
        made = await vendors.applied()
        path = f"/v1/vendors/{made['id']}"
        await vendors.person().post(f"{path}/members", json={"email": "jon@x.example", "role": "owner"})
        jon = vendors.person("jon@x.example")
        assert (await jon.get(path)).status_code == 200

        await vendors.person().delete(f"{path}/members/jon@x.example")

        assert (await jon.get(path)).status_code == 404

    async def test_two_owners_who_remove_each_other_leave_one(self, vendors: Vendors) -> None:
        made = await vendors.approved()
        path = f"/v1/vendors/{made['id']}/members"
        await vendors.person().post(path, json={"email": "jon@x.example", "role": "owner"})

        answers = await asyncio.gather(
            vendors.person().delete(f"{path}/jon@x.example"), vendors.person("jon@x.example").delete(f"{path}/{MIA}")
        )

        # who comes second is an outsider by then
        assert sorted(answer.status_code for answer in answers) == [204, 404]
        assert await vendors.world.broken("vendors") == {}

    async def test_the_last_owner_stays(self, vendors: Vendors) -> None:
        made = await vendors.approved()
        path = f"/v1/vendors/{made['id']}/members/{MIA}"

        answers = [await vendors.person().delete(path), await vendors.operator.put(path, json={"role": "catalog"})]

        assert [answer.status_code for answer in answers] == [409, 409]


class TestSystem:
    async def test_a_vendor_is_made_once(self, vendors: Vendors) -> None:
        form = CreateVendor(
            slug="tonwerk", name="Tonwerk", country="DE", email="a@x.example", members=(Member(MIA, "owner"),)
        )
        for _ in range(2):
            async with vendors.world.service("vendors").db.transaction() as tx:
                made = await Applications(Rules()).create_vendor(tx, vendors.world.ctx(), form)

        assert made.status == "approved"
        assert len(await vendors.world.emitted("vendors", VendorApproved)) == 1

    async def test_the_state_can_be_told_again(self, vendors: Vendors) -> None:
        await vendors.applied(name="Hidden")
        up, down = await vendors.approved(name="Up"), await vendors.approved(name="Down")
        await vendors.decide(down, "suspend")
        before = len(await vendors.world.emitted("vendors"))

        answer = await vendors.operator.post("/v1/vendors/republish")

        told = (await vendors.world.emitted("vendors"))[before:]
        assert answer.json() == {"published": 2, "next_cursor": None}
        assert sorted((event.vendor_id, type(event).__name__, event.version) for event in told) == [
            (up["id"], "VendorApproved", 2),
            (down["id"], "VendorApproved", 2),
            (down["id"], "VendorSuspended", 3),
        ]
