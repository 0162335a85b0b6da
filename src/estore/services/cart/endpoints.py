"""Who may do what to a cart, and how."""

from __future__ import annotations

from dataclasses import dataclass

from estore.contracts.catalog import PriceChanged, ProductArchived, ProductChanged, ProductPublished
from estore.contracts.inventory import StockAvailabilityChanged
from estore.contracts.orders import OrderPlaced
from estore.contracts.vendors import VendorApproved, VendorSuspended
from estore.kit.endpoint import ACCEPTED, BUYER, READ, SIGNED_IN, SYSTEM_ONLY, WRITE, Edge, Endpoint, Handler, Keeping
from estore.kit.rate import Rate
from estore.services.cart import service
from estore.services.cart.service import Carts, CartView, Key, NewCart, PutLine, RemoveLine

MAKING = Rate(limit=60, per=60)
READING = Rate(limit=600, per=60)
CHANGING = Rate(limit=300, per=60)


@dataclass(frozen=True)
class Endpoints:
    create: Endpoint[None, NewCart]
    read: Endpoint[Key, CartView]
    put_line: Endpoint[PutLine, CartView]
    remove_line: Endpoint[RemoveLine, CartView]
    clear: Endpoint[Key, CartView]
    claim: Endpoint[Key, CartView]
    tell_abandoned: Endpoint[None, int]
    purge_guests: Endpoint[None, int]
    take_out_ordered: Handler[OrderPlaced]
    learn_published: Handler[ProductPublished]
    learn_changed: Handler[ProductChanged]
    learn_archived: Handler[ProductArchived]
    learn_prices: Handler[PriceChanged]
    learn_approved: Handler[VendorApproved]
    learn_suspended: Handler[VendorSuspended]
    learn_availability: Handler[StockAvailabilityChanged]


def build(edge: Edge, carts: Carts) -> Endpoints:
    """Return cart's use cases with their policies. A cart is proven by its secret or its account, in SQL."""
    return Endpoints(
        create=edge.endpoint(
            carts.create,
            who=BUYER,
            tx=WRITE,
            once=ACCEPTED,
            rate=MAKING,
            keeping=Keeping(carts.without_secret, carts.with_secret),
        ),
        read=edge.endpoint(carts.read, who=BUYER, tx=READ, rate=READING),
        put_line=edge.endpoint(carts.put_line, who=BUYER, tx=WRITE, rate=CHANGING),
        remove_line=edge.endpoint(carts.remove_line, who=BUYER, tx=WRITE, rate=CHANGING),
        clear=edge.endpoint(carts.clear, who=BUYER, tx=WRITE, rate=CHANGING),
        claim=edge.endpoint(carts.claim, who=SIGNED_IN, tx=WRITE, once=ACCEPTED, rate=CHANGING),
        tell_abandoned=edge.endpoint(service.tell_abandoned, who=SYSTEM_ONLY, tx=WRITE, timeout=30),
        purge_guests=edge.endpoint(service.purge_guests, who=SYSTEM_ONLY, tx=WRITE, timeout=30),
        take_out_ordered=edge.consumer(service.take_out_ordered),
        learn_published=edge.consumer(service.learn_published),
        learn_changed=edge.consumer(service.learn_changed),
        learn_archived=edge.consumer(service.learn_archived),
        learn_prices=edge.consumer(service.learn_prices),
        learn_approved=edge.consumer(service.learn_approved),
        learn_suspended=edge.consumer(service.learn_suspended),
        learn_availability=edge.consumer(service.learn_availability),
    )
