"""HTTP in: /v1/parcels."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, Response
from litestar.params import QueryParameter

from estore.kit import http
from estore.kit.http.pages import Cursor, Limit, Page
from estore.services.orders.domain import VendorParcel
from estore.services.orders.endpoints import Endpoints
from estore.services.orders.gateways import Carriers
from estore.services.orders.service import CarrierHeard, DeliverParcel, ListParcels, OneParcel, ShipParcel

Req = Request[Any, Any, Any]
ParcelStatusFilter = Annotated[
    str | None, QueryParameter(name="status", max_length=40, description="Only such parcels")
]
OfVendor = Annotated[
    str | None,
    QueryParameter(name="vendor", max_length=64, pattern=r"^[^\x00]*\Z", description="Only this vendor's parcels"),
]


def routes(e: Endpoints, carriers: Carriers) -> list[Any]:
    """Return the routes of parcels. carriers: knows their signatures."""
    return [*_parcels(e), _hear_carrier(e, carriers)]


def _parcels(e: Endpoints) -> list[Any]:

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
        return http.paged(request, ctx, await e.list_parcels(ctx, ListParcels(status, vendor, cursor, limit)))

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
        """All that is left of it, or `lines`: a parcel may go in several shipments, and is `partly_shipped` meanwhile.

        For owners and fulfilment. Send `If-Match` with the parcel's ETag, or an `Idempotency-Key`.
        409 `orders.more_than_left` points at each line of which less is left.
        """
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
        """All shipments that are on their way, or one. The parcel is `delivered` once all of it has arrived.

        For owners and fulfilment. Send `If-Match` with the parcel's ETag, or an `Idempotency-Key`.
        """
        ctx = await http.context(request)
        parcel = await e.deliver(ctx, OneParcel(parcel_id, data or DeliverParcel()))
        return http.respond(request, ctx, parcel, version=parcel.version)

    return [list_parcels, show_parcel, ship, deliver]


def _hear_carrier(e: Endpoints, carriers: Carriers) -> Any:
    @http.post(
        "/v1/parcels/carrier-events",
        e.hear_carrier,
        status=200,
        bodies=("application/json",),
        tags=["parcels"],
        summary="Hear a carrier",
    )
    async def hear_carrier(request: Req) -> Response[CarrierHeard]:
        """For carriers: `{"carrier", "tracking", "status", "at"}`, status `in_transit`, `delivered` or `lost`.

        Signed as Standard Webhooks are, not older than five minutes; each `webhook-id` acts once. What is not known
        here is answered 200 and changes nothing.
        """
        ctx = await http.context(request)
        said = carriers.verify(request.headers, await request.body(), ctx.now)
        return http.respond(request, ctx, await e.hear_carrier(ctx, said))

    return hear_carrier
