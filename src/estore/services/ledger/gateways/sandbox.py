"""A bank that moves no money, with its own books (tables `sandbox_transfer`, `sandbox_notice`; nobody else's).

It misbehaves by the last four digits of the IBAN, or else by a word in the name of the account's holder:

| digits | word      | what happens |
| ------ | --------- | ------------ |
|        |           | pays at once |
| 9001   | slow      | takes it, pays after `slow_seconds`; a look-up or a notice tells |
| 9002   | timeout   | pays at once, but its answer never comes |
| 9003   | refused   | refuses: `AC04`, the account is closed |
| 9004   | returned  | pays at once; the money comes back after `return_seconds`: `AC04` |
| 9005   | duplicate | pays at once, and tells it twice again by notice |
| 9006   | lost      | never hears of the first call, which hangs; a later one is paid at once |
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from estore.kit.clock import Clock
from estore.kit.db import Database, Record
from estore.kit.ids import new_id
from estore.services.ledger.domain.payouts import Finding, Found
from estore.services.ledger.gateways.bank import Notice
from estore.services.ledger.service.banks import Destination
from estore.services.ledger.service.payouts import Transfer

MOODS = {
    "9001": "slow",
    "9002": "timeout",
    "9003": "refused",
    "9004": "returned",
    "9005": "duplicate",
    "9006": "lost",
}
CLOSED = "AC04"
"""ISO 20022 external status reason code: the account is closed."""
_HANG_SECONDS = 3600.0
_STATUS = {"slow": "processing", "refused": "refused"}
_ENTER = """
WITH entered AS (
    INSERT INTO sandbox_transfer (key, id, amount, currency, mood, status, code, next_at, created_at, paid_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, CASE WHEN $6 = 'paid' THEN $9::timestamptz END)
    ON CONFLICT (key) DO NOTHING RETURNING *
), told AS (
    INSERT INTO sandbox_notice (id, key, told, code, at)
    SELECT n, key, status, code, $9 FROM entered, unnest($10::text[]) AS n
)
SELECT * FROM entered UNION ALL SELECT * FROM sandbox_transfer WHERE key = $1 LIMIT 1
"""
_RIPEN = """
WITH ripe AS (
    UPDATE sandbox_transfer SET
        status = CASE status WHEN 'processing' THEN 'paid' ELSE 'returned' END,
        code = CASE status WHEN 'processing' THEN '' ELSE $2 END,
        paid_at = coalesce(paid_at, next_at), next_at = NULL
    WHERE key IN (SELECT key FROM sandbox_transfer WHERE next_at <= $1 ORDER BY next_at LIMIT 500
                  FOR UPDATE SKIP LOCKED)
    RETURNING *
)
INSERT INTO sandbox_notice (id, key, told, code, at)
SELECT 'ntc_' || key || '_' || status, key, status, code, $1 FROM ripe ON CONFLICT DO NOTHING
"""


class SandboxBankSettings(msgspec.Struct, frozen=True):
    slow_seconds: float = 30.0
    return_seconds: float = 120.0


class SandboxBank:
    """See the module's table."""

    name = "sandbox"

    def __init__(self, db: Database, clock: Clock, settings: SandboxBankSettings) -> None:
        self._db = db
        self._clock = clock
        self._settings = settings
        self._lost: set[str] = set()

    async def send(self, transfer: Transfer) -> Finding:
        mood = mood_of(transfer.to)
        if mood == "lost" and transfer.key not in self._lost:
            self._lost.add(transfer.key)
            await asyncio.sleep(_HANG_SECONDS)
        status = _STATUS.get(mood, "paid")
        now = self._clock.now()
        after = {"slow": self._settings.slow_seconds, "returned": self._settings.return_seconds}.get(mood)
        notices = [new_id("ntc") for _ in range(2)] if mood == "duplicate" else []
        async with self._db.statement() as tx:
            row = await tx.fetchrow(
                _ENTER,
                transfer.key,
                new_id("sbt"),
                transfer.amount,
                transfer.currency,
                mood,
                status,
                CLOSED if status == "refused" else "",
                now + timedelta(seconds=after) if after is not None else None,
                now,
                notices,
            )
        if mood == "timeout":
            await asyncio.sleep(_HANG_SECONDS)
        return Finding(transfer.key, Found.UNKNOWN) if row is None else _finding(row)

    async def lookup(self, transfer: Transfer) -> Finding:
        async with self._db.read() as tx:
            row = await tx.fetchrow("SELECT * FROM sandbox_transfer WHERE key = $1", transfer.key)
        return Finding(transfer.key, Found.NOT_FOUND) if row is None else _finding(row)

    async def notices(self, at_most: int) -> Sequence[Notice]:
        async with self._db.read() as tx:
            rows = await tx.fetch("SELECT id, key, told, code, at FROM sandbox_notice ORDER BY id LIMIT $1", at_most)
        return [Notice(r["id"], Finding(r["key"], Found(r["told"]), code=r["code"], at=r["at"])) for r in rows]

    async def took(self, ids: Sequence[str]) -> None:
        async with self._db.statement() as tx:
            await tx.execute("DELETE FROM sandbox_notice WHERE id = ANY($1::text[])", list(ids))

    async def tick(self) -> None:
        """Let time do its work: what is slow is paid, what is to be returned comes back."""
        async with self._db.statement() as tx:
            await tx.execute(_RIPEN, self._clock.now(), CLOSED)


def mood_of(to: Destination) -> str:
    """Return how the bank treats an account; empty: well."""
    if (mood := MOODS.get(to.iban[-4:])) is not None:
        return mood
    words = to.holder.lower().split()
    return next((mood for mood in MOODS.values() if mood in words), "")


def _finding(row: Record) -> Finding:
    at: datetime | None = row["paid_at"] if row["status"] == "paid" else None
    return Finding(row["key"], Found(row["status"]), row["id"], row["code"], at)
