"""Forgets what has served its time: published events, answered keys.

Prevents: an outbox that grows until it is the largest table of the store.
"""

from __future__ import annotations

from estore.kit.db import Database
from estore.kit.service import Job

OUTBOX_DAYS = 7
ONCE_DAYS = 30
CHUNK = 5_000

_PURGES = (
    "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE published_at < now() - make_interval(days => $1)"
    " ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)",
    "DELETE FROM once WHERE (scope, key) IN (SELECT scope, key FROM once"
    " WHERE created_at < now() - make_interval(days => $1) LIMIT $2 FOR UPDATE SKIP LOCKED)",
)


async def purge(db: Database) -> None:
    """Delete published events older than OUTBOX_DAYS and keys older than ONCE_DAYS, in chunks."""
    for sql, days in zip(_PURGES, (OUTBOX_DAYS, ONCE_DAYS), strict=True):
        while True:
            async with db.read() as tx:
                done = await tx.execute(sql, days, CHUNK)
            if int(done.split()[-1]) < CHUNK:
                break


def purge_job(db: Database) -> Job:
    """Return the job that purges once an hour."""
    return Job("purge", 3600.0, lambda: purge(db))
