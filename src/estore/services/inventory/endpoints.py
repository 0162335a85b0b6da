"""Who may do what to stock, and how."""

from __future__ import annotations

from dataclasses import dataclass

from estore.contracts.catalog import ProductArchived, ProductChanged, ProductPublished, ProductStockImported
from estore.contracts.orders import OrderCancelled, OrderConfirmed, OrderPlaced, ParcelShipped, ReturnReceived
from estore.kit.endpoint import (
    ANYONE,
    OPERATOR,
    READ,
    REQUIRED,
    SYSTEM_ONLY,
    VENDOR,
    WRITE,
    Edge,
    Endpoint,
    Handler,
)
from estore.kit.http import Page
from estore.kit.rate import Rate
from estore.services.inventory import service
from estore.services.inventory.service import Reservations

PUBLIC = Rate(limit=600, per=60)
STAFF = Rate(limit=600, per=60)


@dataclass(frozen=True)
class Endpoints:
    availability: Endpoint[str, service.Availability]
    list_stock: Endpoint[service.ListStock, Page[service.StockAnswer]]
    list_movements: Endpoint[service.ListMovements, Page[service.MovementAnswer]]
    receive: Endpoint[service.Put[service.Receive], service.StockAnswer]
    adjust: Endpoint[service.Put[service.Adjust], service.StockAnswer]
    move: Endpoint[service.Put[service.Move], service.StockAnswer]
    set_threshold: Endpoint[service.SetThreshold, service.SetThreshold]
    list_locations: Endpoint[None, service.Locations]
    add_location: Endpoint[service.NewLocation, service.Location]
    release_expired: Endpoint[None, int]
    reserve: Handler[OrderPlaced]
    confirm: Handler[OrderConfirmed]
    cancel: Handler[OrderCancelled]
    ship: Handler[ParcelShipped]
    take_back: Handler[ReturnReceived]
    learn_published: Handler[ProductPublished]
    learn_changed: Handler[ProductChanged]
    learn_archived: Handler[ProductArchived]
    count_imported: Handler[ProductStockImported]


def build(edge: Edge, reservations: Reservations) -> Endpoints:
    """Return inventory's use cases with their policies."""
    return Endpoints(
        availability=edge.endpoint(service.availability, who=ANYONE, tx=READ, rate=PUBLIC),
        list_stock=edge.endpoint(service.list_stock, who=VENDOR, tx=READ, rate=STAFF),
        list_movements=edge.endpoint(service.list_movements, who=VENDOR, tx=READ, rate=STAFF),
        receive=edge.endpoint(service.receive, who=VENDOR, tx=WRITE, once=REQUIRED, rate=STAFF),
        adjust=edge.endpoint(service.adjust, who=VENDOR, tx=WRITE, once=REQUIRED, rate=STAFF),
        move=edge.endpoint(service.move, who=VENDOR, tx=WRITE, once=REQUIRED, rate=STAFF),
        set_threshold=edge.endpoint(service.set_threshold, who=VENDOR, tx=WRITE, rate=STAFF),
        list_locations=edge.endpoint(service.list_locations, who=VENDOR, tx=READ, rate=STAFF),
        add_location=edge.endpoint(service.add_location, who=OPERATOR, tx=WRITE, once=REQUIRED, rate=STAFF),
        release_expired=edge.endpoint(reservations.release_expired, who=SYSTEM_ONLY, tx=WRITE, timeout=30),
        reserve=edge.consumer(reservations.reserve),
        confirm=edge.consumer(reservations.confirm),
        cancel=edge.consumer(reservations.cancel),
        ship=edge.consumer(service.ship),
        take_back=edge.consumer(service.take_back),
        learn_published=edge.consumer(service.learn_published),
        learn_changed=edge.consumer(service.learn_changed),
        learn_archived=edge.consumer(service.learn_archived),
        count_imported=edge.consumer(service.count_imported),
    )
