"""Seals: blocks of entries, each with the hash of the block before it; and the sums that are kept up beside it.

All of it is done by one process at a time, whoever comes first, and nobody waits for it.
"""

from __future__ import annotations

from datetime import datetime

from estore.kit.db import Record, Tx

# What domain.digest_of computes, from the rows: `e` is an entry, `l.said` its lines.
DIGEST = """
sha256(convert_to(concat_ws(E'\\n', e.source, e.kind, e.currency, e.ref, coalesce(e.order_id, ''),
    (extract(epoch FROM e.occurred_at) * 1000000)::bigint, (extract(epoch FROM e.posted_at) * 1000000)::bigint,
    l.said, e.note), 'UTF8'))
"""
LINES_SAY = """
SELECT string_agg(concat_ws(' ', a.kind, a.owner, a.currency, n.amount), E'\\n' ORDER BY n.no) AS said,
       bool_and(n.posted_at = e.posted_at) AS at_once
FROM line n JOIN account a ON a.id = n.account_id WHERE n.entry_id = e.id
"""
_SEAL = """
WITH last AS (
    SELECT coalesce(max(no), 0) AS no, coalesce((SELECT hash FROM block ORDER BY no DESC LIMIT 1), ''::bytea) AS hash
    FROM block
), taken AS (
    DELETE FROM unsealed WHERE entry_id IN (SELECT entry_id FROM unsealed ORDER BY entry_id LIMIT $1)
    RETURNING entry_id
), placed AS (
    SELECT entry_id, row_number() OVER (ORDER BY entry_id) AS place FROM taken
), kept AS (
    INSERT INTO sealed (entry_id, block_no, place) SELECT p.entry_id, last.no + 1, p.place FROM last, placed p
)
INSERT INTO block (no, entries, previous, hash, sealed_at)
SELECT last.no + 1, count(*), last.hash, sha256(last.hash || string_agg(e.digest, ''::bytea ORDER BY p.place)), $2
FROM last, placed p JOIN entry e ON e.id = p.entry_id GROUP BY last.no, last.hash RETURNING entries
"""
CHECKED = f"""
SELECT b.no, b.entries, b.hash,
       b.hash = sha256(b.previous || string_agg(e.digest, ''::bytea ORDER BY s.place)) AS hash_holds,
       b.previous = coalesce((SELECT p.hash FROM block p WHERE p.no = b.no - 1), ''::bytea) AS follows,
       count(e.id) = b.entries AND max(s.place) = b.entries AS complete,
       array_agg(s.entry_id::text) FILTER (
           WHERE e.id IS NULL OR e.digest <> {DIGEST} OR l.said IS NULL OR NOT l.at_once) AS altered
FROM block b LEFT JOIN sealed s ON s.block_no = b.no LEFT JOIN entry e ON e.id = s.entry_id
LEFT JOIN LATERAL ({LINES_SAY}) l ON true
"""
_CHECK = f"{CHECKED} WHERE b.no BETWEEN $1 AND $2 GROUP BY b.no ORDER BY b.no"
_CHAIN = """
SELECT coalesce(b.no, 0) AS blocks, coalesce(b.hash, ''::bytea) AS hash, b.sealed_at,
       (SELECT count(*) FROM unsealed) AS unsealed, (SELECT coalesce(sum(entries), 0) FROM block) AS entries
FROM (SELECT 1) one LEFT JOIN (SELECT * FROM block ORDER BY no DESC LIMIT 1) b ON true
"""
_FOLD = """
WITH gone AS (
    DELETE FROM balance_delta WHERE ctid = ANY(ARRAY(SELECT ctid FROM balance_delta LIMIT $1))
    RETURNING account_id, amount, lines
), sums AS (
    SELECT account_id, sum(amount)::bigint AS amount, sum(lines)::bigint AS lines FROM gone GROUP BY account_id
), moved AS (
    UPDATE balance b SET amount = b.amount + s.amount, lines = b.lines + s.lines, posted_at = $2
    FROM sums s WHERE b.account_id = s.account_id
)
SELECT count(*) FROM gone
"""
_LINES_OF_SHEET = """
SELECT a.kind, CASE WHEN a.kind IN ('clearing', 'disputed', 'fees') THEN a.owner ELSE '' END AS owner, a.currency,
       l.amount
FROM line l JOIN account a ON a.id = l.account_id
"""
_KEEP_SHEET = f"""
INSERT INTO sheet (until, kind, owner, currency, amount)
SELECT $2, kind, owner, currency, sum(amount) FROM (
    SELECT kind, owner, currency, amount FROM sheet WHERE until = $1
    UNION ALL {_LINES_OF_SHEET} WHERE l.posted_at >= coalesce($1, '-infinity'::timestamptz) AND l.posted_at < $2) known
GROUP BY kind, owner, currency
"""
_SHEET = f"""
SELECT kind, owner, currency, sum(amount)::bigint AS amount FROM (
    SELECT kind, owner, currency, amount FROM sheet WHERE until = (SELECT max(until) FROM sheet WHERE until <= $1)
    UNION ALL {_LINES_OF_SHEET}
    WHERE l.posted_at >= coalesce((SELECT max(until) FROM sheet WHERE until <= $1), '-infinity'::timestamptz)
        AND l.posted_at <= $1) known
GROUP BY currency, kind, owner ORDER BY currency, kind, owner
"""


async def _alone(tx: Tx, what: str) -> bool:
    """Tell whether this transaction is the only one that does `what`."""
    alone: bool = await tx.fetchval("SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))", f"ledger {what}")
    return alone


async def seal(tx: Tx, at_most: int, now: datetime) -> int:
    """Put up to `at_most` committed entries into one block; returns how many. 0 also while somebody else does it."""
    return await tx.fetchval(_SEAL, at_most, now) or 0 if await _alone(tx, "seal") else 0


async def fold(tx: Tx, at_most: int, now: datetime) -> int:
    """Add up to `at_most` deltas to the platform's balances; returns how many. 0 also while somebody else does it."""
    return await tx.fetchval(_FOLD, at_most, now) or 0 if await _alone(tx, "fold") else 0


async def chain(tx: Tx) -> Record:
    """Return how far the chain goes: blocks, entries, hash, sealed_at, unsealed."""
    return (await tx.fetch(_CHAIN))[0]


async def check_blocks(tx: Tx, first: int, last: int) -> list[Record]:
    """Compute all hashes of blocks `first` to `last` again, from the entries and their lines.

    Returns (no, entries, hash, hash_holds, follows, complete, altered) of each.
    """
    return await tx.fetch(_CHECK, first, last)


async def last_sheet(tx: Tx) -> tuple[datetime | None, datetime | None]:
    """Return until when the balance sheet was kept last, and when the first entry was posted. Locks out others."""
    if not await _alone(tx, "sheet"):
        return None, None
    row = await tx.fetchrow("SELECT (SELECT max(until) FROM sheet), (SELECT posted_at FROM entry ORDER BY id LIMIT 1)")
    return (row[0], row[1]) if row is not None else (None, None)


async def keep_sheet(tx: Tx, last: datetime | None, until: datetime) -> None:
    """Keep the balance sheet of `until`, made from that of `last` and what was posted between."""
    await tx.execute(_KEEP_SHEET, last, until)


async def sheet(tx: Tx, at: datetime) -> list[Record]:
    """Return the sums of all accounts as they were at a moment: (kind, owner, currency, amount)."""
    return await tx.fetch(_SHEET, at)
