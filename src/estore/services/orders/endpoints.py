"""Who may do what with orders, how often, and how long it may take."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from estore.contracts.cart import CartChanged
from estore.contracts.catalog import PriceChanged, ProductArchived, ProductChanged, ProductPublished
from estore.contracts.identity import AccountErased
from estore.contracts.inventory import StockRejected, StockReserved
from estore.contracts.ledger import CreditHeld, CreditRefused
from estore.contracts.payments import (
    PaymentCaptured,
    PaymentDisputeClosed,
    PaymentFailed,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentRequiresAction,
)
from estore.contracts.vendors import VendorApproved, VendorPlanChanged, VendorSuspended
from estore.kit.endpoint import (
    ACCEPTED,
    ANYONE,
    BUYER,
    OPERATOR,
    READ,
    REQUIRED,
    SIGNED_IN,
    SYSTEM_ONLY,
    VENDOR,
    WRITE,
    Edge,
    Endpoint,
    Handler,
)
from estore.kit.http import Page
from estore.kit.rate import Rate
from estore.services.orders import service
from estore.services.orders.domain import OrderRefund, OrderView, Quote, ReturnView, VendorParcel
from estore.services.orders.domain.promotions import (
    BatchView,
    CodeView,
    GroupView,
    MembersAdded,
    MemberView,
    PromotionView,
    Rules,
)
from estore.services.orders.service import (
    Following,
    Learning,
    Listing,
    Parcels,
    Placing,
    Quotes,
    Refunds,
    Returns,
    Steps,
    Waiting,
    promotions,
)

# Guests are told apart by their address only, and behind one address may be a whole office on the day of a sale.
BUYING = Rate(limit=1200, per=60)
READING = Rate(limit=6000, per=60)
BATCHES = Rate(limit=20, per=60)
CHANGING = Rate(limit=120, per=60)
"""Of promotions: after each change every process reads the book anew, and a code that is taken tells that it is one."""


@dataclass(frozen=True)
class GivingBack:
    """Refunds and returns."""

    refund: Endpoint[service.AskRefund, OrderRefund]
    list_refunds: Endpoint[service.ListRefunds, Page[OrderRefund]]
    ask: Endpoint[service.AskReturn, ReturnView]
    show: Endpoint[service.OneReturn[None], ReturnView]
    list_returns: Endpoint[service.ListReturns, Page[ReturnView]]
    approve: Endpoint[service.OneReturn[service.ApproveReturn], ReturnView]
    refuse: Endpoint[service.OneReturn[service.RefuseReturn], ReturnView]
    cancel: Endpoint[service.OneReturn[service.CancelReturn], ReturnView]
    receive: Endpoint[service.OneReturn[service.ReceiveReturn], ReturnView]
    inspect: Endpoint[service.OneReturn[service.InspectReturn], ReturnView]
    move_due_returns: Endpoint[None, int]
    allocate_refunds: Endpoint[None, int]
    payment_refunded: Handler[PaymentRefunded]
    payment_refund_failed: Handler[PaymentRefundFailed]
    payment_dispute_closed: Handler[PaymentDisputeClosed]


def giving_back(edge: Edge, refunds: Refunds, returns: Returns) -> GivingBack:
    """Return the use cases of refunds and returns with their policies."""
    return GivingBack(
        refund=edge.endpoint(refunds.refund_order, who=VENDOR, tx=WRITE, once=REQUIRED, rate=READING),
        list_refunds=edge.endpoint(service.list_refunds, who=BUYER, tx=READ, rate=READING),
        ask=edge.endpoint(returns.request_return, who=BUYER, tx=WRITE, once=REQUIRED, rate=BUYING),
        show=edge.endpoint(service.show_return, who=BUYER, tx=READ, rate=READING),
        list_returns=edge.endpoint(service.list_returns, who=BUYER, tx=READ, rate=READING),
        approve=edge.endpoint(returns.approve_return, who=VENDOR, tx=WRITE, once=ACCEPTED, rate=READING),
        refuse=edge.endpoint(returns.refuse_return, who=VENDOR, tx=WRITE, once=ACCEPTED, rate=READING),
        cancel=edge.endpoint(returns.cancel_return, who=BUYER, tx=WRITE, once=ACCEPTED, rate=BUYING),
        # These two give money back.
        receive=edge.endpoint(returns.receive_return, who=VENDOR, tx=WRITE, once=REQUIRED, rate=READING),
        inspect=edge.endpoint(returns.inspect_return, who=VENDOR, tx=WRITE, once=REQUIRED, rate=READING),
        move_due_returns=edge.endpoint(returns.move_due_returns, who=SYSTEM_ONLY, tx=WRITE, timeout=30),
        allocate_refunds=edge.endpoint(refunds.allocate_refunds, who=SYSTEM_ONLY, tx=WRITE, timeout=30),
        payment_refunded=edge.consumer(refunds.payment_refunded),
        payment_refund_failed=edge.consumer(refunds.payment_refund_failed),
        payment_dispute_closed=edge.consumer(refunds.payment_dispute_closed),
    )


@dataclass(frozen=True)
class Promoting:
    """Promotions, their codes, and customer groups."""

    create: Endpoint[promotions.PromotionForm, PromotionView]
    list_promotions: Endpoint[promotions.ListPromotions, Page[PromotionView]]
    show: Endpoint[str, PromotionView]
    change: Endpoint[promotions.OnePromotion[Rules], PromotionView]
    pause: Endpoint[str, PromotionView]
    resume: Endpoint[str, PromotionView]
    archive: Endpoint[str, PromotionView]
    create_code: Endpoint[promotions.OnePromotion[promotions.CodeForm], CodeView]
    list_codes: Endpoint[promotions.OnePromotion[promotions.ListCodes], Page[CodeView]]
    disable_code: Endpoint[promotions.OnePromotion[str], CodeView]
    create_batch: Endpoint[promotions.OnePromotion[promotions.BatchForm], BatchView]
    list_batches: Endpoint[promotions.OnePromotion[promotions.ListOf], Page[BatchView]]
    show_batch: Endpoint[promotions.OnePromotion[str], BatchView]
    list_groups: Endpoint[promotions.ListOf, Page[GroupView]]
    put_group: Endpoint[str, GroupView]
    show_group: Endpoint[str, GroupView]
    delete_group: Endpoint[str, promotions.Nothing]
    list_members: Endpoint[promotions.OneGroup[promotions.ListOf], Page[MemberView]]
    add_members: Endpoint[promotions.OneGroup[promotions.MembersForm], MembersAdded]
    put_member: Endpoint[promotions.OneMember, promotions.Nothing]
    delete_member: Endpoint[promotions.OneMember, promotions.Nothing]
    add_uses: Endpoint[int, int]
    account_erased: Handler[AccountErased]


def promoting(edge: Edge, running: promotions.Promotions) -> Promoting:
    """Return the use cases of promotions with their policies. Whose promotions are seen is decided in SQL."""
    return Promoting(
        create=edge.endpoint(running.create_promotion, who=VENDOR, tx=WRITE, once=ACCEPTED, rate=CHANGING),
        list_promotions=edge.endpoint(running.list_promotions, who=VENDOR, tx=READ, rate=READING),
        show=edge.endpoint(running.show_promotion, who=VENDOR, tx=READ, rate=READING),
        change=edge.endpoint(running.change_promotion, who=VENDOR, tx=WRITE, rate=CHANGING),
        pause=edge.endpoint(running.pause_promotion, who=VENDOR, tx=WRITE, once=ACCEPTED, rate=CHANGING),
        resume=edge.endpoint(running.resume_promotion, who=VENDOR, tx=WRITE, once=ACCEPTED, rate=CHANGING),
        archive=edge.endpoint(running.archive_promotion, who=VENDOR, tx=WRITE, once=ACCEPTED, rate=CHANGING),
        create_code=edge.endpoint(promotions.create_code, who=VENDOR, tx=WRITE, once=ACCEPTED, rate=CHANGING),
        list_codes=edge.endpoint(promotions.list_codes, who=VENDOR, tx=READ, rate=READING),
        disable_code=edge.endpoint(promotions.disable_code, who=VENDOR, tx=WRITE, once=ACCEPTED, rate=CHANGING),
        # 100,000 codes are written in one transaction, so that a batch is there as a whole or not at all.
        create_batch=edge.endpoint(
            promotions.create_code_batch, who=VENDOR, tx=WRITE, once=ACCEPTED, timeout=60, rate=BATCHES
        ),
        list_batches=edge.endpoint(promotions.list_code_batches, who=VENDOR, tx=READ, rate=READING),
        show_batch=edge.endpoint(promotions.show_code_batch, who=VENDOR, tx=READ, rate=READING),
        list_groups=edge.endpoint(promotions.list_customer_groups, who=OPERATOR, tx=READ, rate=READING),
        put_group=edge.endpoint(promotions.put_customer_group, who=OPERATOR, tx=WRITE, rate=READING),
        show_group=edge.endpoint(promotions.show_customer_group, who=OPERATOR, tx=READ, rate=READING),
        delete_group=edge.endpoint(promotions.delete_customer_group, who=OPERATOR, tx=WRITE, rate=READING),
        list_members=edge.endpoint(promotions.list_customer_group_members, who=OPERATOR, tx=READ, rate=READING),
        add_members=edge.endpoint(
            promotions.add_customer_group_members, who=OPERATOR, tx=WRITE, once=ACCEPTED, rate=READING
        ),
        put_member=edge.endpoint(promotions.put_customer_group_member, who=OPERATOR, tx=WRITE, rate=READING),
        delete_member=edge.endpoint(promotions.delete_customer_group_member, who=OPERATOR, tx=WRITE, rate=READING),
        add_uses=edge.endpoint(running.add_uses, who=SYSTEM_ONLY, tx=WRITE, timeout=30),
        account_erased=edge.consumer(promotions.account_erased),
    )


@dataclass(frozen=True)
class Endpoints:
    quote: Endpoint[service.AskQuote, Quote]
    place: Endpoint[service.Placement, service.Answer]
    show: Endpoint[service.OneOrder, OrderView]
    list_orders: Endpoint[service.ListOrders, Page[OrderView]]
    cancel: Endpoint[service.OneOrder, OrderView]
    show_parcel: Endpoint[str, VendorParcel]
    list_parcels: Endpoint[service.ListParcels, Page[VendorParcel]]
    ship: Endpoint[service.OneParcel[service.ShipParcel], VendorParcel]
    deliver: Endpoint[service.OneParcel[service.DeliverParcel], VendorParcel]
    hear_carrier: Endpoint[service.CarrierSaid, service.CarrierHeard]
    move_overdue: Endpoint[None, int]
    purge_carts: Endpoint[None, int]
    product_published: Handler[ProductPublished]
    product_changed: Handler[ProductChanged]
    product_archived: Handler[ProductArchived]
    price_changed: Handler[PriceChanged]
    vendor_approved: Handler[VendorApproved]
    vendor_suspended: Handler[VendorSuspended]
    vendor_plan_changed: Handler[VendorPlanChanged]
    cart_changed: Handler[CartChanged]
    stock_reserved: Handler[StockReserved]
    stock_rejected: Handler[StockRejected]
    credit_held: Handler[CreditHeld]
    credit_refused: Handler[CreditRefused]
    payment_requires_action: Handler[PaymentRequiresAction]
    payment_captured: Handler[PaymentCaptured]
    payment_failed: Handler[PaymentFailed]
    back: GivingBack
    promoting: Promoting


def build(
    edge: Edge,
    *,
    quotes: Quotes,
    placing: Placing,
    steps: Steps,
    learning: Learning,
    waiting: Waiting,
    listing: Listing,
    returns: timedelta,
    back: GivingBack,
    promoting: Promoting,
) -> Endpoints:
    """Return the use cases of orders with their policies. returns: how long something may be given back."""
    place = edge.batched(placing.place_orders, who=BUYER, once=REQUIRED, rate=BUYING)
    show = edge.batched(service.show_orders, who=BUYER, rate=READING)
    following = Following(place, show, waiting)
    poll = edge.endpoint(service.poll_outcomes, who=SYSTEM_ONLY, tx=READ)
    waiting.poll = service.polling(poll)
    parcels = Parcels(steps, returns)
    return Endpoints(
        quote=edge.endpoint(quotes.quote, who=BUYER, tx=READ, rate=READING),
        # These two only add waiting around the endpoints that do the work, whose policy is theirs.
        place=Endpoint("orders.place_order", following.place, place.who, place.once, place.timeout, place.rate),
        show=Endpoint("orders.show_order", following.show, show.who, show.once, show.timeout, show.rate),
        list_orders=edge.endpoint(listing.list_orders, who=SIGNED_IN, tx=READ, rate=READING),
        cancel=edge.endpoint(steps.cancel_order, who=BUYER, tx=WRITE, once=REQUIRED, rate=BUYING),
        show_parcel=edge.endpoint(service.show_parcel, who=VENDOR, tx=READ, rate=READING),
        list_parcels=edge.endpoint(service.list_parcels, who=VENDOR, tx=READ, rate=READING),
        ship=edge.endpoint(parcels.ship_parcel, who=VENDOR, tx=WRITE, once=ACCEPTED, rate=READING),
        deliver=edge.endpoint(parcels.deliver_parcel, who=VENDOR, tx=WRITE, once=ACCEPTED, rate=READING),
        # Who speaks is proved by the signature that the route verifies.
        hear_carrier=edge.endpoint(parcels.hear_carrier, who=ANYONE, tx=WRITE, timeout=10, rate=READING),
        purge_carts=edge.endpoint(learning.purge_carts, who=SYSTEM_ONLY, tx=WRITE, timeout=30),
        move_overdue=edge.endpoint(steps.move_overdue, who=SYSTEM_ONLY, tx=WRITE, timeout=30),
        product_published=edge.consumer(learning.product_published),
        product_changed=edge.consumer(learning.product_changed),
        product_archived=edge.consumer(learning.product_archived),
        price_changed=edge.consumer(learning.price_changed),
        vendor_approved=edge.consumer(learning.vendor_approved),
        vendor_suspended=edge.consumer(learning.vendor_suspended),
        vendor_plan_changed=edge.consumer(learning.vendor_plan_changed),
        cart_changed=edge.consumer(learning.cart_changed),
        stock_reserved=edge.consumer(steps.stock_reserved),
        stock_rejected=edge.consumer(steps.stock_rejected),
        credit_held=edge.consumer(steps.credit_held),
        credit_refused=edge.consumer(steps.credit_refused),
        payment_requires_action=edge.consumer(steps.payment_requires_action),
        payment_captured=edge.consumer(steps.payment_captured),
        payment_failed=edge.consumer(steps.payment_failed),
        back=back,
        promoting=promoting,
    )
