"""From an application to a shop: the checklist, the bank account, the terms, and the history of it all."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from estore.contracts.vendors import VendorApproved, VendorBankAccountChanged
from estore.kit.db import statements
from vendors.conftest import Vendors

MIA = "mia@tonwerk.example"
ADDRESS = {"line1": "Ringstrasse 1", "postal_code": "04109", "city": "Leipzig", "country": "DE"}
COMPANY = {"legal_name": "Tonwerk GmbH", "registration_number": "HRB 30412", "registered_address": ADDRESS}
TOKEN = {"token": "bat_01JD5ZC8A1B2C3D4E5F6G7H8JK", "last4": "3000"}


def lacking(view: Any) -> list[str]:
    return [name for item in view["checklist"] for name in item["missing"]]


async def complete(vendors: Vendors, made: Any) -> Any:
    """Fill the checklist step by step; returns the vendor after the last one."""
    mia, path = vendors.person(), f"/v1/vendors/{made['id']}"
    for number, step in enumerate(
        (COMPANY, {"tax_id": "de 136 695 976"}, {"postal_address": ADDRESS}), made["version"]
    ):
        answer = await mia.patch(path, json=step, headers={"if-match": f'"v{number}"'})
        assert answer.status_code == 200, answer.text
    assert (await mia.put(f"{path}/bank-account", json=TOKEN)).status_code == 200
    answer = await mia.put(f"{path}/terms", json={"version": "2026-01"})
    assert answer.status_code == 200, answer.text
    return answer.json()


class TestChecklist:
    async def test_it_says_what_is_missing_until_nothing_is(self, strict: Vendors) -> None:
        made = await strict.applied(legal_name="Tonwerk GmbH")

        done = await complete(strict, made)

        assert lacking(made) == [
            "registration_number",
            "registered_address",
            "tax_id",
            "postal_address",
            "bank_account",
            "terms",
        ]
        assert lacking(done) == []
        assert all(item["done"] for item in done["checklist"])
        assert (done["tax_id"], done["bank_account"]) == ("DE136695976", {"last4": "3000"})
        assert (done["terms"]["version"], done["terms"]["by"]) == ("2026-01", "acc_mia")

    async def test_an_application_may_come_complete_but_for_what_an_owner_proves(self, strict: Vendors) -> None:
        made = await strict.applied(**COMPANY, tax_id="DE136695976", postal_address=ADDRESS)

        assert lacking(made) == ["bank_account", "terms"]

    async def test_an_incomplete_one_is_neither_submitted_nor_approved(self, strict: Vendors) -> None:
        made = await strict.applied()

        answers = [
            await strict.person().post(f"/v1/vendors/{made['id']}/submit"),
            await strict.decide(made, "approve"),
        ]

        assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
            (409, "vendors.checklist_incomplete")
        ] * 2
        assert "tax_id is missing" in [error["detail"] for error in answers[0].json()["errors"]]
        assert await strict.world.emitted("vendors") == []

    async def test_a_complete_one_is_submitted_then_approved_and_others_hear_where_it_is_paid(
        self, strict: Vendors
    ) -> None:
        made = await complete(strict, await strict.applied())

        early = await strict.decide(made, "approve")
        submitted = await strict.person().post(f"/v1/vendors/{made['id']}/submit")
        approved = await strict.decide(made, "approve")

        assert [early.json()["code"], submitted.status_code, approved.status_code] == [
            "vendors.not_submitted",
            200,
            200,
        ]
        [event] = await strict.world.emitted("vendors")
        assert isinstance(event, VendorApproved)
        assert (event.bank_token, event.legal_name) == (TOKEN["token"], "Tonwerk GmbH")

    async def test_after_a_rejection_it_is_mended_and_submitted_again(self, strict: Vendors) -> None:
        made = await complete(strict, await strict.applied())
        path = f"/v1/vendors/{made['id']}"
        await strict.person().post(f"{path}/submit")
        await strict.decide(made, "reject", reason="the name is taken")

        rejected = (await strict.person().get(path)).json()
        await strict.person().patch(path, json={"name": "Tonwerk 2"}, headers={"if-match": f'"v{rejected["version"]}"'})
        again = (await strict.person().post(f"{path}/submit")).json()

        assert (rejected["status"], rejected["reason"]) == ("rejected", "the name is taken")
        assert (again["status"], again.get("reason")) == ("applied", None)
        assert (await strict.decide(made, "approve")).status_code == 200

    async def test_submitting_again_changes_nothing_and_the_same_key_is_answered_the_same(
        self, vendors: Vendors
    ) -> None:
        made = await vendors.applied()
        path = f"/v1/vendors/{made['id']}/submit"

        first, replay = [await vendors.person().post(path, headers={"idempotency-key": "once-more"}) for _ in range(2)]
        second = await vendors.person().post(path)

        assert first.json() == replay.json() == second.json()
        assert second.json()["version"] == 2

    @pytest.mark.parametrize(
        ("change", "code", "pointer"),
        [
            ({"tax_id": "DE136695975"}, "vendors.tax_id_invalid", "/tax_id"),
            ({"tax_id": "ÄÄÄÄ"}, "request.invalid", "/tax_id"),
            ({"postal_address": {"line1": "x"}}, "request.invalid", "/postal_address/city"),
            ({"postal_address": ADDRESS | {"zip": "1"}}, "request.invalid", "/postal_address/zip"),
            ({"registered_address": ADDRESS | {"line2": "\x00"}}, "request.invalid", "/registered_address/line2"),
            ({"registration_number": ""}, "request.invalid", "/registration_number"),
            ({"bank_account": "DE89370400440532013000"}, "request.invalid", "/bank_account"),
        ],
    )
    async def test_a_wrong_field_is_refused_by_its_name(
        self, anywhere: Vendors, change: dict[str, Any], code: str, pointer: str
    ) -> None:
        answer = await anywhere.person().post("/v1/vendors", json={"name": "X", "country": "DE"} | change)
        problem = answer.json()

        assert (answer.status_code, problem["code"], problem["errors"][0]["pointer"]) == (422, code, pointer)

    async def test_only_the_current_terms_can_be_accepted(self, strict: Vendors) -> None:
        made = await strict.applied()

        answer = await strict.person().put(f"/v1/vendors/{made['id']}/terms", json={"version": "2025-01"})

        assert (answer.status_code, answer.json()["code"]) == (422, "vendors.terms_unknown")


class TestBankAccount:
    async def test_a_change_is_told_once_the_vendor_is_known_and_an_iban_never_comes_here(
        self, vendors: Vendors
    ) -> None:
        made = await vendors.applied()
        path = f"/v1/vendors/{made['id']}/bank-account"
        mia = vendors.person()

        await mia.put(path, json={"token": "bat_1"})
        await vendors.decide(made, "approve")
        changed = await mia.put(path, json={"token": "bat_2", "last4": "1234"})
        same = await mia.put(path, json={"token": "bat_2", "last4": "1234"})
        iban = await mia.put(path, json={"token": "DE89370400440532013000"})

        assert [changed.json()["version"], same.json()["version"], iban.status_code] == [4, 4, 422]
        assert [e.bank_token for e in await vendors.world.emitted("vendors", VendorApproved)] == ["bat_1"]
        assert await vendors.world.emitted("vendors", VendorBankAccountChanged) == [
            VendorBankAccountChanged(
                vendor_id=made["id"],
                token="bat_2",
                changed_by="acc_mia",
                changed_at=vendors.world.clock.now(),
                version=4,
            )
        ]

    async def test_owners_only_not_even_finance_or_operators(self, vendors: Vendors) -> None:
        made = await vendors.approved()
        path = f"/v1/vendors/{made['id']}"
        await vendors.person().post(f"{path}/members", json={"email": "fin@x.example", "role": "finance"})

        people = (vendors.guest, vendors.person("eve@x.example"), vendors.person("fin@x.example"), vendors.operator)
        answers = [await person.put(f"{path}/bank-account", json=TOKEN) for person in people]

        assert [answer.status_code for answer in answers] == [401, 404, 403, 403]

    async def test_two_owners_at_once_leave_the_account_that_was_told_last(self, vendors: Vendors) -> None:
        made = await vendors.approved()
        path = f"/v1/vendors/{made['id']}/bank-account"

        await asyncio.gather(*(vendors.person().put(path, json={"token": f"bat_{n}"}) for n in range(5)))

        events = await vendors.world.emitted("vendors", VendorBankAccountChanged)
        newest = max(events, key=lambda event: event.version)
        [row] = await vendors.world.fetch("vendors", "SELECT bank_token, version FROM vendor")
        assert sorted(event.version for event in events) == [3, 4, 5, 6, 7]
        assert row == {"bank_token": newest.token, "version": 7}


class TestHistory:
    async def test_it_tells_who_did_what_newest_first(self, vendors: Vendors) -> None:
        made = await vendors.approved()
        path = f"/v1/vendors/{made['id']}"
        await vendors.person().put(f"{path}/bank-account", json=TOKEN)
        await vendors.person().post(f"{path}/members", json={"email": "jon@x.example", "role": "finance"})
        await vendors.decide(made, "suspend", reason="fakes")

        first = (await vendors.person().get(f"{path}/history?limit=3")).json()
        rest = (await vendors.operator.get(f"{path}/history?cursor={first['next_cursor']}")).json()

        told = [(e["action"], e["by"], e["role"], e["version"]) for e in first["data"] + rest["data"]]
        assert told == [
            ("suspended", "acc_op", "operator", 5),
            ("member_added", "acc_mia", "owner", 4),
            ("bank_account_changed", "acc_mia", "owner", 3),
            ("approved", "acc_op", "operator", 2),
            ("applied", "acc_mia", "owner", 1),
        ]
        assert first["data"][0]["details"]["reason"] == "fakes"
        assert first["data"][2]["details"]["bank_token"] == TOKEN["token"]

    async def test_what_was_refused_leaves_no_trace(self, vendors: Vendors) -> None:
        made = await vendors.approved()

        await vendors.decide(made, "approve")
        await vendors.person("eve@x.example").put(f"/v1/vendors/{made['id']}/bank-account", json=TOKEN)

        assert len(await vendors.world.fetch("vendors", "SELECT id FROM vendor_history")) == 2


class TestIsolation:
    async def test_another_vendors_owner_sees_nothing_of_it(self, vendors: Vendors) -> None:
        mine = await vendors.approved()
        await vendors.approved("eve@example.com", name="Other")
        eve, path = vendors.person("eve@example.com"), f"/v1/vendors/{mine['id']}"
        key = {"name": "x", "scopes": ["catalog"]}
        made = (await vendors.person().post(f"{path}/api-keys", json=key)).json()

        seen = (await eve.get(path)).json()
        answers = [
            await eve.get(f"{path}/plan"),
            await eve.get(f"{path}/api-keys"),
            await eve.get(f"{path}/history"),
            await eve.get(f"{path}/members"),
            await eve.post(f"{path}/api-keys", json=key),
            await eve.delete(f"{path}/api-keys/{made['id']}"),
            await eve.post(f"{path}/submit"),
            await eve.put(f"{path}/terms", json={"version": "1"}),
            await eve.put(f"{path}/bank-account", json=TOKEN),
            await eve.patch(path, json={"tax_id": "DE136695976"}, headers={"if-match": '"v2"'}),
        ]

        assert set(seen) == {"id", "slug", "name", "country", "description", "version"}
        assert [answer.status_code for answer in answers] == [404] * len(answers)

    async def test_ones_own_key_under_anothers_name_is_not_found(self, vendors: Vendors) -> None:
        mine, other = await vendors.approved(), await vendors.approved("eve@example.com", name="Other")
        key = {"name": "x", "scopes": ["catalog"]}
        made = (await vendors.person().post(f"/v1/vendors/{mine['id']}/api-keys", json=key)).json()

        answer = await vendors.person("eve@example.com").delete(f"/v1/vendors/{other['id']}/api-keys/{made['id']}")

        assert answer.status_code == 404

    async def test_seeing_a_vendor_takes_one_statement(self, vendors: Vendors) -> None:
        made = await vendors.approved()

        with statements(at_most=1):
            await vendors.person().get(f"/v1/vendors/{made['id']}")
        with statements(at_most=2):
            await vendors.person().get(f"/v1/vendors/{made['id']}/history")


async def test_a_row_of_before_there_were_plans_and_checklists_is_as_valid_as_ever(vendors: Vendors) -> None:
    made = await vendors.approved()
    path = f"/v1/vendors/{made['id']}"
    async with vendors.world.service("vendors").db.transaction() as tx:
        await tx.execute(
            "UPDATE vendor SET plan = NULL, commission_bps = 700, applied_at = applied_at - interval '1 day'"
        )

    seen = (await vendors.person().get(path)).json()
    plan = (await vendors.person().get(f"{path}/plan")).json()
    changed = await vendors.operator.put(
        f"{path}/commission", json={"commission_bps": 500}, headers={"if-match": '"v2"'}
    )
    after = (await vendors.person().get(f"{path}/plan")).json()

    assert (seen["commission_bps"], changed.json()["commission_bps"]) == (700, 500)
    assert [(rate["category"], rate["bps"]) for rate in plan["rates"]] == [(None, 700)]
    assert [rate["bps"] for rate in after["rates"]] == [700, 500]
