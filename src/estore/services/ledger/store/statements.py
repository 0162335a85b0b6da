"""Reading a vendor's history: ranges of lines of its accounts, and what stands behind them. Never more than a chunk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

import msgspec

from estore.kit.db import Tx
from estore.services.ledger.domain import OWED, EntryKind
from estore.services.ledger.domain.statements import EXPLAINED, GivenBack, Moved, Sold

_VENDOR = "SELECT name, legal_name, country FROM vendor WHERE vendor_id = $1"
# last: the newest line before a moment. Lines are numbered under their account's lock, so up to it all are committed.
_ACCOUNTS = """
SELECT a.id, coalesce(l.seq, 0) AS last FROM account a LEFT JOIN LATERAL (
    SELECT seq FROM line WHERE account_id = a.id AND posted_at < $4 ORDER BY posted_at DESC, seq DESC LIMIT 1
) AS l ON true
WHERE a.owner = $1 AND a.currency = $2 AND a.kind = ANY($3::text[]) ORDER BY a.id
"""
# The last line before a moment knows the balance.
_OWED_AT = """
SELECT -coalesce(sum(last.balance), 0)::bigint FROM unnest($1::int[]) AS a (id) CROSS JOIN LATERAL (
    SELECT balance FROM line WHERE account_id = a.id AND posted_at < $2 ORDER BY posted_at DESC, seq DESC LIMIT 1
) AS last
"""
_TOTALS = """
SELECT e.kind, -sum(l.amount)::bigint AS amount
FROM unnest($1::int[], $2::bigint[]) AS a (id, last)
JOIN line l ON l.account_id = a.id AND l.posted_at >= $3 AND l.seq <= a.last
JOIN entry e ON e.id = l.entry_id AND e.kind = ANY($4::text[])
GROUP BY e.kind
"""
# The place of a line is (posted_at, account_id, seq): each account is read on from there, a chunk at most, whatever the
# lines are of: an account with none that are explained would be read to its end for every chunk.
_MOVED = """
SELECT l.posted_at, l.account_id, l.seq, e.kind, e.source, e.ref, e.order_id, e.note, -l.amount AS amount
FROM unnest($1::int[], $2::bigint[]) AS a (id, last) CROSS JOIN LATERAL (
    SELECT l.* FROM line l
    WHERE l.account_id = a.id AND l.seq <= a.last
      AND (l.posted_at, l.seq) > ($3::timestamptz, CASE WHEN a.id < $4 THEN 9223372036854775807
                                                        WHEN a.id = $4 THEN $5::bigint ELSE 0 END)
    ORDER BY l.posted_at, l.seq LIMIT $6
) AS l JOIN entry e ON e.id = l.entry_id
ORDER BY l.posted_at, l.account_id, l.seq LIMIT $6
"""
_EARNINGS = """
SELECT parcel_id, order_id, order_number, discount, tax, total, commission, commission_tax, funded FROM earning
WHERE order_id = ANY($1::text[]) AND vendor_id = $2
"""
_SALE_LINES = """
SELECT parcel_id, line_id, sku, title, quantity, unit_price, discount, tax, total, commission, commission_tax, funded
FROM sale_line WHERE parcel_id = ANY($1::text[]) ORDER BY parcel_id, line_id
"""
_REFUND_LINES = """
SELECT r.refund_id, r.parcel_id, coalesce(e.order_number, '') AS order_number, r.line_id, coalesce(s.sku, '') AS sku,
    coalesce(s.title, '') AS title, r.quantity, r.amount, r.tax, r.commission, r.commission_tax, r.funded, r.cause
FROM refund_line r LEFT JOIN earning e ON e.parcel_id = r.parcel_id LEFT JOIN sale_line s ON s.line_id = r.line_id
WHERE r.refund_id = ANY($1::text[]) AND r.vendor_id = $2 ORDER BY r.refund_id, r.parcel_id, r.line_id
"""
SHIPPING = "Shipping"


class Place(msgspec.Struct, frozen=True):
    """Where reading goes on: after this line."""

    at: datetime
    account_id: int = 0
    seq: int = 0


async def vendor_names(tx: Tx, vendor_id: str) -> tuple[str, str, str] | None:
    """Return a vendor's name, legal name and country, as last heard."""
    row = await tx.fetchrow(_VENDOR, vendor_id)
    return None if row is None else (row["name"], row["legal_name"], row["country"])


class Bound(msgspec.Struct, frozen=True):
    """An account, and the last of its lines that is read."""

    account_id: int
    last: int


async def accounts_owed(tx: Tx, vendor_id: str, currency: str, until: datetime) -> tuple[Bound, ...]:
    """Return the accounts that sum to what a vendor is owed, up to their last lines before `until`."""
    rows = await tx.fetch(_ACCOUNTS, vendor_id, currency, [str(kind) for kind in OWED], until)
    return tuple(Bound(row["id"], row["last"]) for row in rows)


async def owed_at(tx: Tx, accounts: Sequence[Bound], before: datetime) -> int:
    """Return what was owed just before a moment, in minor units: one look into the index per account."""
    return int(await tx.fetchval(_OWED_AT, [account.account_id for account in accounts], before))


async def totals(tx: Tx, accounts: Sequence[Bound], since: datetime) -> dict[EntryKind, int]:
    """Return what the entries since a moment did to what is owed, by kind."""
    rows = await tx.fetch(_TOTALS, *_columns(accounts), since, [str(kind) for kind in EXPLAINED])
    return {EntryKind(row["kind"]): row["amount"] for row in rows}


async def moved(tx: Tx, accounts: Sequence[Bound], after: Place, at_most: int) -> list[Moved]:
    """Return the lines after a place, in order; also those between a vendor's own accounts."""
    place = (after.at, after.account_id, after.seq)
    rows = await tx.fetch(_MOVED, *_columns(accounts), *place, at_most)
    return [Moved(*row) for row in rows]


def _columns(accounts: Sequence[Bound]) -> tuple[list[int], list[int]]:
    return [account.account_id for account in accounts], [account.last for account in accounts]


async def sold(tx: Tx, vendor_id: str, order_ids: Sequence[str]) -> dict[str, list[Sold]]:
    """Return what a vendor sold by order: the lines of its parcels, then their shipping."""
    earnings = {row["parcel_id"]: row for row in await tx.fetch(_EARNINGS, order_ids, vendor_id)}
    lines: dict[str, list[Sold]] = {parcel_id: [] for parcel_id in earnings}
    for row in await tx.fetch(_SALE_LINES, list(earnings)):
        lines[row["parcel_id"]].append(
            Sold(row["parcel_id"], earnings[row["parcel_id"]]["order_number"], *list(row)[1:])
        )
    found: dict[str, list[Sold]] = defaultdict(list)
    for parcel_id, earning in earnings.items():
        own = lines[parcel_id]
        shipping = Sold(
            parcel_id=parcel_id,
            order_number=earning["order_number"],
            line_id="",
            sku="",
            title=SHIPPING,
            quantity=1,
            unit_price=earning["total"] - sum(line.total for line in own),
            discount=0,
            tax=earning["tax"] - sum(line.tax for line in own),
            total=earning["total"] - sum(line.total for line in own),
            commission=earning["commission"] - sum(line.commission for line in own),
            commission_tax=earning["commission_tax"] - sum(line.commission_tax for line in own),
            funded=earning["funded"] - sum(line.funded for line in own),
        )
        found[earning["order_id"]] += own if not (shipping.total or shipping.payable) else [*own, shipping]
    return found


async def given_back(tx: Tx, vendor_id: str, refund_ids: Sequence[str]) -> dict[str, list[GivenBack]]:
    """Return what refunds took of a vendor's lines, by refund."""
    found: dict[str, list[GivenBack]] = defaultdict(list)
    for row in await tx.fetch(_REFUND_LINES, refund_ids, vendor_id):
        refund_id, *fields = row
        one = GivenBack(*fields)
        found[refund_id].append(one if one.line_id else msgspec.structs.replace(one, title=SHIPPING))
    return found
