"""Identity over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from estore.contracts.identity import AccountErased, AccountRegistered, AccountVerified, KeysRotated
from estore.kit.auth import store_keys
from estore.kit.db import statements
from estore.kit.errors import Unauthenticated
from identity.conftest import CHEAP, PASSWORD, Identity, start
from support.databases import Databases
from support.world import world

NEW = "another plum falls"


async def code_of(answer: Any) -> str:
    return str(answer.json()["code"])


class TestRegister:
    async def test_a_new_account_can_sign_in_before_it_is_confirmed(self, identity: Identity) -> None:
        account = await identity.register()
        tokens = await identity.tokens()

        assert tokens["account"] == account
        assert account["email_verified"] is False

    async def test_it_is_published(self, identity: Identity) -> None:
        account = await identity.register("Ada@Example.com")

        [event] = await identity.world.emitted("identity", AccountRegistered)
        assert (event.account_id, event.email, event.verified) == (account["id"], "ada@example.com", False)

    async def test_the_mailed_token_confirms_the_address_however_often(self, identity: Identity) -> None:
        await identity.register()
        [mail] = await identity.mails()

        for _ in range(2):
            answer = await identity.http.post("/v1/accounts/verify", json={"token": mail["token"]})
            assert (answer.status_code, answer.json()["email_verified"]) == (200, True)
        assert len(await identity.world.emitted("identity", AccountVerified)) == 1

    async def test_a_taken_address_gets_the_same_answer_and_its_owner_a_mail(self, identity: Identity) -> None:
        await identity.create("ada@example.com")

        account = await identity.register("ada@example.com", NEW, "Mallory")
        tokens = await identity.tokens("ada@example.com", NEW)
        [mail] = await identity.mails()

        assert tokens["account"] == account
        assert (mail["subject"], mail["token"]) == ("You have an account already", None)
        assert (await identity.tokens())["account"]["id"] != account["id"]

    async def test_of_two_who_claim_an_address_one_confirms_it(self, identity: Identity) -> None:
        await identity.register()
        await identity.register(password=NEW)
        first, second = await identity.mails()

        answers = await asyncio.gather(
            *(identity.http.post("/v1/accounts/verify", json={"token": mail["token"]}) for mail in (first, second))
        )

        assert sorted(answer.status_code for answer in answers) == [200, 409]
        assert await identity.world.broken("identity") == {}

    async def test_known_and_unknown_addresses_cost_the_same_statements(self, identity: Identity) -> None:
        await identity.create("ada@example.com")
        counts = []
        for email in ("ada@example.com", "nobody@example.com"):
            with statements() as register:
                await identity.register(email)
            with statements() as reset:
                await identity.http.post("/v1/accounts/password-resets", json={"email": email})
            counts.append((register.sent, reset.sent))

        assert counts[0] == counts[1]

    async def test_the_same_key_registers_once(self, identity: Identity) -> None:
        body = {"email": "ada@example.com", "password": PASSWORD, "name": "Ada"}
        answers = [
            await identity.http.post("/v1/accounts", json=body, headers={"idempotency-key": "k1"}) for _ in range(2)
        ]
        other = await identity.http.post(
            "/v1/accounts", json=body | {"password": NEW}, headers={"idempotency-key": "k1"}
        )

        assert answers[0].json() == answers[1].json()
        assert answers[1].headers["idempotency-replayed"] == "true"
        assert other.status_code == 422

    @pytest.mark.parametrize(
        ("change", "pointer"),
        [
            ({"password": "short"}, "/password"),
            ({"password": "password123"}, "/password"),
            ({"password": "x" * 129}, "/password"),
            ({"email": "ada"}, "/email"),
            ({"email": "a\u0000@b.example"}, "/email"),
            ({"name": "a\u0000"}, "/name"),
            ({"name": "  "}, "/name"),
            ({"name": 7}, "/name"),
            ({"role": "operator"}, "/role"),
        ],
    )
    async def test_a_wrong_field_is_named(self, anywhere: Identity, change: dict[str, Any], pointer: str) -> None:
        body = {"email": "ada@example.com", "password": PASSWORD, "name": "Ada"} | change

        answer = await anywhere.http.post("/v1/accounts", json=body)

        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == pointer

    @pytest.mark.parametrize("token", ["x", "acc_01JD0000000000000000000000.1.x", "\u0000"])
    async def test_a_forged_token_confirms_nothing(self, anywhere: Identity, token: str) -> None:
        answer = await anywhere.http.post("/v1/accounts/verify", json={"token": token})

        assert (answer.status_code, await code_of(answer)) == (422, "identity.token_unusable")

    async def test_a_token_dies_and_serves_one_purpose(self, identity: Identity) -> None:
        await identity.register()
        [mail] = await identity.mails()

        reset = await identity.http.post(
            "/v1/accounts/password-resets/confirm", json={"token": mail["token"], "password": NEW}
        )
        identity.world.clock.advance(hours=73)  # type: ignore[union-attr]
        late = await identity.http.post("/v1/accounts/verify", json={"token": mail["token"]})

        assert [reset.status_code, late.status_code] == [422, 422]


class TestSignIn:
    async def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(self, identity: Identity) -> None:
        await identity.create()

        known = await identity.sign_in(password=NEW)
        unknown = await identity.sign_in("nobody@example.com")

        assert known.status_code == unknown.status_code == 401
        assert known.json() | {"trace_id": ""} == unknown.json() | {"trace_id": ""}

    async def test_both_cost_two_hashes_and_the_same_statements(
        self, identity: Identity, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import argon2

        hashes: list[str] = []
        verify = argon2.PasswordHasher.verify

        def counted(self: Any, encoded: Any, password: Any) -> Any:
            hashes.append(encoded)
            return verify(self, encoded, password)

        await identity.create()
        monkeypatch.setattr(argon2.PasswordHasher, "verify", counted)
        costs = []
        for email in ("ada@example.com", "nobody@example.com"):
            hashes.clear()
            with statements() as sent:
                await identity.sign_in(email, NEW)
            costs.append((len(hashes), sent.sent))

        assert costs[0] == costs[1]
        assert costs[0][0] == 2

    async def test_the_access_token_opens_doors_and_says_who(self, identity: Identity) -> None:
        tokens = await identity.person(operator=True)

        service = identity.world.service("identity")
        principal = await service.verifier.principal(f"Bearer {tokens['access_token']}", identity.world.clock.now())

        assert principal.account_id == tokens["account"]["id"]
        assert principal.session_id == tokens["session_id"]
        assert principal.email == "ada@example.com"
        assert principal.is_operator

    async def test_an_unconfirmed_address_is_not_in_the_token(self, identity: Identity) -> None:
        await identity.register()
        tokens = await identity.tokens()

        service = identity.world.service("identity")
        principal = await service.verifier.principal(f"Bearer {tokens['access_token']}", identity.world.clock.now())

        assert principal.email is None

    async def test_a_hash_with_old_parameters_is_renewed(self, databases: Databases) -> None:
        async with world(databases, "identity", **(CHEAP | {"ESTORE_IDENTITY_ARGON2_PASSES": "2"})) as made:
            identity = await start(made)
            await identity.create()

            await identity.tokens()
            [row] = await made.fetch("identity", "SELECT password_hash FROM account")

            assert "t=2" in row["password_hash"]
            await identity.tokens()

    async def test_a_sign_in_takes_few_statements(self, identity: Identity) -> None:
        await identity.create()
        with statements(at_most=8):
            await identity.tokens()


class TestRefresh:
    async def test_it_gives_a_new_pair(self, identity: Identity) -> None:
        tokens = await identity.person()

        answer = await identity.refresh(tokens["refresh_token"])

        assert answer.status_code == 200
        assert answer.json()["refresh_token"] != tokens["refresh_token"]
        assert (await identity.as_(answer.json()).get("/v1/me")).status_code == 200

    async def test_a_token_used_twice_ends_the_whole_session(self, identity: Identity) -> None:
        first = (await identity.person())["refresh_token"]
        other = (await identity.tokens())["refresh_token"]
        second = (await identity.refresh(first)).json()["refresh_token"]

        stolen = await identity.refresh(first)

        assert stolen.status_code == 401
        assert (await identity.refresh(second)).status_code == 401
        assert (await identity.refresh(other)).status_code == 200

    async def test_of_many_at_once_one_wins_and_then_the_session_is_over(self, identity: Identity) -> None:
        token = (await identity.person())["refresh_token"]

        answers = await asyncio.gather(*(identity.refresh(token) for _ in range(8)))

        won = [answer for answer in answers if answer.status_code == 200]
        assert len(won) == 1
        assert (await identity.refresh(won[0].json()["refresh_token"])).status_code == 401

    async def test_a_forged_token_ends_nothing(self, identity: Identity) -> None:
        tokens = await identity.person()
        session, generation, mac = tokens["refresh_token"].split(".")

        for forged in (f"{session}.0.{mac}", f"{session}.2.{mac}", f"{session}.{generation}.{'A' * 43}", "x"):
            assert (await identity.refresh(forged)).status_code == 401
        assert (await identity.refresh(tokens["refresh_token"])).status_code == 200

    async def test_an_idle_session_ends_and_no_session_lasts_for_ever(self, identity: Identity) -> None:
        clock = identity.world.clock
        idle = (await identity.person())["refresh_token"]
        clock.advance(days=31)  # type: ignore[union-attr]
        assert (await identity.refresh(idle)).status_code == 401

        token = (await identity.tokens())["refresh_token"]
        for _ in range(8):
            clock.advance(days=20)  # type: ignore[union-attr]
            await identity.job("keys")
            token = (await identity.refresh(token)).json()["refresh_token"]
        clock.advance(days=20, seconds=1)  # type: ignore[union-attr]
        assert (await identity.refresh(token)).status_code == 401


class TestSessions:
    async def test_they_are_listed_and_ended_one_by_one(self, identity: Identity) -> None:
        here, there = await identity.person(), await identity.tokens()
        client = identity.as_(here)

        listed = (await client.get("/v1/sessions")).json()["data"]
        gone = await client.delete(f"/v1/sessions/{there['session_id']}")

        assert [(one["id"], one["current"]) for one in listed] == [
            (there["session_id"], False),
            (here["session_id"], True),
        ]
        assert gone.status_code == 204
        assert (await identity.refresh(there["refresh_token"])).status_code == 401
        assert (await identity.as_(there).get("/v1/me")).status_code == 401
        assert (await client.get("/v1/me")).status_code == 200

    async def test_signing_out_everywhere_ends_all(self, identity: Identity) -> None:
        here, there = await identity.person(), await identity.tokens()

        assert (await identity.as_(here).delete("/v1/sessions")).status_code == 204
        for tokens in (here, there):
            assert (await identity.refresh(tokens["refresh_token"])).status_code == 401

    async def test_signing_out_ends_this_one(self, identity: Identity) -> None:
        here, there = await identity.person(), await identity.tokens()

        assert (await identity.as_(here).delete("/v1/sessions/current")).status_code == 204
        assert (await identity.refresh(here["refresh_token"])).status_code == 401
        assert (await identity.refresh(there["refresh_token"])).status_code == 200

    async def test_somebody_elses_is_not_there(self, identity: Identity) -> None:
        theirs = await identity.person("bob@example.com")
        client = identity.as_(await identity.person())

        answer = await client.delete(f"/v1/sessions/{theirs['session_id']}")

        assert (answer.status_code, await code_of(answer)) == (404, "identity.session_not_found")
        assert (await identity.refresh(theirs["refresh_token"])).status_code == 200


class TestPassword:
    async def test_a_change_ends_the_other_sessions(self, identity: Identity) -> None:
        here, there = await identity.person(), await identity.tokens()

        answer = await identity.as_(here).post(
            "/v1/me/password", json={"current_password": PASSWORD, "new_password": NEW}
        )

        assert answer.status_code == 204, answer.text
        assert (await identity.refresh(here["refresh_token"])).status_code == 200
        assert (await identity.refresh(there["refresh_token"])).status_code == 401
        assert (await identity.sign_in()).status_code == 401
        assert (await identity.sign_in(password=NEW)).status_code == 201
        assert [mail["subject"] for mail in await identity.mails()] == ["Your password was changed"]

    async def test_a_change_needs_the_current_one(self, identity: Identity) -> None:
        client = identity.as_(await identity.person())

        answer = await client.post("/v1/me/password", json={"current_password": NEW, "new_password": NEW})

        assert (answer.status_code, await code_of(answer)) == (422, "identity.password_wrong")

    async def test_a_reset_works_once_and_ends_every_session(self, identity: Identity) -> None:
        tokens = await identity.person()
        asked = await identity.http.post("/v1/accounts/password-resets", json={"email": "ADA@example.com"})
        [mail] = await identity.mails()
        body = {"token": mail["token"], "password": NEW}

        answers = await asyncio.gather(
            *(identity.http.post("/v1/accounts/password-resets/confirm", json=body) for _ in range(3))
        )

        assert asked.status_code == 202
        assert sorted(answer.status_code for answer in answers) == [204, 422, 422]
        assert (await identity.refresh(tokens["refresh_token"])).status_code == 401
        assert (await identity.sign_in(password=NEW)).status_code == 201

    async def test_a_reset_for_nobody_answers_the_same_and_mails_nobody(self, identity: Identity) -> None:
        asked = await identity.http.post("/v1/accounts/password-resets", json={"email": "nobody@example.com"})

        assert asked.status_code == 202
        assert await identity.mails("nobody@example.com") == []

    async def test_a_reset_proves_the_address(self, identity: Identity) -> None:
        await identity.create(verified=False)
        await identity.http.post("/v1/accounts/password-resets", json={"email": "ada@example.com"})
        [mail] = await identity.mails()

        await identity.http.post("/v1/accounts/password-resets/confirm", json={"token": mail["token"], "password": NEW})

        assert (await identity.tokens(password=NEW))["account"]["email_verified"] is True

    async def test_a_reset_token_dies_with_any_other_change(self, identity: Identity) -> None:
        client = identity.as_(await identity.person())
        await identity.http.post("/v1/accounts/password-resets", json={"email": "ada@example.com"})
        [mail] = await identity.mails()
        await client.post("/v1/me/password", json={"current_password": PASSWORD, "new_password": NEW})

        answer = await identity.http.post(
            "/v1/accounts/password-resets/confirm", json={"token": mail["token"], "password": "yet another plum"}
        )

        assert answer.status_code == 422


class TestMe:
    async def test_a_name_is_changed_with_the_version_that_was_read(self, identity: Identity) -> None:
        client = identity.as_(await identity.person())
        tag = (await client.get("/v1/me")).headers["etag"]

        changed = await client.patch("/v1/me", json={"name": "Ada L."}, headers={"if-match": tag})
        stale = await client.patch("/v1/me", json={"name": "Eve"}, headers={"if-match": tag})
        blind = await client.patch("/v1/me", json={"name": "Eve"})

        assert [changed.status_code, stale.status_code, blind.status_code] == [200, 412, 428]
        assert changed.json()["name"] == "Ada L."

    @pytest.mark.parametrize(
        ("sent", "status"),
        [
            (["*"], 200),
            ([' "v7" ,, "x", "v1.3"'], 200),
            (['"v7"', '"v1"'], 200),
            (['"v7", "a,v1"'], 412),
            (['W/"v1"'], 412),
            (['"1"'], 412),
            (['"v99999999999999999999"'], 412),
            (['*, "v1"'], 400),
            (['"v1" "v7"'], 400),
            (["v1"], 400),
        ],
    )
    async def test_if_match_reads_as_rfc_9110_has_it(self, identity: Identity, sent: list[str], status: int) -> None:
        client = identity.as_(await identity.person())
        await client.post("/v1/me/addresses", json=ADDRESS)
        place = (await client.get("/v1/me/addresses")).json()["data"][0]["id"]
        headers = [("if-match", value) for value in sent]

        assert (await client.patch("/v1/me", json={"name": "Ada L."}, headers=headers)).status_code == status
        assert (await client.put(f"/v1/me/addresses/{place}", json=ADDRESS, headers=headers)).status_code == status

    async def test_any_version_of_nothing_is_nothing(self, identity: Identity) -> None:
        client = identity.as_(await identity.person())
        gone = await client.put("/v1/me/addresses/adr_none", json=ADDRESS, headers={"if-match": "*"})

        assert gone.status_code == 404

    async def test_guests_are_nobody(self, anywhere: Identity) -> None:
        for path in ("/v1/me", "/v1/me/addresses", "/v1/sessions"):
            assert (await anywhere.http.get(path)).status_code == 401

    async def test_an_erased_account_leaves_nothing(self, identity: Identity) -> None:
        tokens = await identity.person()
        client = identity.as_(tokens)
        await client.post("/v1/me/addresses", json=ADDRESS)

        wrong = await client.post("/v1/me/erasure", json={"password": NEW})
        right = await client.post("/v1/me/erasure", json={"password": PASSWORD})

        assert [wrong.status_code, right.status_code] == [422, 204]
        assert (await client.get("/v1/me")).status_code == 401
        assert (await identity.sign_in()).status_code == 401
        assert len(await identity.world.emitted("identity", AccountErased)) == 1
        assert await identity.world.broken("identity") == {}
        dump = str(
            [await identity.world.fetch("identity", f"SELECT * FROM {t}") for t in ("account", "address", "mail")]
        )
        assert "ada@" not in dump


ADDRESS = {"name": "Ada", "line1": "1 Plum Lane", "city": "Berlin", "postal_code": "10961", "country": "DE"}


class TestAddresses:
    async def test_they_are_kept_changed_and_removed(self, identity: Identity) -> None:
        client = identity.as_(await identity.person())

        added = await client.post("/v1/me/addresses", json=ADDRESS)
        place = added.headers["location"]
        changed = await client.put(place, json=ADDRESS | {"city": "Lübeck"}, headers={"if-match": '"v1"'})
        stale = await client.put(place, json=ADDRESS, headers={"if-match": '"v1"'})
        listed = (await client.get("/v1/me/addresses")).json()["data"]
        removed = await client.delete(place)

        assert [added.status_code, changed.status_code, stale.status_code, removed.status_code] == [201, 200, 412, 204]
        assert listed == [changed.json()]
        assert (await client.get(place)).status_code == 404

    async def test_somebody_elses_is_not_there(self, identity: Identity) -> None:
        theirs = identity.as_(await identity.person("bob@example.com"))
        place = (await theirs.post("/v1/me/addresses", json=ADDRESS)).headers["location"]
        mine = identity.as_(await identity.person())

        assert (await mine.get(place)).status_code == 404
        assert (await mine.put(place, json=ADDRESS, headers={"if-match": '"v1"'})).status_code == 404
        assert (await mine.delete(place)).status_code == 404
        assert (await theirs.get(place)).status_code == 200

    async def test_the_book_has_fifty_pages_however_fast_one_writes(self, identity: Identity) -> None:
        client = identity.as_(await identity.person())

        answers = await asyncio.gather(*(client.post("/v1/me/addresses", json=ADDRESS) for _ in range(54)))

        assert sorted(answer.status_code for answer in answers) == [201] * 50 + [409] * 4

    @pytest.mark.parametrize(
        "change", [{"country": "Germany"}, {"city": ""}, {"line1": "a\u0000"}, {"phone": "x" * 33}, {"extra": 1}]
    )
    async def test_a_wrong_field_is_refused(self, anywhere: Identity, change: dict[str, Any]) -> None:
        client = anywhere.as_(await anywhere.person())

        assert (await client.post("/v1/me/addresses", json=ADDRESS | change)).status_code == 422

    @pytest.mark.parametrize("address_id", ["x", "adr_%00", "%27", "a" * 100])
    async def test_what_is_no_id_is_not_there(self, anywhere: Identity, address_id: str) -> None:
        client = anywhere.as_(await anywhere.person())

        assert (await client.get(f"/v1/me/addresses/{address_id}")).status_code == 404


class TestOperators:
    async def test_they_find_accounts(self, identity: Identity) -> None:
        client = identity.as_(await identity.person("op@example.com", operator=True))
        for number in range(3):
            await identity.register(f"p{number}@example.com")

        first = (await client.get("/v1/accounts?limit=2")).json()
        rest = (await client.get(f"/v1/accounts?limit=2&cursor={first['next_cursor']}")).json()
        one = (await client.get("/v1/accounts?email=P1@example.com")).json()

        emails = [account["email"] for account in first["data"] + rest["data"]]
        assert emails == ["p2@example.com", "p1@example.com", "p0@example.com", "op@example.com"]
        assert [account["email"] for account in one["data"]] == ["p1@example.com"]

    async def test_others_are_not_let_in(self, identity: Identity) -> None:
        client = identity.as_(await identity.person())
        for path in ("/v1/accounts", "/v1/accounts/mails", "/v1/accounts/acc_x"):
            assert (await client.get(path)).status_code == 403
        assert (await client.delete("/v1/accounts/acc_x")).status_code == 403
        put = await client.put("/v1/accounts/acc_x/roles", json={"roles": []}, headers={"if-match": '"v1"'})
        assert put.status_code == 403

    async def test_they_make_operators_and_the_next_token_knows(self, identity: Identity) -> None:
        boss = identity.as_(await identity.person("op@example.com", operator=True))
        ada = await identity.person()
        place = f"/v1/accounts/{ada['account']['id']}"

        granted = await boss.put(f"{place}/roles", json={"roles": ["operator"]}, headers={"if-match": '"v1"'})
        fresh = (await identity.refresh(ada["refresh_token"])).json()

        assert granted.json()["roles"] == ["operator"]
        assert (await identity.as_(ada).get("/v1/accounts")).status_code == 403
        assert (await identity.as_(fresh).get("/v1/accounts")).status_code == 200

    async def test_the_last_operator_stays_one(self, identity: Identity) -> None:
        people = [await identity.person(f"op{n}@example.com", operator=True) for n in range(2)]
        clients = [identity.as_(person) for person in people]

        answers = await asyncio.gather(
            *(
                client.put(
                    f"/v1/accounts/{person['account']['id']}/roles", json={"roles": []}, headers={"if-match": '"v1"'}
                )
                for client, person in zip(clients, people, strict=True)
            )
        )
        erased = await asyncio.gather(
            *(client.post("/v1/me/erasure", json={"password": PASSWORD}) for client in clients)
        )

        assert sorted(answer.status_code for answer in answers) == [200, 409]
        assert sorted(answer.status_code for answer in erased) == [204, 409]

    async def test_they_read_the_sandbox(self, identity: Identity) -> None:
        client = identity.as_(await identity.person("op@example.com", operator=True))
        await identity.register()
        await identity.job("mails")

        [mail] = (await client.get("/v1/accounts/mails?email=ada@example.com")).json()["data"]

        assert mail["token"] in mail["body"]


@asynccontextmanager
async def limited(databases: Databases) -> AsyncIterator[Identity]:
    """Identity with its limits on."""
    async with world(databases, "identity", ESTORE_IDENTITY_ATTEMPTS_FACTOR="1", **CHEAP) as made:
        yield await start(made)


class TestThrottle:
    async def test_attempts_on_an_address_are_counted_exactly(self, databases: Databases) -> None:
        async with limited(databases) as identity:
            await identity.create()
            answers = await asyncio.gather(*(identity.sign_in(password=NEW) for _ in range(25)))
            right = await identity.sign_in()

            assert sorted(answer.status_code for answer in answers) == [401] * 10 + [429] * 15
            assert (right.status_code, right.headers["retry-after"]) == (429, "60")

            identity.world.clock.advance(seconds=60)  # type: ignore[union-attr]
            assert (await identity.sign_in()).status_code == 201
            assert (await identity.sign_in(password=NEW)).status_code == 401

    async def test_an_unknown_address_is_limited_alike(self, databases: Databases) -> None:
        async with limited(databases) as identity:
            answers = [await identity.sign_in("nobody@example.com") for _ in range(11)]

            assert [answer.status_code for answer in answers] == [401] * 10 + [429]

    async def test_a_client_that_tries_many_addresses_is_stopped(self, databases: Databases) -> None:
        async with limited(databases) as identity:
            await identity.create()
            answers = [await identity.sign_in(f"p{n}@example.com") for n in range(61)]

            assert [answer.status_code for answer in answers] == [401] * 60 + [429]

    async def test_right_passwords_cost_nothing(self, databases: Databases) -> None:
        async with limited(databases) as identity:
            await identity.create()
            assert {(await identity.sign_in()).status_code for _ in range(65)} == {201}

    async def test_mails_to_an_address_are_limited(self, databases: Databases) -> None:
        async with limited(databases) as identity:
            answers = [
                await identity.http.post("/v1/accounts/password-resets", json={"email": "ada@example.com"})
                for _ in range(6)
            ]

            assert [answer.status_code for answer in answers] == [202] * 5 + [429]


class TestKeys:
    async def test_the_first_key_is_told_at_start_and_at_every_start_again(self, identity: Identity) -> None:
        await start(identity.world)

        events = await identity.world.emitted("identity", KeysRotated)
        jwks = (await identity.http.get("/v1/accounts/jwks.json")).json()["keys"]

        assert [event.version for event in events] == [1, 2]
        assert events[0].keys == events[1].keys
        assert [key["kid"] for key in jwks] == [key.kid for key in events[0].keys]
        assert "d" not in jwks[0]

    async def test_tokens_stay_good_over_a_rotation(self, identity: Identity) -> None:
        clock = identity.world.clock
        service = identity.world.service("identity")
        await identity.create()
        clock.advance(days=30, hours=-1)  # type: ignore[union-attr]
        await identity.job("keys")
        clock.advance(hours=1, seconds=-1)  # type: ignore[union-attr]
        old = (await identity.tokens())["access_token"]
        clock.advance(seconds=2)  # type: ignore[union-attr]
        new = (await identity.tokens())["access_token"]

        clock.advance(seconds=300)  # type: ignore[union-attr]
        for token in (old, new):
            assert (await service.verifier.principal(f"Bearer {token}", clock.now())).account_id
        assert old.split(".")[0] != new.split(".")[0]
        assert len(await identity.world.emitted("identity", KeysRotated)) == 2

    async def test_the_job_makes_one_key_however_many_run(self, identity: Identity) -> None:
        identity.world.clock.advance(days=30)  # type: ignore[union-attr]

        await asyncio.gather(*(identity.job("keys") for _ in range(5)))

        assert len(await identity.world.fetch("identity", "SELECT kid FROM signing_key")) == 2

    async def test_a_compromised_key_is_trusted_no_longer(self, identity: Identity) -> None:
        tokens = await identity.person("op@example.com", operator=True)
        client = identity.as_(tokens)
        assert (await client.get("/v1/me")).status_code == 200

        rotated = await client.post("/v1/accounts/keys", json={"compromised": True})
        fresh = (await identity.refresh(tokens["refresh_token"])).json()

        assert rotated.status_code == 202
        assert (await identity.as_(fresh).get("/v1/me")).status_code == 200
        identity.world.clock.advance(seconds=1)  # type: ignore[union-attr]
        assert (await client.get("/v1/me")).status_code == 401

    async def test_key_sets_may_arrive_in_any_order(self, identity: Identity) -> None:
        client = identity.as_(await identity.person("op@example.com", operator=True))
        await client.post("/v1/accounts/keys", json={"compromised": True})
        first, second = await identity.world.emitted("identity", KeysRotated)
        before = await identity.world.fetch("identity", "SELECT * FROM trusted_key ORDER BY kid")

        async with identity.world.service("identity").db.transaction() as tx:
            await store_keys(tx, second.keys, identity.world.clock.now())
            await store_keys(tx, first.keys, identity.world.clock.now())

        assert await identity.world.fetch("identity", "SELECT * FROM trusted_key ORDER BY kid") == before

    async def test_a_private_key_is_not_to_be_read_in_the_database(self, identity: Identity) -> None:
        [row] = await identity.world.fetch("identity", "SELECT * FROM signing_key")

        assert "d" not in row["jwk"]
        assert len(row["sealed"]) == 12 + 48 + 16

    async def test_a_token_that_is_no_access_token_is_refused(self, identity: Identity) -> None:
        from joserfc import jwt

        made = identity.world
        claims = {"iss": "estore", "aud": "estore", "sub": "acc_1", "exp": 4_000_000_000}
        token = jwt.encode(
            {"alg": "Ed25519", "kid": made.key.kid, "typ": "JWT"}, claims, made.key, algorithms=["Ed25519"]
        )

        with pytest.raises(Unauthenticated):
            await made.service("identity").verifier.principal(f"Bearer {token}", made.clock.now())


class TestOperatorAtStart:
    SETTINGS = CHEAP | {
        "ESTORE_IDENTITY_OPERATOR_EMAIL": "op@example.com",
        "ESTORE_IDENTITY_OPERATOR_PASSWORD": PASSWORD,
    }

    async def test_the_first_one_is_made_once(self, databases: Databases) -> None:
        async with world(databases, "identity", **self.SETTINGS) as made:
            identity = await start(made)
            await start(made)

            assert (await identity.tokens("op@example.com"))["account"]["roles"] == ["operator"]
            assert len(await made.fetch("identity", "SELECT id FROM account")) == 1
