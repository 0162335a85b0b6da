"""What the message tables may forget, and when.

Prevents: tables that grow until their vacuum never ends.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from estore.kit.clock import utc_now
from estore.kit.db import Tx

# Replays and questions about "what happened last week" are answered from the published rows.
OUTBOX_DAYS = 7
# As long as an Idempotency-Key is promised to work; far longer than any queue keeps a message.
ONCE_DAYS = 30
CHUNK = 5000

# The ids sort by time, so the primary key finds the old rows; published_at alone has no index.
_OUTBOX = """
DELETE FROM outbox WHERE id IN (
    SELECT id FROM outbox WHERE id < $1 AND published_at < $2 ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED)
"""
_ONCE = """
DELETE FROM once WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM once WHERE created_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))
"""


class Purged(msgspec.Struct, frozen=True):
    """Rows deleted by one `purge`. `more`: there may be others, call again in a new transaction."""

    outbox: int
    once: int
    more: bool


async def purge(tx: Tx, now: datetime | None = None, chunk: int = CHUNK) -> Purged:
    """Delete published outbox rows and `once` rows that are past their time, `chunk` of each at most.

    now: the time to count back from. Rows that were never published stay, however old. Safe in several processes.
    """
    now = now or utc_now()
    published = now - timedelta(days=OUTBOX_DAYS)
    outbox = _count(await tx.execute(_OUTBOX, _first_id_at(published), published, chunk))
    once = _count(await tx.execute(_ONCE, now - timedelta(days=ONCE_DAYS), chunk))
    return Purged(outbox, once, more=chunk in (outbox, once))


def _first_id_at(moment: datetime) -> UUID:
    """The smallest message id (a ULID: 48 bits of milliseconds, 80 of chance) made at `moment`."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def _count(tag: str) -> int:
    return int(tag.rpartition(" ")[2])
