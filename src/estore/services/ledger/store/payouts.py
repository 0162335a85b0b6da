"""Payouts: made, claimed, locked and saved in batches. Their rows are locked before the balances that they move."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import msgspec

from estore.kit.db import Record, Tx
from estore.services.ledger.domain.payouts import Coverage, Payee, Payout, Status, Terms

_COLUMNS = ", ".join(f"p.{name}" for name in Payout.__struct_fields__)
_CHANGING = (
    "status",
    "bank_token",
    "decided_by",
    "code",
    "detail",
    "reference",
    "step",
    "tries",
    "due_at",
    "version",
    "submitted_at",
    "paid_at",
    "settled_at",
)

# The first account may be used at once, a changed one after a while ($1: seconds).
_COOLED_AT = "v.bank_changed_at + make_interval(secs => $1)"
_PAYEES = f"""
SELECT v.vendor_id, v.status, v.bank_token, b.token IS NOT NULL AS known, {_COOLED_AT} AS cooled_at
FROM vendor v LEFT JOIN bank_account b ON b.token = v.bank_token WHERE v.vendor_id = ANY($2::text[])
"""
_TERMS = """
SELECT asked.vendor_id, coalesce(t.schedule, $2), coalesce(t.weekday, $3), coalesce(t.minimum, $4),
       coalesce(t.large, $5), coalesce(t.version, 0)
FROM unnest($1::text[]) AS asked (vendor_id) LEFT JOIN payout_terms t USING (vendor_id)
"""
_DUE = f"""
SELECT a.owner, a.currency FROM account a
JOIN balance b ON b.account_id = a.id
JOIN vendor v ON v.vendor_id = a.owner AND v.status = 'approved'
JOIN bank_account k ON k.token = v.bank_token
LEFT JOIN payout_terms t ON t.vendor_id = a.owner
WHERE a.kind = 'available' AND -b.amount >= CASE a.currency WHEN $9 THEN greatest(coalesce(t.minimum, $6), 1) ELSE 1 END
  AND ($10::text[] IS NULL OR a.currency = ANY($10))
  AND (v.bank_changed_at IS NULL OR {_COOLED_AT} <= $2)
  AND CASE coalesce(t.schedule, $4) WHEN 'daily' THEN true WHEN 'weekly' THEN coalesce(t.weekday, $5) = ANY($7::int[])
      ELSE false END
  AND NOT EXISTS (SELECT 1 FROM payout p WHERE p.account_id = a.id AND p.scheduled_for = $3)
ORDER BY a.id LIMIT $8
"""
_COVERED = """
SELECT asked.account_id, p.first_seq, p.last_seq, p.carried_in, p.covered, p.carried_out
FROM unnest($1::int[]) AS asked (account_id) CROSS JOIN LATERAL (
    SELECT * FROM payout WHERE account_id = asked.account_id ORDER BY last_seq DESC LIMIT 1) p
"""
# What is to be sent becomes `submitted`, and to be looked up: whoever takes over after a crash asks before it sends.
# Where it goes is decided here, when it is sent for the first time.
_CLAIM = f"""
WITH picked AS (
    SELECT p.id, p.status AS was, p.step AS todo, v.bank_token AS token FROM payout p
    LEFT JOIN vendor v USING (vendor_id) LEFT JOIN bank_account b ON b.token = v.bank_token
    WHERE p.due_at <= $2 AND (p.status = 'submitted' OR (
          v.status = 'approved' AND b.token IS NOT NULL AND (v.bank_changed_at IS NULL OR {_COOLED_AT} <= $2)))
    ORDER BY p.due_at LIMIT $4 FOR UPDATE OF p SKIP LOCKED
)
UPDATE payout p
SET status = 'submitted', step = 'lookup', due_at = $3, tries = p.tries + 1,
    bank_token = CASE WHEN picked.was = 'created' THEN picked.token ELSE p.bank_token END,
    submitted_at = coalesce(p.submitted_at, $2),
    version = p.version + CASE WHEN picked.was = 'created' THEN 1 ELSE 0 END
FROM picked WHERE p.id = picked.id RETURNING {_COLUMNS}, picked.todo
"""
_READY_FOR_FILE = f"""
SELECT {_COLUMNS} FROM payout p JOIN vendor v USING (vendor_id) JOIN bank_account b ON b.token = v.bank_token
WHERE p.status = 'created' AND p.gateway = $3 AND p.currency = $4 AND v.status = 'approved'
  AND (v.bank_changed_at IS NULL OR {_COOLED_AT} <= $2)
ORDER BY p.id LIMIT $5 FOR UPDATE OF p SKIP LOCKED
"""


async def payees(tx: Tx, vendor_ids: Sequence[str], cooling: float) -> dict[str, Payee]:
    """Return vendors as far as paying them is concerned. cooling: seconds that a changed account must wait."""
    rows = await tx.fetch(_PAYEES, cooling, list(vendor_ids))
    return {row["vendor_id"]: Payee(*row) for row in rows}


async def has_account(tx: Tx, vendor_id: str, currency: str) -> bool:
    """Tell whether a vendor ever had money available in a currency."""
    sql = "SELECT EXISTS (SELECT 1 FROM account WHERE owner = $1 AND kind = 'available' AND currency = $2)"
    return await tx.fetchval(sql, vendor_id, currency)  # type: ignore[no-any-return]


async def terms_of(tx: Tx, vendor_ids: Sequence[str], usual: Terms) -> dict[str, Terms]:
    """Return the terms of vendors, the usual ones where nobody has set others."""
    rows = await tx.fetch(_TERMS, list(vendor_ids), usual.schedule, usual.weekday, usual.minimum, usual.large)
    return {row["vendor_id"]: Terms(*row[1:]) for row in rows}


async def put_terms(
    tx: Tx,
    vendor_id: str,
    expected: Sequence[int] | None,
    terms: Terms,
    amounts: tuple[int | None, int | None],
    by: str | None,
    now: datetime,
) -> bool:
    """Set a vendor's terms, one version on; returns False when they are at none of the versions `expected`.

    expected: 0 where nobody has set any; None for whichever they are at. amounts: minimum and large, None: as it was.
    """
    done = await tx.fetchval(
        "INSERT INTO payout_terms AS t (vendor_id, schedule, weekday, minimum, large, version, changed_by, changed_at)"
        " SELECT $1, $3, $4, $5, $6, 1, $7, $8"
        " WHERE $2::bigint[] IS NULL OR 0 = ANY($2) OR EXISTS (SELECT FROM payout_terms WHERE vendor_id = $1)"
        " ON CONFLICT (vendor_id) DO UPDATE SET schedule = excluded.schedule, weekday = excluded.weekday,"
        " minimum = coalesce(excluded.minimum, t.minimum), large = coalesce(excluded.large, t.large),"
        " version = t.version + 1, changed_by = excluded.changed_by, changed_at = excluded.changed_at"
        " WHERE $2::bigint[] IS NULL OR t.version = ANY($2) RETURNING 1",
        vendor_id,
        expected,
        terms.schedule,
        terms.weekday,
        *amounts,
        by,
        now,
    )
    return done is not None


async def due_vendors(
    tx: Tx,
    now: datetime,
    usual: Terms,
    cooling: float,
    at_most: int,
    *,
    weekdays: Sequence[int],
    currency: str,
    currencies: Sequence[str] | None,
) -> list[tuple[str, str]]:
    """Return (vendor, currency) that the schedule pays now and has not paid today.

    weekdays: whose weekly schedules are due. currency: in which minima are. currencies: that can be paid; None: all.
    """
    rows = await tx.fetch(
        _DUE,
        cooling,
        now,
        now.date(),
        usual.schedule,
        usual.weekday,
        usual.minimum,
        weekdays,
        at_most,
        currency,
        currencies,
    )
    return [(row["owner"], row["currency"]) for row in rows]


async def last_run(tx: Tx) -> date | None:
    """Return the day on which all that the schedule paid was looked at last."""
    return await tx.fetchval("SELECT last_day FROM payout_run")  # type: ignore[no-any-return]


async def note_run(tx: Tx, day: date) -> None:
    """Keep that all of a day was looked at."""
    await tx.execute(
        "INSERT INTO payout_run AS r (last_day) VALUES ($1)"
        " ON CONFLICT (one) DO UPDATE SET last_day = greatest(r.last_day, excluded.last_day)",
        day,
    )


async def scheduled_today(tx: Tx, account_ids: Sequence[int], day: date) -> set[int]:
    """Return the accounts that the schedule has paid out on `day`. Call it with their balances locked."""
    sql = "SELECT account_id FROM payout WHERE account_id = ANY($1::int[]) AND scheduled_for = $2"
    return {row["account_id"] for row in await tx.fetch(sql, list(account_ids), day)}


async def covered_until(tx: Tx, account_ids: Sequence[int]) -> dict[int, Coverage]:
    """Return what the last payout of each account covers. Call it with their balances locked."""
    return {row["account_id"]: Coverage(*row[1:]) for row in await tx.fetch(_COVERED, list(account_ids))}


async def insert_payouts(tx: Tx, payouts: Sequence[Payout]) -> None:
    names = ", ".join(Payout.__struct_fields__)
    await tx.execute(
        f"INSERT INTO payout ({names}) SELECT {names} FROM jsonb_populate_recordset(NULL::payout, $1)",
        [msgspec.structs.asdict(payout) for payout in payouts],
    )


async def save_payouts(tx: Tx, payouts: Sequence[Payout]) -> None:
    """Write locked payouts back."""
    sets = ", ".join(f"{name} = u.{name}" for name in _CHANGING)
    await tx.execute(
        f"UPDATE payout p SET {sets} FROM jsonb_populate_recordset(NULL::payout, $1) u WHERE p.id = u.id",
        [msgspec.structs.asdict(payout) for payout in payouts],
    )


async def claim_payouts(tx: Tx, now: datetime, lease: float, cooling: float, at_most: int) -> list[tuple[Payout, str]]:
    """Claim up to `at_most` due payouts for `lease` seconds; with what is to be done: `send` or `lookup`."""
    rows = await tx.fetch(_CLAIM, cooling, now, now + timedelta(seconds=lease), at_most)
    return [(_payout(row), row["todo"]) for row in rows]


async def lock_payouts(tx: Tx, ids: Sequence[str], vendors: Sequence[str] | None = None) -> dict[str, Payout]:
    """Lock payouts, in the order of their ids; vendors: only theirs, None: of all."""
    sql = (
        f"SELECT {_COLUMNS} FROM payout p WHERE p.id = ANY($1::text[])"
        " AND ($2::text[] IS NULL OR p.vendor_id = ANY($2)) ORDER BY p.id FOR UPDATE"
    )
    return {row["id"]: _payout(row) for row in await tx.fetch(sql, list(ids), vendors)}


async def lock_for_file(
    tx: Tx, now: datetime, cooling: float, gateway: str, currency: str, at_most: int
) -> list[Payout]:
    """Lock the payouts that can go into a file now, oldest first."""
    rows = await tx.fetch(_READY_FOR_FILE, cooling, now, gateway, currency, at_most)
    return [_payout(row) for row in rows]


_OVERDUE = f"""
UPDATE payout p SET overdue_at = $1, version = version + 1
WHERE id IN (SELECT id FROM payout WHERE status IN ('awaiting_approval', 'created', 'submitted') AND created_at <= $2
               AND overdue_at IS NULL ORDER BY created_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING {_COLUMNS}
"""


async def note_overdue(tx: Tx, now: datetime, before: datetime, at_most: int) -> list[Payout]:
    """Note open payouts made before `before` as overdue, each once; returns them."""
    return [_payout(row) for row in await tx.fetch(_OVERDUE, now, before, at_most)]


def _payout(row: Record) -> Payout:
    payout = Payout(**{name: row[name] for name in Payout.__struct_fields__})
    payout.status = Status(payout.status)
    return payout
