"""SQL of the operator's words and rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from estore.kit.db import Record, Tx

MAX_RULES = 5000
# What the operator says in words, and where it is kept
_TABLES = {"synonyms": "vocabulary", "stop_words": "vocabulary", "unsuggested": "unsuggested"}


async def words(tx: Tx, name: str) -> Record:
    """Return body, version of `synonyms`, `stop_words` or `unsuggested`."""
    row = await tx.fetchrow(f"SELECT body, version FROM {_TABLES[name]} WHERE name = $1", name)
    if row is None:
        raise LookupError(name)
    return row


async def put_words(tx: Tx, name: str, body: list[Any], versions: Sequence[int] | None) -> Record | None:
    """Replace words, if they are at one of `versions` (None: any). Returns body, version; None if they are not."""
    return await tx.fetchrow(
        f"UPDATE {_TABLES[name]} SET body = $2, version = version + 1 WHERE name = $1"
        " AND ($3::bigint[] IS NULL OR version = ANY($3)) RETURNING body, version",
        name,
        body,
        versions,
    )


async def insert(tx: Tx, rule_id: str, query: str, product_id: str, action: str, position: int, now: datetime) -> bool:
    """Add a rule; False where this product has one for this query."""
    done = await tx.execute(
        "INSERT INTO rule (id, query, product_id, action, position, created_at) VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT DO NOTHING",
        rule_id,
        query,
        product_id,
        action,
        position,
        now,
    )
    return done.endswith(" 1")


async def delete(tx: Tx, rule_id: str) -> bool:
    return (await tx.execute("DELETE FROM rule WHERE id = $1", rule_id)).endswith(" 1")


async def page(tx: Tx, after: str, limit: int) -> list[Record]:
    """Return rules, oldest first."""
    return await tx.fetch("SELECT * FROM rule WHERE id > $1 ORDER BY id LIMIT $2", after, limit)


async def everything(tx: Tx) -> tuple[list[list[str]], list[str], list[str], list[Record], int]:
    """Return synonyms, stop words, what is not suggested, the rules with the keys of their products, and how often the
    tree of categories changed, which is read along: who needs them needs it too."""
    rows = await tx.fetch(
        "SELECT name, body, (SELECT changes FROM tree) AS tree FROM (TABLE vocabulary UNION ALL TABLE unsuggested) w"
    )
    found = {row["name"]: row["body"] for row in rows}
    rules = await tx.fetch(
        "SELECT r.query, r.action, r.position, d.key FROM rule r JOIN document d USING (product_id)"
        " ORDER BY r.position, r.id LIMIT $1",
        MAX_RULES,
    )
    return found["synonyms"], found["stop_words"], found["unsuggested"], rules, rows[0]["tree"]
