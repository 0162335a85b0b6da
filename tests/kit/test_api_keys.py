"""API keys: who they speak for, how soon a revoked one is refused, and what forged ones cost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estore.kit import api_keys
from estore.kit.api_keys import ApiKeyChanged, KeyRing, hash_of, key_text, store_api_keys
from estore.kit.auth import ApiKeyInvalid, Verifier
from estore.kit.context import Principal
from estore.kit.db import Database, migrate, migrations_of, statements
from support.databases import Databases

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SECRET = "s" * 43
ID = "key_01JD5Z1N8RZ3Q9K7V4M2W6X0YB"


def changed(version: int = 1, **values: Any) -> ApiKeyChanged:
    defaults: dict[str, Any] = {
        "key_id": ID,
        "vendor_id": "vnd_1",
        "scopes": ("catalog", "fulfilment"),
        "hash": hash_of(SECRET),
        "expires_at": None,
        "revoked": False,
    }
    return ApiKeyChanged(version=version, **(defaults | values))


@pytest.fixture
async def db(databases: Databases) -> AsyncIterator[Database]:
    async def prepare(dsn: str) -> None:
        import asyncpg

        conn = await asyncpg.connect(dsn)
        await conn.execute("CREATE SCHEMA shop")
        await conn.close()
        await migrate(dsn, "shop", [m for m in migrations_of("vendors") if m.name.startswith("kit/")])

    dsn = await databases.fresh(await databases.template("api_keys", prepare))
    database = Database(dsn, "shop")
    await database.open()
    yield database
    await database.close()
    await databases.drop(dsn)


async def tell(db: Database, *keys: ApiKeyChanged) -> None:
    for key in keys:
        async with db.transaction() as tx:
            await store_api_keys(tx, [key])


async def test_a_key_speaks_for_its_vendor_within_its_scopes(db: Database) -> None:
    await tell(db, changed())

    principal = await Verifier(db).principal(f"Bearer {key_text(ID, SECRET)}", NOW)

    assert principal == Principal(account_id=ID, vendors={"vnd_1": "catalog fulfilment"})
    assert principal.is_key
    assert principal.may("vnd_1", "owner", "fulfilment")
    assert not principal.may("vnd_1", "owner", "finance")
    assert not principal.may("vnd_2", "catalog")


@pytest.mark.parametrize(
    "text",
    [
        "esk_",
        "esk_01JD5Z1N8RZ3Q9K7V4M2W6X0YB",
        key_text(ID, "t" * 43),
        key_text(ID, SECRET + "s"),
        key_text("key_01JD5Z1N8RZ3Q9K7V4M2W6X0YC", SECRET),
        key_text("key_'; DROP TABLE x;--", SECRET),
        key_text(ID, "ß" * 43),
        key_text(ID, SECRET[:-1] + "\x00"),
    ],
)
async def test_a_forged_key_is_refused(db: Database, text: str) -> None:
    await tell(db, changed())

    with pytest.raises(ApiKeyInvalid):
        await Verifier(db).principal(f"Bearer {text}", NOW)


async def test_a_key_ends_when_it_expires_however_lately_it_was_read(db: Database) -> None:
    await tell(db, changed(expires_at=NOW + timedelta(seconds=1)))
    ring = KeyRing(db)

    assert await ring.principal(key_text(ID, SECRET), NOW) is not None
    assert await ring.principal(key_text(ID, SECRET), NOW + timedelta(seconds=1)) is None


async def test_a_revoked_key_is_refused_within_a_second_and_one_in_use_costs_no_statement_each(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = api_keys.FRESH_SECONDS
    assert soon < 1
    monkeypatch.setattr(api_keys, "FRESH_SECONDS", 600.0)
    await tell(db, changed())
    ring = KeyRing(db)
    assert await ring.principal(key_text(ID, SECRET), NOW) is not None
    with statements(at_most=0):
        assert await ring.principal(key_text(ID, SECRET), NOW) is not None

    await tell(db, changed(2, revoked=True))
    monkeypatch.setattr(api_keys, "FRESH_SECONDS", soon)
    await asyncio.sleep(soon + 0.01)

    assert await ring.principal(key_text(ID, SECRET), NOW) is None


@pytest.mark.parametrize("order", [(1, 2), (2, 1), (2, 1, 2, 1)])
async def test_news_in_any_order_leave_the_key_revoked(db: Database, order: tuple[int, ...]) -> None:
    await tell(db, *(changed(version, revoked=version == 2) for version in order))

    assert await KeyRing(db).principal(key_text(ID, SECRET), NOW) is None


async def test_two_hundred_forged_keys_at_once_are_two_statements_and_none_is_remembered(db: Database) -> None:
    await tell(db, changed())
    ring = KeyRing(db)
    forged = [key_text(f"key_{number:026d}", SECRET) for number in range(200)]

    with statements(at_most=2):
        found = await asyncio.gather(*(ring.principal(text, NOW) for text in (*forged, key_text(ID, SECRET))))

    assert [principal is not None for principal in found] == [False] * 200 + [True]
    assert list(ring._known) == [ID]


async def test_a_database_that_was_away_is_asked_again(db: Database) -> None:
    await tell(db, changed())
    ring = KeyRing(db)
    await db.close()
    with pytest.raises(RuntimeError):
        await ring.principal(key_text(ID, SECRET), NOW)
    await db.open()

    assert await ring.principal(key_text(ID, SECRET), NOW) is not None


ROLES = ("owner", "catalog", "fulfilment", "finance")


@given(
    st.dictionaries(st.sampled_from(["a", "b", "c"]), st.sets(st.sampled_from(ROLES))), st.sets(st.sampled_from(ROLES))
)
def test_a_principal_may_what_one_of_its_scopes_says(held: dict[str, set[str]], asked: set[str]) -> None:
    principal = Principal(vendors={vendor: " ".join(sorted(scopes)) for vendor, scopes in held.items()})

    assert principal.vendors_as(*asked) == sorted(vendor for vendor, scopes in held.items() if scopes & asked)
