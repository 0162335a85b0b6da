"""What others are told of a return."""

from __future__ import annotations

from estore.contracts.orders import ReturnApproved, ReturnClosed, ReturnLine, ReturnReceived, ReturnRequested
from estore.kit.context import Context
from estore.kit.db import Tx
from estore.services.orders import domain
from estore.services.orders.domain import Return, ReturnedLine


def tell_requested(tx: Tx, ctx: Context, made: Return, account_id: str | None) -> None:
    """A customer wants to send something back."""
    tx.emit(
        ReturnRequested(
            return_id=made.return_id,
            order_id=made.order_id,
            parcel_id=domain.parcel_id(made.order_id, made.parcel),
            vendor_id=made.vendor_id,
            account_id=account_id,
            reason=made.reason,
            lines=_told(made, None),
            amount=made.amount,
            payable=made.payable,
            currency=made.currency,
            version=made.version,
        ),
        ctx,
    )


def tell_approved(tx: Tx, ctx: Context, found: Return) -> None:
    """Its vendor has agreed, or has said nothing in time."""
    tx.emit(
        ReturnApproved(
            return_id=found.return_id,
            order_id=found.order_id,
            vendor_id=found.vendor_id,
            expires_at=found.due_at or ctx.now,
            version=found.version,
        ),
        ctx,
    )


def tell_received(tx: Tx, ctx: Context, found: Return) -> None:
    """It is back: so many pieces can be sold again, so many cannot."""
    tx.emit(
        ReturnReceived(
            return_id=found.return_id,
            order_id=found.order_id,
            vendor_id=found.vendor_id,
            lines=(*_told(found, "restock"), *_told(found, "write_off")),
            version=found.version,
        ),
        ctx,
    )


def tell_closed(tx: Tx, ctx: Context, found: Return) -> None:
    """Nothing more happens to it."""
    tx.emit(
        ReturnClosed(
            return_id=found.return_id,
            order_id=found.order_id,
            parcel_id=domain.parcel_id(found.order_id, found.parcel),
            vendor_id=found.vendor_id,
            outcome=found.status,
            refund_id=found.refund_id,
            closed_at=ctx.now,
            version=found.version,
        ),
        ctx,
    )


def _told(found: Return, disposition: str | None) -> tuple[ReturnLine, ...]:
    """Return the lines as events carry them: all, or those that arrived with one disposition."""

    def pieces(line: ReturnedLine) -> int:
        return {"restock": line.restocked, "write_off": line.written_off}.get(disposition or "", line.quantity)

    return tuple(
        ReturnLine(domain.line_id(found.order_id, line.line), line.sku, pieces(line), disposition)
        for line in found.lines
        if pieces(line)
    )
