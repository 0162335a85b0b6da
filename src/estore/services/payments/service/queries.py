"""Payments as people see them: their own, or all of them for an operator."""

from __future__ import annotations

from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.http import Page, page_of, text_in
from estore.kit.money import Money
from estore.services.payments import store
from estore.services.payments.domain import PaymentNotFound
from estore.services.payments.service.shapes import (
    GetPayment,
    ListPayments,
    ListRefunds,
    Payments,
    PaymentView,
    RefundView,
)


async def get_payment(tx: Tx, ctx: Context, query: GetPayment) -> PaymentView:
    """One payment, of its account or for an operator. Raises PaymentNotFound."""
    row = await store.payment_by_id(tx, query.payment_id, _owner(ctx))
    if row is None:
        raise PaymentNotFound
    return await _view(tx, ctx, row)


async def list_payments(tx: Tx, ctx: Context, query: ListPayments) -> Payments:
    """The payment of an order, if there is one that the caller may see."""
    rows = await store.payments_of_order(tx, query.order_id, _owner(ctx))
    return Payments([await _view(tx, ctx, row) for row in rows])


async def list_refunds(tx: Tx, ctx: Context, query: ListRefunds) -> Page[RefundView]:
    """Refunds of all payments, newest first."""
    before = text_in(query.cursor)
    rows = await store.refunds_page(tx, query.provider, query.status, before, query.limit + 1)
    return page_of([refund_view(row) for row in rows], query.limit, lambda view: (view.id,))


def refund_view(row: store.RefundRow) -> RefundView:
    """Return a refund as people see it."""
    return RefundView(
        id=row.id,
        payment_id=row.payment_id,
        amount=Money(row.amount, row.currency),
        status=row.status,
        reason=row.reason,
        code=row.code,
        created_at=row.created_at,
        settled_at=row.settled_at,
    )


def _owner(ctx: Context) -> str | None:
    """Whose payments the caller may see: None for an operator, who sees all; never None for anybody else."""
    if ctx.principal.is_operator or ctx.principal.is_system:
        return None
    return ctx.principal.account_id or ""


async def _view(tx: Tx, ctx: Context, row: store.PaymentRow) -> PaymentView:
    may_all = _owner(ctx) is None
    refunds = await store.refunds_of(tx, row.id)
    return PaymentView(
        id=row.id,
        order_id=row.order_id,
        status=row.status,
        amount=Money(row.amount, row.currency),
        captured=Money(row.captured, row.currency),
        refunded=Money(row.refunded, row.currency),
        disputed=Money(row.disputed, row.currency),
        payment_method=row.method,
        provider=row.provider,
        code=row.code,
        detail=row.detail,
        action_url=row.action_url,
        expires_at=row.expires_at,
        created_at=row.created_at,
        captured_at=row.captured_at,
        refunds=[refund_view(r) for r in refunds],
        reference=row.reference if may_all else None,
        history=await store.history_of(tx, row.id) if may_all else None,
        version=row.version,
    )
