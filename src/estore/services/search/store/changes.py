"""SQL of what the index has to follow: changes with numbers, in the order in which they can be seen."""

from __future__ import annotations

from collections.abc import Sequence

from estore.kit.db import Record, Tx

# The lanes take turns: each gets its share, and what another one leaves
_NUMBER = """
WITH waiting AS (
    SELECT p.id, p.place FROM generate_series(0, 2) AS l (lane) CROSS JOIN LATERAL (
        SELECT id, row_number() OVER (ORDER BY id) AS place FROM pending WHERE lane = l.lane ORDER BY id LIMIT $2) p
), taken AS (
    DELETE FROM pending WHERE id IN (SELECT id FROM waiting ORDER BY place LIMIT $2) RETURNING product_id
), once AS (
    SELECT product_id, $1 + row_number() OVER (ORDER BY product_id) AS number
    FROM (SELECT DISTINCT product_id FROM taken) t
), numbered AS (
    INSERT INTO change (product_id, number) SELECT product_id, number FROM once
    ON CONFLICT (product_id) DO UPDATE SET number = excluded.number RETURNING number
), last AS (SELECT max(number) AS number FROM numbered)
UPDATE progress SET numbered = last.number FROM last WHERE last.number IS NOT NULL
"""
_TELL_SOLD = """
WITH taken AS (
    DELETE FROM sold WHERE id IN (SELECT id FROM sold ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING product_id
), told AS (
    INSERT INTO pending (product_id) SELECT DISTINCT product_id FROM taken
)
SELECT count(*) FROM taken
"""


async def anything(tx: Tx) -> bool:
    """Tell whether something changed that has no number yet."""
    return bool(await tx.fetchval("SELECT EXISTS (SELECT 1 FROM pending)"))


async def number(tx: Tx, limit: int) -> None:
    """Give numbers to `limit` of what changed: a share of each lane, oldest first. One process at a time, until it
    commits: so numbers are seen in their order."""
    last = await tx.fetchval("SELECT numbered FROM progress FOR UPDATE")
    await tx.execute(_NUMBER, last, limit)


async def after(tx: Tx, position: int, limit: int) -> list[tuple[str, int]]:
    """Return (product, number) of changes past `position`, in order."""
    rows = await tx.fetch(
        "SELECT product_id, number FROM change WHERE number > $1 ORDER BY number LIMIT $2", position, limit
    )
    return [(row["product_id"], row["number"]) for row in rows]


async def progress(tx: Tx) -> Record:
    """Return store_id, generation, numbered."""
    row = await tx.fetchrow("SELECT store_id, generation, numbered FROM progress")
    if row is None:
        raise LookupError("the row of progress is gone")
    return row


async def name_store(tx: Tx, store_id: str) -> None:
    """Name this database, unless it has a name."""
    await tx.execute("UPDATE progress SET store_id = $1 WHERE store_id IS NULL", store_id)


async def new_generation(tx: Tx) -> int:
    """Have every folder made anew. Returns the generation's number."""
    return int(await tx.fetchval("UPDATE progress SET generation = generation + 1 RETURNING generation"))


async def tell_sold(tx: Tx, limit: int) -> int:
    """Have products read again that were sold, each once, however often; returns of how many sales, `limit` at most."""
    return int(await tx.fetchval(_TELL_SOLD, limit))


async def tell(tx: Tx, product_ids: Sequence[str]) -> None:
    """Have products read again."""
    await tx.execute("INSERT INTO pending (product_id) SELECT unnest($1::text[])", product_ids)
