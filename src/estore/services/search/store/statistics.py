"""SQL of what people searched for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from estore.kit.db import Record, Tx

_DAYS = """
INSERT INTO query_day (day, query, searches, without, relaxed, clicks)
SELECT $1::date, q.* FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
    AS q (query, searches, without, relaxed, clicks) ORDER BY q.query
ON CONFLICT (day, query) DO UPDATE
SET searches = query_day.searches + excluded.searches, without = query_day.without + excluded.without,
    relaxed = query_day.relaxed + excluded.relaxed, clicks = query_day.clicks + excluded.clicks
"""
_PAST = """
INSERT INTO past_query (query, searches, found, last_at)
SELECT query, searches, searches > missed, $4::timestamptz FROM unnest($1::text[], $2::bigint[], $3::bigint[])
    AS q (query, searches, missed) WHERE searches > 0 ORDER BY query
ON CONFLICT (query) DO UPDATE
SET searches = past_query.searches + excluded.searches, found = excluded.found, last_at = excluded.last_at
"""
ORDERS = {
    "top": ("searches > 0", "searches DESC"),
    "without_results": ("without > 0", "without DESC"),
    "clicked": ("clicks > 0", "clicks DESC"),
}


async def add(tx: Tx, day: date, counts: Mapping[str, tuple[int, int, int, int]], now: datetime) -> None:
    """Add {query: (searches, without results, relaxed, clicks)} to a day, and to what is suggested."""
    columns = [list(column) for column in zip(*counts.values(), strict=True)]
    await tx.execute(_DAYS, day, list(counts), *columns)
    # What only a part of the words was found for is not suggested: nobody puts sentences of their own before others
    missed = [without + relaxed for _, without, relaxed, _ in counts.values()]
    await tx.execute(_PAST, list(counts), columns[0], missed, now)


async def top(tx: Tx, kind: str, first: date, last: date, limit: int) -> list[Record]:
    """Return query, searches, without, relaxed, clicks over days. kind: a key of ORDERS."""
    condition, order = ORDERS[kind]
    return await tx.fetch(
        "SELECT * FROM (SELECT query, sum(searches)::bigint AS searches, sum(without)::bigint AS without,"
        " sum(relaxed)::bigint AS relaxed, sum(clicks)::bigint AS clicks FROM query_day WHERE day BETWEEN $1 AND $2"
        f" GROUP BY query) q WHERE {condition} ORDER BY {order}, query LIMIT $3",
        first,
        last,
        limit,
    )


async def starting(tx: Tx, prefix: str, least: int, limit: int, but: Sequence[str]) -> Sequence[str]:
    """Return queries of others that begin with `prefix` and found something, most frequent first. but: words side by
    side, such as `old mug`, that none of them has."""
    rows = await tx.fetch(
        # OFFSET: as many are compared with `but` as are wanted, not all
        "SELECT query FROM (SELECT query FROM (SELECT query, searches FROM past_query WHERE query >= $1 AND query < $2"
        " AND found AND searches >= $3 LIMIT 500) q ORDER BY searches DESC, query OFFSET 0) q"
        " WHERE NOT ' ' || query || ' ' LIKE ANY ($5::text[]) LIMIT $4",
        prefix,
        prefix + "\U0010ffff",
        least,
        limit,
        # Words are letters and digits
        [f"% {words} %" for words in but],
    )
    return [row["query"] for row in rows]


async def forget(tx: Tx, day: date, now: datetime, limit: int) -> int:
    """Delete days before `day` and queries nobody asked since `now`; returns how many, up to twice `limit`."""
    days = await tx.execute(
        "DELETE FROM query_day WHERE (day, query) IN (SELECT day, query FROM query_day WHERE day < $1 LIMIT $2)",
        day,
        limit,
    )
    past = await tx.execute(
        "DELETE FROM past_query WHERE query IN (SELECT query FROM past_query WHERE last_at < $1 LIMIT $2)", now, limit
    )
    return int(days.rpartition(" ")[2]) + int(past.rpartition(" ")[2])
