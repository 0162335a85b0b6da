"""What happens to captured charges without the shop: the sandbox's books of disputes and of refunds made there."""

from __future__ import annotations

from datetime import datetime

import msgspec

from estore.kit.db import Database
from estore.services.payments.gateways.sandbox.books import Charge, Webhook


class Claimed(msgspec.Struct, frozen=True):
    """A dispute in the books. outcome: what is decided at decide_at. key: of the charge that it is about."""

    id: str
    charge_id: str
    amount: int
    currency: str
    reason: str
    status: str
    outcome: str
    due_at: datetime
    decide_at: datetime
    key: str = ""


_COLUMNS = "d.id, d.charge_id, d.amount, d.currency, d.reason, d.status, d.outcome, d.due_at, d.decide_at, c.key"
_SELECT = f"SELECT {_COLUMNS} FROM sandbox_dispute d JOIN sandbox_charge c ON c.id = d.charge_id"
_HOOK = "INSERT INTO sandbox_webhook (id, event_id, body, due_at, created_at)"
_OPEN = f"""
WITH taken AS (
    UPDATE sandbox_charge SET disputed = disputed + $3, later_at = NULL
    WHERE id = $2 AND later_at IS NOT NULL AND captured - refunded - disputed = $3 RETURNING id
), opened AS (
    INSERT INTO sandbox_dispute (id, charge_id, amount, currency, reason, status, outcome, due_at, decide_at, opened_at)
    SELECT $1, id, $3, $4, $5, $6, $7, $8, $9, $10 FROM taken RETURNING id
)
{_HOOK} SELECT $11, $12, $13, $10, $10 FROM opened RETURNING id
"""
_EVIDENCE = f"""
WITH given AS (
    UPDATE sandbox_dispute SET evidence = $2, status = 'evidence_submitted', outcome = $3, decide_at = $4
    WHERE id = $1 AND closed_at IS NULL AND evidence IS NULL AND due_at > $5 RETURNING id
), hook AS (
    {_HOOK} SELECT $6, $7, $8, $5, $5 FROM given
)
SELECT 1 FROM given UNION ALL SELECT 1 FROM sandbox_dispute WHERE id = $1 AND evidence = $2
"""
_CLOSE = f"""
WITH closed AS (
    UPDATE sandbox_dispute SET status = $2, closed_at = $3
    WHERE id = $1 AND closed_at IS NULL AND decide_at <= $3 AND outcome = $2 RETURNING charge_id, amount
), back AS (
    UPDATE sandbox_charge c SET disputed = c.disputed - closed.amount FROM closed
    WHERE c.id = closed.charge_id AND $2 = 'won'
)
{_HOOK} SELECT $4, $5, $6, $3, $3 FROM closed
"""
_REFUND = f"""
WITH moved AS (
    UPDATE sandbox_charge SET refunded = refunded + $3, later_at = NULL
    WHERE id = $2 AND captured - refunded - disputed >= $3 AND (NOT $4 OR later_at IS NOT NULL) RETURNING id
), refund AS (
    INSERT INTO sandbox_refund (key, id, charge_id, amount, outside, created_at)
    SELECT $1, $1, id, $3, true, $5 FROM moved RETURNING id
)
{_HOOK} SELECT $6, $7, $8, $5, $5 FROM refund RETURNING id
"""


class DisputeBooks:
    """Each call is one statement that is its own transaction, and queues the webhook that tells of it."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def happening(self, now: datetime, at_most: int) -> list[tuple[Charge, int]]:
        """Return charges to which something is to happen now, with what is left of each."""
        columns = ", ".join(Charge.__struct_fields__)
        sql = f"""
            SELECT {columns}, captured - refunded - disputed FROM sandbox_charge
            WHERE later_at <= $1 ORDER BY later_at LIMIT $2
        """
        async with self._db.read() as tx:
            rows = [tuple(row) for row in await tx.fetch(sql, now, at_most)]
        return [(Charge(*row[:-1]), row[-1]) for row in rows]

    async def forgo(self, charge_id: str) -> None:
        """Let nothing happen to a charge of which nothing is left."""
        async with self._db.statement() as tx:
            await tx.execute("UPDATE sandbox_charge SET later_at = NULL WHERE id = $1", charge_id)

    async def open(self, dispute: Claimed, webhook: Webhook, now: datetime) -> bool:
        """Take the money of a dispute, if that much is left; returns whether."""
        row = [getattr(dispute, name) for name in Claimed.__struct_fields__ if name != "key"]
        async with self._db.statement() as tx:
            return await tx.fetchval(_OPEN, *row, now, webhook.id, webhook.event_id, webhook.body) is not None

    async def find(self, dispute_id: str) -> Claimed | None:
        """Return a dispute."""
        async with self._db.read() as tx:
            row = await tx.fetchrow(f"{_SELECT} WHERE d.id = $1", dispute_id)
        return Claimed(*row) if row else None

    async def give_evidence(self, dispute: Claimed, text: str, webhook: Webhook, now: datetime) -> bool:
        """Write evidence down, once; False if it is too late, or another text was given before."""
        hook = (webhook.id, webhook.event_id, webhook.body)
        async with self._db.statement() as tx:
            given = await tx.fetch(_EVIDENCE, dispute.id, text, dispute.outcome, dispute.decide_at, now, *hook)
        return bool(given)

    async def to_decide(self, now: datetime, at_most: int) -> list[Claimed]:
        """Return disputes whose decision is due."""
        sql = f"{_SELECT} WHERE d.closed_at IS NULL AND d.decide_at <= $1 ORDER BY d.decide_at LIMIT $2"
        async with self._db.read() as tx:
            return [Claimed(*row) for row in await tx.fetch(sql, now, at_most)]

    async def close(self, dispute: Claimed, webhook: Webhook, now: datetime) -> None:
        """Decide as was meant; what is won is given back."""
        hook = (webhook.id, webhook.event_id, webhook.body)
        async with self._db.statement() as tx:
            await tx.execute(_CLOSE, dispute.id, dispute.outcome, now, *hook)

    async def refund(
        self, refund_id: str, charge: Charge, amount: int, by_itself: bool, hook: Webhook, now: datetime
    ) -> bool:
        """Give back a part of a charge that the shop did not ask for; False if that much is not left."""
        told = (hook.id, hook.event_id, hook.body)
        async with self._db.statement() as tx:
            return await tx.fetchval(_REFUND, refund_id, charge.id, amount, by_itself, now, *told) is not None
