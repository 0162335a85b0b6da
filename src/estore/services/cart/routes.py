"""HTTP in: /v1/carts."""

from __future__ import annotations

import hashlib
import zlib
from typing import Annotated, Any

import msgspec
from litestar import Request, Response
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import HeaderParameter

from estore.kit import http
from estore.kit.context import Context
from estore.kit.money import Money
from estore.services.cart.endpoints import Endpoints
from estore.services.cart.service import CartView, Key, LineView, PutLine, RemoveLine, SetQuantity

Req = Request[Any, Any, Any]
Secret = Annotated[
    str | None,
    HeaderParameter(
        name="Cart-Secret", max_length=200, description="Opens a guest's cart; POST /v1/carts tells it once"
    ),
]
TAGS = ["carts"]


class CreatedCart(msgspec.Struct, frozen=True):
    """A cart to fill. secret: for the header Cart-Secret, told only here; null for an account's cart."""

    id: str
    secret: str | None
    lines: list[LineView]
    subtotal: Money
    version: int


def routes(e: Endpoints) -> list[Any]:
    """Return cart's routes."""
    return [*_carts(e), *_lines(e)]


def _carts(e: Endpoints) -> list[Any]:
    existing = ResponseSpec(CreatedCart, description="The cart that your account has already", generate_examples=False)

    @http.post("/v1/carts", e.create, responses={200: existing}, tags=TAGS, summary="Get a cart")
    async def create(request: Req) -> Response[CreatedCart]:
        """A guest gets a new cart and its secret. An account gets its one cart: 201 when it is new, else 200."""
        ctx = await http.context(request)
        _bind_key(ctx, request)
        made = await e.create(ctx, None)
        body = CreatedCart(made.id, made.secret, made.lines, made.subtotal, made.version)
        location = f"/v1/carts/{made.id}"
        status = 201 if made.created else 200
        return http.respond(request, ctx, body, status=status, version=made.version, location=location)

    @http.get("/v1/carts/{cart_id:str}", e.read, tags=TAGS, summary="Look into a cart")
    async def read(request: Req, cart_id: str, secret: Secret = None) -> Response[CartView]:
        """Every line at what it costs now. A cart that is not yours is a 404, and so is a wrong secret."""
        ctx = await http.context(request)
        return _answer(request, ctx, await e.read(ctx, Key(cart_id, secret)))

    @http.post("/v1/carts/{cart_id:str}/claim", e.claim, status=200, tags=TAGS, summary="Keep a guest's cart")
    async def claim(request: Req, cart_id: str, secret: Secret = None) -> Response[CartView]:
        """After signing in: moves the lines of the guest's cart into your own, which is the answer.

        Quantities of the same SKU are added up. Claiming again changes nothing.
        """
        ctx = await http.context(request)
        return _answer(request, ctx, await e.claim(ctx, Key(cart_id, secret)))

    return [create, read, claim]


def _lines(e: Endpoints) -> list[Any]:
    @http.put("/v1/carts/{cart_id:str}/lines/{sku:str}", e.put_line, errors=(409, 412), tags=TAGS, summary="Set a line")
    async def put_line(
        request: Req, cart_id: str, sku: str, data: SetQuantity, secret: Secret = None
    ) -> Response[CartView]:
        """Sets how many pieces are wanted; 0 takes the line out. The answer is the whole cart.

        409 `cart.not_enough_stock` carries `available` when few pieces are left; 409 `cart.full` past 100 lines;
        422 `cart.not_for_sale` for a SKU that is unknown or not for sale. If-Match is looked at when it is sent.
        """
        ctx = await http.context(request)
        return _answer(request, ctx, await e.put_line(ctx, PutLine(Key(cart_id, secret), sku, data.quantity)))

    @http.delete(
        "/v1/carts/{cart_id:str}/lines/{sku:str}",
        e.remove_line,
        status=200,
        errors=(412,),
        tags=TAGS,
        summary="Take a line out",
    )
    async def remove_line(request: Req, cart_id: str, sku: str, secret: Secret = None) -> Response[CartView]:
        """The answer is the whole cart; a line that is not there is fine."""
        ctx = await http.context(request)
        return _answer(request, ctx, await e.remove_line(ctx, RemoveLine(Key(cart_id, secret), sku)))

    @http.delete("/v1/carts/{cart_id:str}/lines", e.clear, status=200, errors=(412,), tags=TAGS, summary="Empty a cart")
    async def clear(request: Req, cart_id: str, secret: Secret = None) -> Response[CartView]:
        """The answer is the empty cart."""
        ctx = await http.context(request)
        return _answer(request, ctx, await e.clear(ctx, Key(cart_id, secret)))

    return [put_line, remove_line, clear]


def _answer(request: Req, ctx: Context, view: CartView) -> Response[CartView]:
    # Prices and availability change without the cart: the ETag must tell, though If-Match is about the cart alone.
    return http.respond(request, ctx, view, version=view.version, revision=zlib.crc32(msgspec.json.encode(view)))


def _bind_key(ctx: Context, request: Req) -> None:
    """Tie a guest's key to where it came from: guests share one scope, and the answer holds a secret."""
    if ctx.key is not None and ctx.principal.account_id is None:
        caller = f"{ctx.client}\n{request.headers.get('user-agent', '')}".encode()
        ctx.fingerprint = hashlib.sha256(ctx.fingerprint + caller).digest()
