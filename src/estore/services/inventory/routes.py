"""HTTP in: /v1/stock."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, Response
from litestar.params import Parameter

from estore.kit import http
from estore.kit.http.pages import Cursor, Limit, Page
from estore.services.inventory import service
from estore.services.inventory.endpoints import Endpoints
from estore.services.inventory.service import (
    Adjust,
    Availability,
    Location,
    Locations,
    Move,
    MovementAnswer,
    NewLocation,
    Put,
    Receive,
    SetThreshold,
    StockAnswer,
    Threshold,
)

Req = Request[Any, Any, Any]
Vendor = Annotated[str | None, Parameter(max_length=40, description="Only this vendor's stock")]
OneSku = Annotated[str | None, Parameter(max_length=64, description="Only this SKU")]
TAGS = ["stock"]


def routes(e: Endpoints) -> list[Any]:
    """Return inventory's routes."""
    return [*_reading(e), *_changing(e), *_locations(e)]


def _reading(e: Endpoints) -> list[Any]:
    @http.get("/v1/stock/{sku:str}", e.availability, tags=TAGS, summary="How many can be bought")
    async def availability(request: Req, sku: str) -> Response[Availability]:
        """Exact and live: what is on hand minus what is held for orders, over all locations."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.availability(ctx, sku))

    @http.get("/v1/stock", e.list_stock, errors=(404,), tags=TAGS, summary="Stock by location")
    async def list_stock(
        request: Req, vendor: Vendor = None, sku: OneSku = None, limit: Limit = 20, cursor: Cursor = None
    ) -> Response[Page[StockAnswer]]:
        """For members of vendors (owner, fulfilment, catalog): their own SKUs. For operators: everyone's."""
        ctx = await http.context(request)
        return http.paged(request, ctx, await e.list_stock(ctx, service.ListStock(vendor, sku, cursor, limit)))

    @http.get("/v1/stock/{sku:str}/movements", e.list_movements, tags=TAGS, summary="What changed a SKU's stock")
    async def list_movements(
        request: Req, sku: str, limit: Limit = 20, cursor: Cursor = None
    ) -> Response[Page[MovementAnswer]]:
        """Every change of what is on hand, newest first. The deltas of all movements sum to what is there."""
        ctx = await http.context(request)
        return http.paged(request, ctx, await e.list_movements(ctx, service.ListMovements(sku, cursor, limit)))

    return [availability, list_stock, list_movements]


def _changing(e: Endpoints) -> list[Any]:
    @http.post("/v1/stock/{sku:str}/receipts", e.receive, tags=TAGS, summary="Receive pieces")
    async def receive(request: Req, sku: str, data: Receive) -> Response[StockAnswer]:
        """Adds pieces that arrived at a location."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.receive(ctx, Put(sku, data)))

    @http.post("/v1/stock/{sku:str}/adjustments", e.adjust, tags=TAGS, summary="Correct what is on hand")
    async def adjust(request: Req, sku: str, data: Adjust) -> Response[StockAnswer]:
        """Send `delta` (pieces found or lost) or `counted` (what is there), and the reason.

        409 `inventory.below_reserved` when less would be there than is held for orders.
        """
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.adjust(ctx, Put(sku, data)))

    @http.post("/v1/stock/{sku:str}/moves", e.move, tags=TAGS, summary="Move pieces to another location")
    async def move(request: Req, sku: str, data: Move) -> Response[StockAnswer]:
        """Moves free pieces; what is held for orders stays where it is (409 `inventory.below_reserved`)."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.move(ctx, Put(sku, data)))

    @http.put("/v1/stock/{sku:str}/threshold", e.set_threshold, tags=TAGS, summary="Set when a SKU runs low")
    async def set_threshold(request: Req, sku: str, data: Threshold) -> Response[SetThreshold]:
        """`stock.low` is told when what can be bought falls to the threshold or below."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.set_threshold(ctx, SetThreshold(sku, data.threshold)))

    return [receive, adjust, move, set_threshold]


def _locations(e: Endpoints) -> list[Any]:
    @http.get("/v1/stock/locations", e.list_locations, tags=TAGS, summary="List locations")
    async def list_locations(request: Req) -> Response[Locations]:
        """Where stock can lie; receipts and adjustments name a location by its code."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.list_locations(ctx, None))

    @http.post("/v1/stock/locations", e.add_location, tags=TAGS, summary="Open a location")
    async def add_location(request: Req, data: NewLocation) -> Response[Location]:
        """For operators. 409 `inventory.location_exists` when the code is taken."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.add_location(ctx, data))

    return [list_locations, add_location]
