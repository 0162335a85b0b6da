"""HTTP in: /v1/imports."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

from litestar import Request, Response
from litestar.params import QueryParameter

from estore.kit import http
from estore.kit.http.decoding import UnsupportedMediaType
from estore.kit.http.pages import Cursor, Limit, Page
from estore.kit.ids import new_id
from estore.services.catalog.endpoints import Endpoints
from estore.services.catalog.service import shapes
from estore.services.catalog.service.shapes import ImportErrorOut, ImportOut

Req = Request[Any, Any, Any]
TAGS = ["imports"]
PIECE = 256 * 1024
MEDIA = {
    "jsonl": ("application/jsonl", "application/x-ndjson"),
    "shopify_csv": ("text/csv",),
    "dummyjson": ("application/json",),
}
Form = Annotated[shapes.Format, QueryParameter(name="format", description="What the body is")]
DryRun = Annotated[bool, QueryParameter(name="dry_run", description="Check everything, change nothing")]
VendorId = Annotated[
    str | None,
    QueryParameter(name="vendor_id", max_length=64, pattern=r"^[A-Za-z0-9_]+\Z", description="If you act for several"),
]


def import_routes(e: Endpoints, import_bytes: int) -> list[Any]:
    """Return the routes of imports. import_bytes: the largest file taken."""
    return [_start(e, import_bytes), *_watching(e)]


def _start(e: Endpoints, import_bytes: int) -> Any:
    @http.post(
        "/v1/imports",
        e.start_import,
        status=202,
        tags=TAGS,
        summary="Import a file of products",
        errors=(404, 413, 415, 422),
        request_max_body_size=import_bytes,
        bodies=[kind for kinds in MEDIA.values() for kind in kinds],
    )
    async def start_import(
        request: Req, format: Form, dry_run: DryRun = False, vendor_id: VendorId = None
    ) -> Response[ImportOut]:
        """The file is the body: JSON Lines, Shopify's product CSV, or DummyJSON's list. Begin with `dry_run=true`.

        The answer comes as soon as the file is here; look at `Location` for progress, and at its `/errors`. The
        same file may be sent again at any time: what is as the file says counts as unchanged.
        """
        ctx = await http.context(request, streamed=True)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in MEDIA[format]:
            raise UnsupportedMediaType(f"{format} comes as {' or '.join(MEDIA[format])}, not as {kind or 'nothing'}")
        vendor = await e.may_import(ctx, vendor_id)
        upload_id, size, number = new_id("upl"), 0, 0
        digest = hashlib.sha256()
        waiting = bytearray()
        async for data in request.stream():
            digest.update(data)
            size += len(data)
            waiting += data
            while len(waiting) >= PIECE:
                piece = shapes.Piece(upload_id=upload_id, number=number, data=bytes(waiting[:PIECE]))
                await e.receive_piece(ctx, piece)
                del waiting[:PIECE]
                number += 1
        if waiting:
            await e.receive_piece(ctx, shapes.Piece(upload_id=upload_id, number=number, data=bytes(waiting)))
        ctx.fingerprint = hashlib.sha256(ctx.fingerprint + digest.digest()).digest()
        started = await e.start_import(
            ctx,
            shapes.StartImport(
                vendor_id=vendor,
                format=format,
                dry_run=dry_run,
                upload_id=upload_id,
                size=size,
                sha256=digest.digest(),
            ),
        )
        return http.respond(request, ctx, started, location=f"/v1/imports/{started.id}")

    return start_import


def _watching(e: Endpoints) -> list[Any]:
    @http.get("/v1/imports", e.list_imports, tags=TAGS, summary="Your imports")
    async def list_imports(request: Req, limit: Limit = 20, cursor: Cursor = None) -> Response[Page[ImportOut]]:
        """Newest first."""
        ctx = await http.context(request)
        return http.paged(request, ctx, await e.list_imports(ctx, shapes.Pages(limit=limit, cursor=cursor)))

    @http.get("/v1/imports/{import_id:str}", e.get_import, tags=TAGS, summary="How far an import is")
    async def get_import(request: Req, import_id: str) -> Response[ImportOut]:
        """Its counts grow while it runs; `total` is null until the records are counted."""
        ctx = await http.context(request)
        found = await e.get_import(ctx, import_id)
        return http.respond(request, ctx, found, version=found.version)

    @http.get("/v1/imports/{import_id:str}/errors", e.import_errors, tags=TAGS, summary="What was wrong, row by row")
    async def import_errors(
        request: Req, import_id: str, limit: Limit = 20, cursor: Cursor = None
    ) -> Response[Page[ImportErrorOut]]:
        """In the order of the file. A row with an error was left out as a whole; the others were imported."""
        ctx = await http.context(request)
        page = await e.import_errors(ctx, shapes.Pages(of=import_id, limit=limit, cursor=cursor))
        return http.paged(request, ctx, page)

    @http.post(
        "/v1/imports/{import_id:str}/cancel",
        e.cancel_import,
        status=200,
        tags=TAGS,
        summary="Cancel an import",
        errors=(409,),
    )
    async def cancel_import(request: Req, import_id: str) -> Response[ImportOut]:
        """It stops after the chunk at hand. What has been imported stays."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.cancel_import(ctx, import_id))

    return [list_imports, get_import, import_errors, cancel_import]
