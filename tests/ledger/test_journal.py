"""The journal: append-only, balanced, sealed, and readable as it was."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from estore.kit.db import statements
from ledger.factories import VENDOR, Ledger

PAYABLE = 8_810


async def raw(ledger: Ledger, *sql: str) -> None:
    """What somebody with the service's own password could try."""
    conn = await asyncpg.connect(ledger.world.dsn, server_settings={"search_path": "ledger"})
    try:
        async with conn.transaction():
            for statement in sql:
                await conn.execute(statement)
    finally:
        await conn.close()


async def sealed(ledger: Ledger, sales: int = 3) -> None:
    for _ in range(sales):
        sale = ledger.sale()
        await ledger.hear(ledger.capture(sale), sale)
        await ledger.run("seal_entries")


async def verified(ledger: Ledger, **query: Any) -> dict[str, Any]:
    answer = await ledger.ask("GET", "/v1/ledger/chain/verification", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("table", ["entry", "line", "block", "sealed"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET {}", "DELETE FROM {}", "TRUNCATE {}"])
async def test_history_cannot_be_changed(ledger: Ledger, table: str, verb: str) -> None:
    column = {"entry": "note = ''", "line": "amount = 1", "block": "entries = 1", "sealed": "place = 1"}[table]
    await sealed(ledger, 1)

    with pytest.raises(asyncpg.RestrictViolationError):
        await raw(ledger, verb.format(table, column))


async def test_what_does_not_sum_to_zero_is_refused(ledger: Ledger) -> None:
    await sealed(ledger, 1)
    entry = (
        "INSERT INTO entry VALUES (gen_random_uuid(), 'made up', 'sale', 'EUR', '', NULL, '', now(), now(), '\\x00')"
    )
    line = (
        "INSERT INTO line SELECT e.id, n, a.id, {}, now(), NULL, NULL FROM entry e, account a, generate_series(1, 2) n"
        " WHERE e.source = 'made up' AND a.kind = 'customer'"
    )

    for amount in ("5", "CASE n WHEN 1 THEN 5 ELSE -4 END"):
        with pytest.raises(asyncpg.CheckViolationError):
            await raw(ledger, entry, line.format(amount))


async def test_no_line_is_added_to_an_entry_later(ledger: Ledger) -> None:
    await sealed(ledger, 1)
    line = (
        "INSERT INTO line SELECT entry_id, no + 10, account_id, -amount, l.posted_at, NULL, NULL FROM line l"
        " JOIN entry e ON e.id = l.entry_id WHERE e.kind = 'capture'"
    )

    with pytest.raises(asyncpg.CheckViolationError):
        await raw(ledger, line)


async def test_seals_follow_each_other_and_hold(ledger: Ledger) -> None:
    await sealed(ledger, 3)
    chain = (await ledger.ask("GET", "/v1/ledger/chain")).json()
    found = await verified(ledger)
    page = await verified(ledger, first=2, blocks=1)

    assert (chain["blocks"], chain["entries"], chain["unsealed"]) == (3, 6, 0)
    assert (found["first"], found["last"], found["entries"], found["next"]) == (1, 3, 6, None)
    assert found["broken"] == []
    assert found["hash"] == chain["hash"]
    assert (page["last"], page["next"], page["broken"]) == (2, 3, [])


ALL = "ALTER TABLE {0} DISABLE TRIGGER ALL"
REWRITES = {
    "an amount": (["line"], "UPDATE line SET amount = amount * 2", "entry"),
    "a note": (["entry"], "UPDATE entry SET note = 'nothing happened here' WHERE kind = 'sale'", "entry"),
    "a time": (["entry"], "UPDATE entry SET posted_at = posted_at - interval '1 day'", "entry"),
    "an owner": (["account"], "UPDATE account SET owner = 'vnd_99' WHERE owner = 'vnd_01'", "entry"),
    "a digest with it": (["entry"], "UPDATE entry SET digest = sha256('x') WHERE kind = 'sale'", "entry"),
    "one entry less": (["entry", "sealed"], "DELETE FROM sealed WHERE block_no = 2 AND place = 1", "entries"),
    "a block": (["block"], "UPDATE block SET hash = sha256('x') WHERE no = 2", "hash"),
    "the first block": (["block"], "UPDATE block SET previous = sha256('x') WHERE no = 1", "previous"),
}


@pytest.mark.parametrize("what", REWRITES)
async def test_who_rewrites_history_is_seen(uneven_ledger: Ledger, what: str) -> None:
    tables, change, fault = REWRITES[what]
    await sealed(uneven_ledger, 3)
    assert await uneven_ledger.world.broken("ledger") == {}
    await raw(uneven_ledger, *(ALL.format(table) for table in tables), change)

    assert fault in {block["fault"] for block in (await verified(uneven_ledger))["broken"]}
    assert any("chain of seals" in name for name in await uneven_ledger.world.broken("ledger"))


async def test_the_past_can_be_asked_for(ledger: Ledger) -> None:
    moments = [ledger.clock.now()]
    for _ in range(3):
        ledger.clock.advance(hours=5)
        sale = ledger.sale()
        await ledger.hear(ledger.capture(sale), sale)
        moments.append(ledger.clock.now())
    ledger.clock.advance(hours=30)
    before = [await sheet(ledger, moment.isoformat()) for moment in moments]
    await ledger.run("keep_sheet")
    kept = await ledger.fetch("SELECT count(DISTINCT until) AS kept FROM sheet")

    pending = [await ledger.balances(at=moment.isoformat()) for moment in moments]
    assert pending == [{}, *({"pending": n * PAYABLE} for n in (1, 2, 3))]
    assert before == [{} if not n else {"EUR": -n * PAYABLE} for n in range(4)]
    assert [await sheet(ledger, moment.isoformat()) for moment in moments] == before
    assert await sheet(ledger) == before[-1]
    assert kept[0]["kept"] >= 2


async def sheet(ledger: Ledger, at: str | None = None) -> dict[str, int]:
    """What all vendors have pending."""
    answer = await ledger.ask("GET", "/v1/ledger/balance-sheet", params={"at": at} if at else {})
    assert answer.status_code == 200, answer.text
    found = answer.json()["currencies"]
    assert all(each["total"]["amount"] == 0 for each in found)
    return {
        each["currency"]: line["amount"]["amount"]
        for each in found
        for line in each["accounts"]
        if line["account"] == "pending"
    }


async def test_a_balance_is_one_statement(ledger: Ledger) -> None:
    await sealed(ledger, 3)
    with statements(at_most=1):
        await ledger.balances()
    with statements(at_most=1):
        await ledger.balances(at=ledger.clock.now().isoformat())


async def test_deltas_are_folded_into_the_platforms_balances(ledger: Ledger) -> None:
    await sealed(ledger, 3)
    await ledger.run("fold_balances")
    rows = await ledger.fetch(
        "SELECT a.kind, b.amount, b.lines FROM balance b JOIN account a ON a.id = b.account_id"
        " WHERE a.owner <> $1 ORDER BY a.kind",
        VENDOR,
    )

    assert await ledger.fetch("SELECT 1 FROM balance_delta") == []
    assert [tuple(row.values()) for row in rows] == [
        ("clearing", 30_000, 3),
        ("commission", -3_000, 3),
        ("commission_tax", -570, 3),
        ("customer", 0, 6),
    ]
