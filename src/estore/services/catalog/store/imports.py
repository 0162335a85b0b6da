"""SQL of uploads and import jobs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from estore.kit.db import Record, Tx
from estore.services.catalog.store.products import Vendors

CLAIM_SECONDS = 20


class RowError(msgspec.Struct, frozen=True, kw_only=True):
    """line: where the record begins in the file. field: JSON pointer or CSV column; empty for the whole record."""

    line: int
    number: int
    field: str
    code: str
    detail: str


class Counts(msgspec.Struct, kw_only=True):
    """What became of the records of one chunk."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    failed: int = 0

    @property
    def done(self) -> int:
        return self.created + self.changed + self.unchanged + self.failed


# --- uploads ------------------------------------------------------------------------------------------------


async def add_piece(tx: Tx, upload_id: str, number: int, data: bytes, now: datetime) -> None:
    """Keep one piece of a file; the first one makes the upload."""
    if number == 0:
        await tx.execute("INSERT INTO upload (id, created_at) VALUES ($1, $2)", upload_id, now)
    await tx.execute("INSERT INTO upload_piece (upload_id, number, data) VALUES ($1, $2, $3)", upload_id, number, data)


async def end_upload(tx: Tx, upload_id: str, size: int, sha256: bytes) -> bool:
    """Note that a file is complete; False when there is none."""
    done = await tx.execute("UPDATE upload SET size = $2, sha256 = $3 WHERE id = $1", upload_id, size, sha256)
    return done == "UPDATE 1"


async def piece(tx: Tx, upload_id: str, number: int) -> bytes | None:
    """Return one piece of a file, None past its end."""
    data: bytes | None = await tx.fetchval(
        "SELECT data FROM upload_piece WHERE upload_id = $1 AND number = $2", upload_id, number
    )
    return data


async def delete_uploads(tx: Tx, complete_before: datetime, any_before: datetime, limit: int = 10) -> None:
    """Delete files that no open import needs: of cancelled imports and repeated requests, and what never ended."""
    await tx.execute(
        "DELETE FROM upload WHERE id IN (SELECT u.id FROM upload u"
        " WHERE u.created_at < CASE WHEN u.sha256 IS NULL THEN $2::timestamptz ELSE $1::timestamptz END"
        " AND NOT EXISTS (SELECT 1 FROM import_job j WHERE j.upload_id = u.id AND j.status IN ('queued', 'running'))"
        " ORDER BY u.created_at LIMIT $3 FOR UPDATE SKIP LOCKED)",
        complete_before,
        any_before,
        limit,
    )


# --- jobs ---------------------------------------------------------------------------------------------------

_JOB = """id, vendor_id, account_id, upload_id, format, dry_run, may_categorise, status, detail, total, done, created,
changed, unchanged, failed, version, created_at, finished_at"""


async def create_job(tx: Tx, job: dict[str, object]) -> None:
    """Queue an import."""
    await tx.execute(
        "INSERT INTO import_job (id, vendor_id, account_id, upload_id, format, dry_run, may_categorise, status,"
        " created_at) SELECT id, vendor_id, account_id, upload_id, format, dry_run, may_categorise, 'queued',"
        " created_at FROM jsonb_to_record($1) AS r (id text, vendor_id text, account_id text, upload_id text,"
        " format text, dry_run boolean, may_categorise boolean, created_at timestamptz)",
        job,
    )


async def job(tx: Tx, import_id: str, vendors: Vendors) -> Record | None:
    """Return an import that the caller may see."""
    return await tx.fetchrow(
        f"SELECT {_JOB} FROM import_job WHERE id = $1 AND ($2::text[] IS NULL OR vendor_id = ANY($2))",
        import_id,
        vendors,
    )


async def jobs(tx: Tx, vendors: Vendors, before: str | None, limit: int) -> list[Record]:
    """Return imports that the caller may see, newest first."""
    return await tx.fetch(
        f"SELECT {_JOB} FROM import_job WHERE ($1::text[] IS NULL OR vendor_id = ANY($1))"
        " AND ($2::text IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
        vendors,
        before,
        limit,
    )


async def errors(tx: Tx, import_id: str, after: tuple[int, int], limit: int) -> list[RowError]:
    """Return the errors of an import past (line, number)."""
    rows = await tx.fetch(
        "SELECT line, number, field, code, detail FROM import_error WHERE import_id = $1 AND (line, number) > ($2, $3)"
        " ORDER BY line, number LIMIT $4",
        import_id,
        *after,
        limit,
    )
    return [RowError(**dict(row)) for row in rows]


async def cancel(tx: Tx, import_id: str, vendors: Vendors, now: datetime) -> bool:
    """Cancel an open import that the caller may change; what is done stays. False when there is none."""
    done = await tx.execute(
        "UPDATE import_job SET status = 'cancelled', finished_at = $3, version = version + 1 WHERE id = $1"
        " AND ($2::text[] IS NULL OR vendor_id = ANY($2)) AND status IN ('queued', 'running')",
        import_id,
        vendors,
        now,
    )
    return done == "UPDATE 1"


async def claim(tx: Tx) -> Record | None:
    """Take the oldest open import that nobody works on, for CLAIM_SECONDS; each step renews the claim."""
    return await tx.fetchrow(
        "UPDATE import_job SET status = 'running', version = version + 1,"
        f" claimed_until = clock_timestamp() + interval '{CLAIM_SECONDS} seconds'"
        " WHERE id = (SELECT id FROM import_job WHERE status IN ('queued', 'running')"
        " AND (claimed_until IS NULL OR claimed_until < clock_timestamp())"
        f" ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING {_JOB}"
    )


async def renew(tx: Tx, import_id: str) -> bool:
    """Keep the claim while a file is counted; False when the import was cancelled."""
    done = await tx.execute(
        f"UPDATE import_job SET claimed_until = clock_timestamp() + interval '{CLAIM_SECONDS} seconds'"
        " WHERE id = $1 AND status = 'running'",
        import_id,
    )
    return done == "UPDATE 1"


async def counted(tx: Tx, import_id: str, total: int) -> None:
    await tx.execute("UPDATE import_job SET total = $2, version = version + 1 WHERE id = $1", import_id, total)


async def lock_step(tx: Tx, import_id: str, done: int) -> bool:
    """Lock the import for the chunk that begins at record `done`; False when somebody else did it, or it is over."""
    return (
        await tx.fetchval(
            "SELECT 1 FROM import_job WHERE id = $1 AND status = 'running' AND done = $2 FOR UPDATE", import_id, done
        )
        is not None
    )


async def record(tx: Tx, import_id: str, counts: Counts, found: Sequence[RowError]) -> None:
    """Record what became of a chunk, in the transaction that did it."""
    if found:
        await tx.execute(
            "INSERT INTO import_error (import_id, line, number, field, code, detail)"
            " SELECT $1, line, number, field, code, detail FROM jsonb_to_recordset($2)"
            " AS r (line integer, number integer, field text, code text, detail text) ON CONFLICT DO NOTHING",
            import_id,
            list(found),
        )
    await tx.execute(
        "UPDATE import_job SET done = done + $2, created = created + $3, changed = changed + $4,"
        " unchanged = unchanged + $5, failed = failed + $6, version = version + 1,"
        f" claimed_until = clock_timestamp() + interval '{CLAIM_SECONDS} seconds' WHERE id = $1",
        import_id,
        counts.done,
        counts.created,
        counts.changed,
        counts.unchanged,
        counts.failed,
    )


async def finish(tx: Tx, import_id: str, status: str, detail: str | None, now: datetime) -> None:
    """End a running import as `done` or `failed`, and delete its file."""
    await tx.execute(
        "WITH ended AS (UPDATE import_job SET status = $2, detail = $3, finished_at = $4, version = version + 1"
        " WHERE id = $1 AND status = 'running' RETURNING upload_id)"
        " DELETE FROM upload WHERE id IN (SELECT upload_id FROM ended)",
        import_id,
        status,
        detail,
        now,
    )


async def delete_jobs(tx: Tx, before: datetime, limit: int = 20) -> None:
    """Forget imports that ended long ago."""
    await tx.execute(
        "DELETE FROM import_job WHERE id IN (SELECT id FROM import_job WHERE finished_at < $1 LIMIT $2)", before, limit
    )
