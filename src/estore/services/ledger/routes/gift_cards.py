"""HTTP in: /v1/gift-cards."""

from __future__ import annotations

import csv
import io
from typing import Annotated, Any, Literal

from litestar import Request, Response
from litestar.params import QueryParameter

from estore.kit import http
from estore.kit.http.pages import Cursor, Limit, Page
from estore.kit.money import to_major
from estore.services.ledger.endpoints import CreditEndpoints
from estore.services.ledger.service.credit import (
    CardBalance,
    CardView,
    CodeBody,
    CreditLine,
    ListCards,
    ListCredit,
    MakeCard,
    MakeCards,
    NewBatch,
    NewCard,
    Redeemed,
)

Req = Request[Any, Any, Any]
CSV = "text/csv"
COLUMNS = ("id", "code", "amount", "currency", "expires_at")
Spelling = Annotated[Literal["json", "csv"], QueryParameter(name="format", description="How it is written")]
OfBatch = Annotated[
    str | None, QueryParameter(name="batch", max_length=64, pattern=r"^[^\x00]*\Z", description="Only of this batch")
]


def routes(e: CreditEndpoints) -> list[Any]:
    """Return the routes of gift cards."""
    return [*_making(e), *_keeping(e), *_using(e)]


def _making(e: CreditEndpoints) -> list[Any]:
    @http.post("/v1/gift-cards", e.make_card, summary="Issue a gift card")
    async def make_card(request: Req, data: MakeCard) -> Response[NewCard]:
        """The code is shown here only; the same Idempotency-Key shows it again. Operators only."""
        ctx = await http.context(request)
        made = await e.make_card(ctx, data)
        return http.respond(request, ctx, made, location=f"/v1/gift-cards/{made.card.id}")

    @http.post("/v1/gift-cards/batches", e.make_cards, also=(CSV,), summary="Issue many gift cards")
    async def make_cards(request: Req, data: MakeCards, format_: Spelling = "json") -> Response[NewBatch]:
        """Alike but for their codes, which are shown here only, as JSON or CSV. Operators only."""
        ctx = await http.context(request)
        made = await e.make_cards(ctx, data)
        if format_ == "json":
            return http.respond(request, ctx, made, location=f"/v1/gift-cards?batch={made.id}")
        headers = {"content-disposition": f'attachment; filename="gift-cards-{made.id}.csv"'}
        answer: Response[Any] = Response(
            _csv(made), media_type=f"{CSV}; charset=utf-8", headers=headers | (ctx.rate_headers or {})
        )
        return answer

    return [make_card, make_cards]


def _keeping(e: CreditEndpoints) -> list[Any]:
    @http.get("/v1/gift-cards", e.list_cards, summary="List gift cards")
    async def list_cards(
        request: Req, batch: OfBatch = None, limit: Limit = 20, cursor: Cursor = None
    ) -> Response[Page[CardView]]:
        """The newest first, with what is left on them. Operators only."""
        ctx = await http.context(request)
        return http.paged(request, ctx, await e.list_cards(ctx, ListCards(batch, cursor, limit)))

    @http.get("/v1/gift-cards/{card_id:str}", e.get_card, summary="Look at a gift card")
    async def get_card(request: Req, card_id: str) -> Response[CardView]:
        """What is left on it, and what became of it. Operators only."""
        ctx = await http.context(request)
        card = await e.get_card(ctx, card_id)
        return http.respond(request, ctx, card, version=card.version)

    @http.get("/v1/gift-cards/{card_id:str}/lines", e.card_lines, summary="What moved its money")
    async def card_lines(
        request: Req, card_id: str, limit: Limit = 20, cursor: Cursor = None
    ) -> Response[Page[CreditLine]]:
        """Issued, spent, returned, redeemed, expired: the latest first. Operators only."""
        ctx = await http.context(request)
        return http.paged(request, ctx, await e.card_lines(ctx, ListCredit(card_id, cursor, limit)))

    @http.post("/v1/gift-cards/{card_id:str}/disable", e.disable_card, status=200, summary="Disable a gift card")
    async def disable_card(request: Req, card_id: str) -> Response[CardView]:
        """Nobody can use it any more; what is on it stays there. Operators only."""
        ctx = await http.context(request)
        card = await e.disable_card(ctx, card_id)
        return http.respond(request, ctx, card, version=card.version)

    return [list_cards, get_card, card_lines, disable_card]


def _using(e: CreditEndpoints) -> list[Any]:
    @http.post("/v1/gift-cards/balance", e.card_balance, status=200, errors=(404,), summary="What is left on it")
    async def card_balance(request: Req, data: CodeBody) -> Response[CardBalance]:
        """For whoever has the code. Every code that is none is the same 404."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.card_balance(ctx, data), headers={"cache-control": "no-store"})

    @http.post("/v1/gift-cards/redeem", e.redeem_card, status=200, errors=(404,), summary="Redeem a gift card")
    async def redeem_card(request: Req, data: CodeBody) -> Response[Redeemed]:
        """All that is left on it becomes your store credit. 409 for one that is disabled, expired, redeemed or empty;
        `reason` says which."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.redeem_card(ctx, data))

    return [card_balance, redeem_card]


def _csv(made: NewBatch) -> bytes:
    """Return one row per card (RFC 4180). Nothing in it was typed by anybody, so no cell can be a formula."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    until = "" if made.expires_at is None else made.expires_at.isoformat()
    for card in made.cards:
        writer.writerow((card.id, card.code, to_major(made.amount), made.amount.currency, until))
    return out.getvalue().encode()
