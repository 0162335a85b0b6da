"""Use cases of imports: take a file, look at its progress, cancel it, tidy up."""

from __future__ import annotations

from datetime import timedelta

from estore.kit.context import Context
from estore.kit.db import Record, Tx
from estore.kit.http.pages import CursorInvalid, Page, cursor_of, decode_cursor
from estore.kit.ids import new_id
from estore.services.catalog import store
from estore.services.catalog.domain import FileEmpty, ImportFinished, ImportNotFound
from estore.services.catalog.service.products import vendor_of
from estore.services.catalog.service.reading import everything, is_id, readable, writable
from estore.services.catalog.service.shapes import (
    ImportErrorOut,
    ImportOut,
    Nothing,
    Pages,
    Piece,
    StartImport,
)

KEEP_JOBS = timedelta(days=90)
KEEP_COMPLETE = timedelta(minutes=10)
KEEP_PARTS = timedelta(hours=6)


async def may_import(tx: Tx, ctx: Context, vendor_id: str | None) -> str:
    """Return the vendor for which the caller imports, before any of the file is read."""
    return await vendor_of(tx, ctx, vendor_id)


async def receive_piece(tx: Tx, ctx: Context, request: Piece) -> Nothing:
    """Keep one piece of a file. Pieces have transactions of their own: a slow sender holds no connection."""
    await store.imports.add_piece(tx, request.upload_id, request.number, request.data, ctx.now)
    return Nothing()


async def start_import(tx: Tx, ctx: Context, request: StartImport) -> ImportOut:
    """Queue an import of a file whose pieces are all there. Raises FileEmpty."""
    if not request.size or not await store.imports.end_upload(tx, request.upload_id, request.size, request.sha256):
        raise FileEmpty()
    import_id = new_id("imp")
    await store.imports.create_job(
        tx,
        {
            "id": import_id,
            "vendor_id": request.vendor_id,
            "account_id": ctx.principal.account_id,
            "upload_id": request.upload_id,
            "format": request.format,
            "dry_run": request.dry_run,
            "may_categorise": everything(ctx.principal),
            "created_at": ctx.now,
        },
    )
    return await get_import(tx, ctx, import_id)


def _visible(ctx: Context) -> list[str] | None:
    return None if everything(ctx.principal) else readable(ctx.principal)


async def get_import(tx: Tx, ctx: Context, import_id: str) -> ImportOut:
    """Return an import of one of the caller's vendors. Raises ImportNotFound."""
    row = await store.imports.job(tx, import_id, _visible(ctx)) if is_id(import_id, "imp_") else None
    if row is None:
        raise ImportNotFound()
    return import_out(row)


def import_out(row: Record) -> ImportOut:
    return ImportOut(**{name: row[name] for name in ImportOut.__struct_fields__})


async def list_imports(tx: Tx, ctx: Context, request: Pages) -> Page[ImportOut]:
    """Return the caller's imports, newest first."""
    keys = decode_cursor(request.cursor, str)
    if keys is not None and not is_id(keys[0], "imp_"):
        raise CursorInvalid("start again without a cursor")
    rows = await store.imports.jobs(tx, _visible(ctx), keys[0] if keys else None, request.limit + 1)
    data = [import_out(row) for row in rows[: request.limit]]
    return Page(data, cursor_of(data[-1].id) if len(rows) > request.limit else None)


async def import_errors(tx: Tx, ctx: Context, request: Pages) -> Page[ImportErrorOut]:
    """Return what was wrong with which rows, in the order of the file."""
    await get_import(tx, ctx, request.of)
    line, number = decode_cursor(request.cursor, int, int) or (-1, 0)
    if not (-1 <= line < 2**31 and 0 <= number < 2**31):
        raise CursorInvalid("start again without a cursor")
    rows = await store.imports.errors(tx, request.of, (line, number), request.limit + 1)
    data = [ImportErrorOut(row=r.line, field=r.field, code=r.code, detail=r.detail) for r in rows[: request.limit]]
    if len(rows) <= request.limit:
        return Page(data)
    last = rows[request.limit - 1]
    return Page(data, cursor_of(last.line, last.number))


async def cancel_import(tx: Tx, ctx: Context, import_id: str) -> ImportOut:
    """Stop an import after its current chunk; what is done stays. Raises ImportFinished, ImportNotFound."""
    if not is_id(import_id, "imp_"):
        raise ImportNotFound()
    cancelled = await store.imports.cancel(tx, import_id, writable(ctx.principal), ctx.now)
    found = await get_import(tx, ctx, import_id)
    if not cancelled and found.status != "cancelled":
        raise ImportFinished(f"it is {found.status}")
    return found


async def tidy_imports(tx: Tx, ctx: Context, request: None) -> Nothing:
    """Delete files that nobody needs any more, and imports that ended long ago."""
    await store.imports.delete_uploads(tx, ctx.now - KEEP_COMPLETE, ctx.now - KEEP_PARTS)
    await store.imports.delete_jobs(tx, ctx.now - KEEP_JOBS)
    return Nothing()
