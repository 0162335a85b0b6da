"""The sandbox's books: what a provider would keep on its own servers. Tables `sandbox_*`, touched by nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from estore.kit.db import Database
from estore.kit.errors import NotFound
from estore.kit.ids import new_id


class ActionGone(NotFound):
    code, title = "payments.action_not_found", "There is nothing to act on here"


class Charge(msgspec.Struct, frozen=True):
    """A row of the books. key: the client's idempotency key, one charge each. complete_at: when `processing` ends.
    later_at: when something happens to a captured charge by itself."""

    id: str
    key: str
    order_id: str
    amount: int
    currency: str
    method: str
    status: str
    code: str = ""
    complete_at: datetime | None = None
    later_at: datetime | None = None


class Webhook(msgspec.Struct, frozen=True):
    """One delivery of an event; an event may be delivered several times."""

    id: str
    event_id: str
    body: bytes
    due_at: datetime
    tries: int = 0
    charge_id: str = ""


_COLUMNS = "id, key, order_id, amount, currency, method, status, code, complete_at, later_at"
# ON CONFLICT DO UPDATE, so that the row of an earlier call with the same key is returned like a new one. Only a new
# row has the id that this call proposed, so only a new charge sends webhooks.
_PUT = f"""
WITH charge AS (
    INSERT INTO sandbox_charge ({_COLUMNS}, captured, captured_at, created_at)
    SELECT u.*, CASE WHEN u.status = 'captured' THEN u.amount ELSE 0 END,
           CASE WHEN u.status = 'captured' THEN $11::timestamptz END, $11
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[],
                $9::timestamptz[], $10::timestamptz[]) AS u ({_COLUMNS})
    ON CONFLICT (key) DO UPDATE SET status = CASE
        WHEN excluded.status = 'voided' AND sandbox_charge.status IN ('processing', 'requires_action') THEN 'voided'
        ELSE sandbox_charge.status END
    RETURNING {_COLUMNS}
), hook AS (
    INSERT INTO sandbox_webhook (id, event_id, body, due_at, created_at)
    SELECT h.id, h.event_id, h.body, h.due_at, $11
    FROM unnest($12::text[], $13::text[], $14::bytea[], $15::timestamptz[], $16::text[])
      AS h (id, event_id, body, due_at, charge_id)
    JOIN charge ON charge.id = h.charge_id
    ON CONFLICT DO NOTHING
)
SELECT {_COLUMNS} FROM charge
"""
# A charge that is no longer open completes nothing and sends nothing.
_COMPLETE = f"""
WITH done AS (
    UPDATE sandbox_charge SET status = $2, code = $3, captured = CASE WHEN $2 = 'captured' THEN amount ELSE 0 END,
        captured_at = CASE WHEN $2 = 'captured' THEN $8::timestamptz END
    WHERE id = $1 AND status = ANY($4::text[]) RETURNING {_COLUMNS}
), hook AS (
    INSERT INTO sandbox_webhook (id, event_id, body, due_at, created_at)
    SELECT $5, $6, $7, $8, $8 FROM done
    ON CONFLICT DO NOTHING)
SELECT {_COLUMNS} FROM done
"""
_REFUND = """
WITH moved AS (
    UPDATE sandbox_charge SET refunded = refunded + $3
    WHERE key = $2 AND captured - refunded - disputed >= $3 AND NOT EXISTS (SELECT 1 FROM sandbox_refund WHERE key = $1)
    RETURNING id)
INSERT INTO sandbox_refund (key, id, charge_id, amount, created_at)
SELECT $1, $4, id, $3, $5 FROM moved
RETURNING id
"""
_CLAIM_WEBHOOKS = """
UPDATE sandbox_webhook SET due_at = $2, tries = tries + 1
WHERE id IN (SELECT id FROM sandbox_webhook WHERE due_at <= $1 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING id, event_id, body, due_at, tries
"""
_CLOSE_WEBHOOKS = """
UPDATE sandbox_webhook w SET due_at = u.due_at, delivered_at = CASE WHEN u.delivered THEN $4::timestamptz END
FROM unnest($1::text[], $2::timestamptz[], $3::boolean[]) AS u (id, due_at, delivered) WHERE w.id = u.id
"""


class Books:
    """Reads and writes the books, each call one statement that is its own transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def put(self, charges: Sequence[Charge], webhooks: Sequence[Webhook], now: datetime) -> dict[str, Charge]:
        """Enter charges, or voids, by key, and the webhooks that tell of them. Returns what the books hold, by key.

        An open charge is voided by an entry `voided`; otherwise the first entry of a key stays.
        """
        charges = sorted({c.key: c for c in charges}.values(), key=lambda c: c.key)
        columns = [[getattr(c, f) for c in charges] for f in Charge.__struct_fields__]
        hooks = [[getattr(w, f) for w in webhooks] for f in ("id", "event_id", "body", "due_at", "charge_id")]
        async with self._db.statement() as tx:
            return {row["key"]: Charge(*row) for row in await tx.fetch(_PUT, *columns, now, *hooks)}

    async def find(self, keys: Sequence[str]) -> dict[str, Charge]:
        """Return the charges with these keys."""
        async with self._db.read() as tx:
            rows = await tx.fetch(f"SELECT {_COLUMNS} FROM sandbox_charge WHERE key = ANY($1::text[])", list(keys))
        return {row["key"]: Charge(*row) for row in rows}

    async def by_id(self, charge_id: str) -> Charge:
        """Return one charge. Raises ActionGone."""
        async with self._db.read() as tx:
            row = await tx.fetchrow(f"SELECT {_COLUMNS} FROM sandbox_charge WHERE id = $1", charge_id)
        if row is None:
            raise ActionGone
        return Charge(*row)

    async def complete(self, charge: Charge, while_in: str, webhook: Webhook) -> bool:
        """Make `charge` what it says, if it still is `while_in`, and queue the webhook that tells. Returns whether."""
        async with self._db.statement() as tx:
            row = await tx.fetchrow(
                _COMPLETE,
                charge.id,
                charge.status,
                charge.code,
                [while_in],
                webhook.id,
                webhook.event_id,
                webhook.body,
                webhook.due_at,
            )
        return row is not None

    async def ripe(self, now: datetime, at_most: int) -> list[Charge]:
        """Return charges in processing whose time has come."""
        sql = f"SELECT {_COLUMNS} FROM sandbox_charge WHERE status = 'processing' AND complete_at <= $1 LIMIT $2"
        async with self._db.read() as tx:
            return [Charge(*row) for row in await tx.fetch(sql, now, at_most)]

    async def refund(self, key: str, charge_key: str, amount: int, now: datetime) -> str | None:
        """Give back a part of a charge; returns the refund's id, None for more than is left or a key used before."""
        async with self._db.statement() as tx:
            return await tx.fetchval(_REFUND, key, charge_key, amount, new_id("sbr"), now)  # type: ignore[no-any-return]

    async def refund_of(self, key: str) -> str | None:
        """Return the id of the refund with this key."""
        async with self._db.read() as tx:
            return await tx.fetchval("SELECT id FROM sandbox_refund WHERE key = $1", key)  # type: ignore[no-any-return]

    async def claim_webhooks(self, now: datetime, lease: float, at_most: int) -> list[Webhook]:
        """Claim due deliveries for `lease` seconds."""
        async with self._db.statement() as tx:
            rows = await tx.fetch(_CLAIM_WEBHOOKS, now, now + timedelta(seconds=lease), at_most)
        return sorted((Webhook(*row) for row in rows), key=lambda w: w.id)

    async def forget_webhooks(self, before: datetime) -> None:
        """Delete deliveries that were done with before `before`."""
        async with self._db.statement() as tx:
            await tx.execute("DELETE FROM sandbox_webhook WHERE due_at IS NULL AND created_at < $1", before)

    async def close_webhooks(self, done: Sequence[tuple[str, datetime | None, bool]], now: datetime) -> None:
        """Note (delivery, when to try again or never, whether it was delivered)."""
        ids, due, delivered = (list(column) for column in zip(*done, strict=True))
        async with self._db.statement() as tx:
            await tx.execute(_CLOSE_WEBHOOKS, ids, due, delivered, now)
