"""How refunds are shown: to a customer what comes back, to a vendor its own part, to an operator all of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from estore.kit.money import Money
from estore.services.orders.domain.names import line_id, parcel_id
from estore.services.orders.domain.refunding.book import Piece, RefundRow
from estore.services.orders.domain.refunding.splitting import amount_of, shares_of

__all__ = ["Audience", "OrderRefund", "RefundLineView", "RefundShareView", "refund_view"]

Audience = Literal["customer", "vendor", "operator"]


class RefundLineView(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What a refund takes of a line, or of the parcel's shipping where line_id is null. `tax` is inside `amount`.

    commission, commission_tax: given back to the vendor; funded: by the vendor, to the marketplace. Not shown to
    customers.
    """

    line_id: str | None
    parcel_id: str
    quantity: int
    amount: Money
    tax: Money
    commission: Money | msgspec.UnsetType = msgspec.UNSET
    commission_tax: Money | msgspec.UnsetType = msgspec.UNSET
    funded: Money | msgspec.UnsetType = msgspec.UNSET


class RefundShareView(msgspec.Struct, frozen=True, gc=False):
    """One vendor's part. It bears `borne` = amount + funded - commission - commission_tax."""

    vendor_id: str
    parcel_id: str
    amount: Money
    tax: Money
    commission: Money
    commission_tax: Money
    funded: Money
    borne: Money


class OrderRefund(msgspec.Struct, frozen=True, gc=False):
    """A refund; a vendor sees its own part as if there were no other, a customer what comes back.

    status: `requested`, `refunded`, or `failed`, for which `failure` says why. cause: see RefundAllocated. shares: for
    vendors and operators. platform, unearned: what no vendor bears; for operators. credit: what of the amount goes
    back to gift cards and store credit; not for vendors.
    """

    id: str
    order_id: str
    status: str
    cause: str
    reason: str
    amount: Money
    lines: tuple[RefundLineView, ...]
    requested_at: datetime
    refunded_at: datetime | None
    failed_at: datetime | None
    failure: str
    return_id: str | None
    shares: tuple[RefundShareView, ...] | msgspec.UnsetType = msgspec.UNSET
    platform: Money | msgspec.UnsetType = msgspec.UNSET
    unearned: Money | msgspec.UnsetType = msgspec.UNSET
    credit: Money | msgspec.UnsetType = msgspec.UNSET


def refund_view(row: RefundRow, pieces: Sequence[Piece], audience: Audience) -> OrderRefund:
    """Show a refund. pieces: those that the audience may see."""

    def money(amount: int) -> Money:
        return Money(amount, row.currency)

    inside, operator = audience != "customer", audience == "operator"
    return OrderRefund(
        id=row.refund_id,
        order_id=row.order_id,
        status=row.status,
        cause=row.cause,
        reason=row.reason,
        amount=money(amount_of(pieces) if audience == "vendor" else row.amount),
        lines=tuple(
            RefundLineView(
                None if piece.line is None else line_id(row.order_id, piece.line),
                parcel_id(row.order_id, piece.parcel),
                piece.sums.quantity,
                money(piece.sums.amount),
                money(piece.sums.tax),
                money(piece.sums.commission) if inside else msgspec.UNSET,
                money(piece.sums.commission_tax) if inside else msgspec.UNSET,
                money(piece.sums.funded) if inside else msgspec.UNSET,
            )
            for piece in pieces
        ),
        requested_at=row.requested_at,
        refunded_at=row.refunded_at,
        failed_at=row.failed_at,
        failure=row.failure,
        return_id=row.return_id,
        shares=tuple(
            RefundShareView(
                share.vendor_id,
                share.parcel_id,
                money(share.amount),
                money(share.tax),
                money(share.commission),
                money(share.commission_tax),
                money(share.funded),
                money(share.amount + share.funded - share.commission - share.commission_tax),
            )
            for share in shares_of(row.order_id, pieces)
        )
        if inside
        else msgspec.UNSET,
        platform=money(row.platform) if operator else msgspec.UNSET,
        unearned=money(row.unearned) if operator else msgspec.UNSET,
        credit=money(row.credit) if audience != "vendor" else msgspec.UNSET,
    )
