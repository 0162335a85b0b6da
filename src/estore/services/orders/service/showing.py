"""How an order is shown to its customer, and told to the other services."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from estore.contracts.orders import CreditUse, OrderLine, Totals
from estore.kit.context import Context
from estore.kit.money import Money
from estore.services.orders import domain, store
from estore.services.orders.domain import (
    Address,
    CreditView,
    LineView,
    OrderView,
    ParcelView,
    Priced,
    line_id,
    parcel_id,
)
from estore.services.orders.domain.promotions.explaining import explained_order
from estore.services.orders.service.commands import Placement
from estore.services.orders.service.quotes import totals_of

encoded = msgspec.json.Encoder().encode


def event_lines(order_id: str, priced: Priced) -> tuple[OrderLine, ...]:
    """Return the lines as events carry them."""
    return tuple(
        OrderLine(
            line_id=line_id(order_id, number),
            sku=line.offer.sku,
            product_id=line.offer.product_id,
            vendor_id=line.offer.vendor_id,
            title=line.offer.title,
            quantity=line.quantity,
            unit_price=line.offer.price,
            discount=line.discount,
            tax=line.tax,
            total=line.total,
            commission=line.commission,
            commission_tax=line.commission_tax,
            category_path=line.offer.category_path,
            funded=line.funded,
        )
        for number, line in enumerate(priced.lines, 1)
    )


def event_totals(priced: Priced) -> Totals:
    """Return the sums as events carry them."""
    return Totals(
        items=priced.items,
        discount=priced.discount,
        shipping=priced.shipping,
        tax=priced.tax,
        total=priced.total,
        currency=priced.currency,
        prices_include_tax=priced.inclusive,
    )


def placed_view(
    ctx: Context,
    call: Placement,
    priced: Priced,
    order_id: str,
    number: str,
    secret: str | None,
    address: Address,
    uses: Sequence[CreditUse],
) -> OrderView:
    """Show an order that has just been placed. secret: of a guest's. uses: what credit pays of it."""
    currency = priced.currency
    parts: list[list[str]] = [[] for _ in priced.parcels]
    lines: list[LineView] = []
    for place, line in enumerate(priced.lines, 1):
        offer, one = line.offer, line_id(order_id, place)
        parts[line.parcel].append(one)
        lines.append(
            LineView(
                one,
                offer.sku,
                offer.product_id,
                offer.vendor_id,
                offer.title,
                line.quantity,
                Money(offer.price, currency),
                Money(line.subtotal, currency),
                Money(line.discount, currency),
                Money(line.tax, currency),
                Money(line.total, currency),
                parcel_id(order_id, line.parcel + 1),
            )
        )
    parcels = tuple(
        ParcelView(
            parcel_id(order_id, place),
            parcel.vendor_id,
            domain.ParcelStatus.PENDING,
            tuple(parts[place - 1]),
            Money(parcel.items, currency),
            Money(parcel.discount, currency),
            Money(parcel.shipping, currency),
            Money(parcel.shipping_discount, currency),
            Money(parcel.tax, currency),
            Money(parcel.total, currency),
        )
        for place, parcel in enumerate(priced.parcels, 1)
    )
    return OrderView(
        order_id,
        number,
        domain.State.PLACED,
        domain.PaymentStatus.PENDING,
        call.order.email,
        ctx.principal.account_id,
        tuple(lines),
        parcels,
        totals_of(priced),
        address,
        call.order.shipping_method,
        call.order.payment_method,
        ctx.now,
        1,
        refunded=Money(0, currency),
        secret=msgspec.UNSET if secret is None else secret,
        credit=tuple(CreditView(use.kind, Money(use.amount, currency)) for use in uses),
        to_pay=Money(priced.total - sum(use.amount for use in uses), currency),
        promotions=explained_order(order_id, priced.taken, currency),
    )


def as_placed(view: OrderView, secret: str | None) -> OrderView:
    """Return an order as it was shown when it was placed, whatever has become of it since."""
    parcels = tuple(
        msgspec.structs.replace(
            parcel,
            status=domain.ParcelStatus.PENDING,
            carrier=None,
            tracking=None,
            shipped_at=None,
            delivered_at=None,
            shipments=(),
        )
        for parcel in view.parcels
    )
    return msgspec.structs.replace(
        view,
        status=domain.State.PLACED,
        payment_status=domain.PaymentStatus.PENDING,
        parcels=parcels,
        version=1,
        cancel_reason=None,
        requires_action_url=None,
        refunded=Money(0, view.totals.total.currency),
        credit_refusal=None,
        secret=msgspec.UNSET if secret is None else secret,
    )


def settled(view: OrderView, outcome: store.Outcome) -> OrderView:
    """Return a placed order as `outcome` left it: what a customer who waited is answered."""
    status = {
        domain.State.CONFIRMED: domain.ParcelStatus.OPEN,
        domain.State.REJECTED: domain.ParcelStatus.CANCELLED,
        domain.State.CANCELLED: domain.ParcelStatus.CANCELLED,
    }.get(domain.State(outcome.status), domain.ParcelStatus.PENDING)
    replace = msgspec.structs.replace
    return replace(
        view,
        status=outcome.status,
        payment_status=outcome.payment_status,
        cancel_reason=outcome.cancel_reason,
        requires_action_url=outcome.action_url,
        credit_refusal=outcome.credit_refusal or None,
        refunded=Money(outcome.refunded, view.totals.total.currency),
        version=outcome.version,
        parcels=tuple(replace(parcel, status=status) for parcel in view.parcels),
    )


def with_secret(order: OrderView, secret: str | None) -> OrderView:
    """Return the order with the secret that only who placed it is shown."""
    return order if secret is None else msgspec.structs.replace(order, secret=secret)


def is_settled(order: OrderView) -> bool:
    """Tell whether the customer knows the outcome."""
    return domain.is_settled(order.status, order.payment_status)
