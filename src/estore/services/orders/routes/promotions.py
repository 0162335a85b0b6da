"""HTTP in: /v1/promotions."""

from __future__ import annotations

import csv
import io
import zlib
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Response
from litestar.params import Parameter, QueryParameter
from litestar.response import Stream

from estore.kit import http
from estore.kit.context import Context
from estore.kit.http.pages import Cursor, Limit, Page
from estore.services.orders.domain.promotions import BatchView, CodeView, PromotionView, Rules, Status
from estore.services.orders.endpoints import Promoting
from estore.services.orders.service.promotions import (
    BatchForm,
    CodeForm,
    ListCodes,
    ListOf,
    ListPromotions,
    OnePromotion,
    PromotionForm,
)

Req = Request[Any, Any, Any]
CSV = "text/csv"
CSV_CHUNK = 5000
COLUMNS = ("code", "max_uses", "uses", "disabled", "created_at")
TAGS = ["promotions"]
StatusFilter = Annotated[Status | None, Parameter(description="Only promotions in this state")]
OfVendor = Annotated[
    str | None,
    QueryParameter(name="vendor", max_length=64, pattern=r"^[^\x00]*\Z", description="Only this vendor's promotions"),
]
OfBatch = Annotated[
    str | None,
    QueryParameter(name="batch", max_length=64, pattern=r"^[^\x00]*\Z", description="Only codes of this batch"),
]
OfCode = Annotated[
    str | None,
    QueryParameter(name="code", max_length=40, pattern=r"^[^\x00]*\Z", description="Only this code, in any case"),
]
Spelling = Annotated[
    Literal["json", "csv"],
    QueryParameter(name="format", description="How it is written: CSV is all of them, whatever limit says"),
]


def routes(e: Promoting) -> list[Any]:
    """Return the routes of promotions."""
    return [*_promotions(e), *_states(e), *_codes(e), *_batches(e)]


def _promotions(e: Promoting) -> list[Any]:
    @http.post("/v1/promotions", e.create, tags=TAGS, summary="Make a promotion")
    async def create(request: Req, data: PromotionForm) -> Response[PromotionView]:
        """For operators, and for a vendor's owners and catalog: theirs is about their own goods, whatever `goods` says,
        and they bear all of it. It applies at once, within its dates; one that is not `automatic` takes a code.

        422 `orders.promotion_names_unknown` points at each SKU, product, vendor, group, method or country that is not
        there; categories may be any.
        """
        ctx = await http.context(request)
        made = await e.create(ctx, data)
        return http.respond(request, ctx, made, status=201, version=made.version, location=f"/v1/promotions/{made.id}")

    @http.get("/v1/promotions", e.list_promotions, tags=TAGS, summary="Promotions")
    async def list_promotions(
        request: Req,
        status: StatusFilter = None,
        vendor: OfVendor = None,
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> Response[Page[PromotionView]]:
        """Those of your vendors, newest first; for operators everybody's."""
        ctx = await http.context(request)
        return http.paged(request, ctx, await e.list_promotions(ctx, ListPromotions(status, vendor, cursor, limit)))

    @http.get("/v1/promotions/{promotion_id:str}", e.show, tags=TAGS, summary="A promotion")
    async def show(request: Req, promotion_id: str) -> Response[PromotionView]:
        """With `uses`: the orders that use it, what it took off them, and who paid for it."""
        ctx = await http.context(request)
        # What If-Match is about is the version; a 304 hides no uses that came and went.
        found = await e.show(ctx, promotion_id)
        uses = zlib.crc32(msgspec.json.encode(found.uses))
        return http.respond(request, ctx, found, version=found.version, revision=uses)

    @http.put("/v1/promotions/{promotion_id:str}", e.change, if_match=True, tags=TAGS, summary="Change a promotion")
    async def change(request: Req, promotion_id: str, data: Rules) -> Response[PromotionView]:
        """Replace its rules, also while it is in use: orders keep what they were given. A limit below what is in use
        already lets nobody else use it."""
        ctx = await http.context(request)
        changed = await e.change(ctx, OnePromotion(promotion_id, data))
        return http.respond(request, ctx, changed, version=changed.version)

    return [create, list_promotions, show, change]


def _states(e: Promoting) -> list[Any]:
    @http.post(
        "/v1/promotions/{promotion_id:str}/pause",
        e.pause,
        status=200,
        if_match=True,
        tags=TAGS,
        summary="Pause a promotion",
    )
    async def pause(request: Req, promotion_id: str) -> Response[PromotionView]:
        """It takes nothing off until it is resumed. Send `If-Match`, or an `Idempotency-Key`."""
        ctx = await http.context(request)
        found = await e.pause(ctx, promotion_id)
        return http.respond(request, ctx, found, version=found.version)

    @http.post(
        "/v1/promotions/{promotion_id:str}/resume",
        e.resume,
        status=200,
        if_match=True,
        tags=TAGS,
        summary="Resume a promotion",
    )
    async def resume(request: Req, promotion_id: str) -> Response[PromotionView]:
        """It applies again, within its dates. Send `If-Match`, or an `Idempotency-Key`."""
        ctx = await http.context(request)
        found = await e.resume(ctx, promotion_id)
        return http.respond(request, ctx, found, version=found.version)

    @http.post(
        "/v1/promotions/{promotion_id:str}/archive",
        e.archive,
        status=200,
        if_match=True,
        tags=TAGS,
        summary="End a promotion",
    )
    async def archive(request: Req, promotion_id: str) -> Response[PromotionView]:
        """For good: it can only be read from then on. Send `If-Match`, or an `Idempotency-Key`."""
        ctx = await http.context(request)
        found = await e.archive(ctx, promotion_id)
        return http.respond(request, ctx, found, version=found.version)

    return [pause, resume, archive]


def _codes(e: Promoting) -> list[Any]:
    @http.post("/v1/promotions/{promotion_id:str}/codes", e.create_code, tags=TAGS, summary="Give it a code")
    async def create_code(request: Req, promotion_id: str, data: CodeForm) -> Response[CodeView]:
        """One that was chosen by hand. No two promotions of the marketplace have the same; case does not count."""
        ctx = await http.context(request)
        made = await e.create_code(ctx, OnePromotion(promotion_id, data))
        return http.respond(
            request, ctx, made, status=201, location=f"/v1/promotions/{promotion_id}/codes?code={made.code}"
        )

    @http.get(
        "/v1/promotions/{promotion_id:str}/codes", e.list_codes, also=(CSV,), tags=TAGS, summary="Codes of a promotion"
    )
    async def list_codes(
        request: Req,
        promotion_id: str,
        batch: OfBatch = None,
        code: OfCode = None,
        format_: Spelling = "json",
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> Response[Page[CodeView]]:
        """In their own order, with how often each is in use. CSV is streamed, however many there are."""
        ctx = await http.context(request)
        if format_ == "csv":
            first = await e.list_codes(ctx, OnePromotion(promotion_id, ListCodes(batch, code, cursor, CSV_CHUNK)))
            headers = {"content-disposition": f'attachment; filename="{batch or promotion_id}.csv"'}
            ask = ListCodes(batch, code, first.next_cursor, CSV_CHUNK)
            stream: Response[Any] = Stream(
                _csv(e, ctx, promotion_id, first, ask),
                media_type=CSV,
                headers=headers | (ctx.rate_headers or {}),
            )
            return stream
        page = await e.list_codes(ctx, OnePromotion(promotion_id, ListCodes(batch, code, cursor, limit)))
        return http.paged(request, ctx, page)

    @http.post(
        "/v1/promotions/{promotion_id:str}/codes/{code:str}/disable",
        e.disable_code,
        status=200,
        tags=TAGS,
        summary="Disable a code",
    )
    async def disable_code(request: Req, promotion_id: str, code: str) -> Response[CodeView]:
        """It takes nothing off any more, for good. Orders that used it keep what they were given."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.disable_code(ctx, OnePromotion(promotion_id, code)))

    return [create_code, list_codes, disable_code]


def _batches(e: Promoting) -> list[Any]:
    @http.post("/v1/promotions/{promotion_id:str}/code-batches", e.create_batch, tags=TAGS, summary="Generate codes")
    async def create_batch(request: Req, promotion_id: str, data: BatchForm) -> Response[BatchView]:
        """Up to 100,000 that cannot be guessed: at least 8 random characters behind the prefix, none that looks like
        another. All of them are there at once, under `codes`; with `&format=csv` as a file."""
        ctx = await http.context(request)
        made = await e.create_batch(ctx, OnePromotion(promotion_id, data))
        place = f"/v1/promotions/{promotion_id}/code-batches/{made.id}"
        return http.respond(request, ctx, made, status=201, location=place)

    @http.get("/v1/promotions/{promotion_id:str}/code-batches", e.list_batches, tags=TAGS, summary="Batches of codes")
    async def list_batches(
        request: Req, promotion_id: str, limit: Limit = 20, cursor: Cursor = None
    ) -> Response[Page[BatchView]]:
        """Newest first."""
        ctx = await http.context(request)
        return http.paged(request, ctx, await e.list_batches(ctx, OnePromotion(promotion_id, ListOf(cursor, limit))))

    @http.get(
        "/v1/promotions/{promotion_id:str}/code-batches/{batch_id:str}",
        e.show_batch,
        tags=TAGS,
        summary="A batch of codes",
    )
    async def show_batch(request: Req, promotion_id: str, batch_id: str) -> Response[BatchView]:
        """What was asked for; `codes` says where the codes are."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.show_batch(ctx, OnePromotion(promotion_id, batch_id)))

    return [create_batch, list_batches, show_batch]


async def _csv(
    e: Promoting, ctx: Context, promotion_id: str, page: Page[CodeView], ask: ListCodes
) -> AsyncIterator[bytes]:
    """Yield a head, the codes of `page`, and then those of the pages behind it, each read by itself."""
    yield _rows([COLUMNS])
    while True:
        yield _rows([tuple(_cell(getattr(code, column)) for column in COLUMNS) for code in page.data])
        if ask.cursor is None:
            return
        page = await e.list_codes(ctx, OnePromotion(promotion_id, ask))
        ask = ListCodes(ask.batch_id, ask.code, page.next_cursor, ask.limit)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(getattr(value, "isoformat", lambda: value)())


def _rows(rows: list[tuple[str, ...]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
