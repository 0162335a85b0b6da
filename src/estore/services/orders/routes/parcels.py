"""HTTP in: /v1/parcels."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, Response
from litestar.params import QueryParameter

from estore.kit import http
from estore.kit.http.pages import Cursor, Limit, Page, link_header
from estore.services.orders.domain import VendorParcel
from estore.services.orders.endpoints import Endpoints
from estore.services.orders.service import DeliverParcel, ListParcels, OneParcel, ShipParcel

Req = Request[Any, Any, Any]
ParcelStatusFilter = Annotated[
    str | None, QueryParameter(name="status", max_length=40, description="Only such parcels")
]
OfVendor = Annotated[
    str | None,
    QueryParameter(name="vendor", max_length=64, pattern=r"^[^\x00]*$", description="Only this vendor's parcels"),
]


def routes(e: Endpoints) -> list[Any]:
    """Return the routes of parcels."""

    @http.get("/v1/parcels", e.list_parcels, tags=["parcels"], summary="What vendors have to send, and have sent")
    async def list_parcels(
        request: Req,
        status: ParcelStatusFilter = None,
        vendor: OfVendor = None,
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> Response[Page[VendorParcel]]:
        """Parcels of your vendors, newest order first: `open` is to be shipped. For operators everybody's."""
        ctx = await http.context(request)
        page = await e.list_parcels(ctx, ListParcels(status, vendor, cursor, limit))
        return http.respond(request, ctx, page, headers=link_header(request, page))

    @http.get("/v1/parcels/{parcel_id:str}", e.show_parcel, tags=["parcels"], summary="A parcel")
    async def show_parcel(request: Req, parcel_id: str) -> Response[VendorParcel]:
        """A parcel of your vendor: its lines, where it goes, and what you are paid for it."""
        ctx = await http.context(request)
        parcel = await e.show_parcel(ctx, parcel_id)
        return http.respond(request, ctx, parcel, version=parcel.version)

    @http.post(
        "/v1/parcels/{parcel_id:str}/ship",
        e.ship,
        status=200,
        if_match=True,
        tags=["parcels"],
        summary="Hand it to a carrier",
    )
    async def ship(request: Req, parcel_id: str, data: ShipParcel) -> Response[VendorParcel]:
        """For owners and fulfilment. Send `If-Match` with the parcel's ETag, or an `Idempotency-Key`."""
        ctx = await http.context(request)
        parcel = await e.ship(ctx, OneParcel(parcel_id, data))
        return http.respond(request, ctx, parcel, version=parcel.version)

    @http.post(
        "/v1/parcels/{parcel_id:str}/deliver",
        e.deliver,
        status=200,
        if_match=True,
        tags=["parcels"],
        summary="Say that it has arrived",
    )
    async def deliver(request: Req, parcel_id: str, data: DeliverParcel | None = None) -> Response[VendorParcel]:
        """For owners and fulfilment. Send `If-Match` with the parcel's ETag, or an `Idempotency-Key`."""
        ctx = await http.context(request)
        parcel = await e.deliver(ctx, OneParcel(parcel_id, data or DeliverParcel()))
        return http.respond(request, ctx, parcel, version=parcel.version)

    return [list_parcels, show_parcel, ship, deliver]
