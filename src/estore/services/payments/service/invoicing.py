"""Invoices: what a customer transfers to our own bank account, and an operator marks as seen there."""

from __future__ import annotations

from datetime import datetime, timedelta

from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.ids import new_id
from estore.kit.money import Money
from estore.services.payments import store
from estore.services.payments.domain import (
    AlreadyPaid,
    AmountDiffers,
    Finding,
    Found,
    NotByInvoice,
    NotYetMoved,
    PaymentNotFound,
    RefundFinding,
    RefundFound,
    RefundNotFound,
    RefundStatus,
    Status,
    creditor_reference,
    in_fours,
)
from estore.services.payments.service.charging import Charging
from estore.services.payments.service.queries import get_payment, refund_view
from estore.services.payments.service.refunding import Refunding
from estore.services.payments.service.shapes import (
    BankAccount,
    GetPayment,
    Invoice,
    MarkPaid,
    MarkRefundPaid,
    PaymentView,
    PositiveMoney,
    RefundOutcomes,
    RefundView,
)

INVOICE = "invoice"


class Invoicing:
    """account: where customers transfer to, None where nobody pays by invoice (any more)."""

    def __init__(self, account: BankAccount | None, charging: Charging, refunding: Refunding) -> None:
        self.account = account
        self.charging = charging
        self.refunding = refunding

    async def show_invoice(self, tx: Tx, ctx: Context, payment_id: str) -> Invoice:
        """What to transfer where. The caller has proven to know the payment's key. Raises PaymentNotFound."""
        row = await store.payment_by_id(tx, payment_id, None)
        if row is None or row.provider != INVOICE or self.account is None:
            raise PaymentNotFound
        account, asked = self.account, row.created_at + timedelta(days=self.account.days)
        return Invoice(
            payment_id=row.id,
            status=row.status,
            amount=Money(row.amount, row.currency),
            holder=account.holder,
            iban=in_fours(account.iban),
            bic=account.bic,
            reference=in_fours(creditor_reference(row.id)),
            payable_until=min(asked, row.expires_at),
        )

    async def mark_paid(self, tx: Tx, ctx: Context, cmd: MarkPaid) -> PaymentView:
        """Book an invoice's money, late money too: what was cancelled meanwhile is given back by the usual way.

        Raises PaymentNotFound, NotByInvoice, AlreadyPaid, AmountDiffers, NotYetMoved.
        """
        intent = (await store.lock_by_id(tx, [cmd.payment_id])).get(cmd.payment_id)
        if intent is None or intent.status is Status.TOMBSTONE:
            raise PaymentNotFound
        if intent.provider != INVOICE:
            raise NotByInvoice
        if intent.status is Status.CAPTURED:
            raise AlreadyPaid("this invoice was marked as paid before")
        body = cmd.body
        _check(body.amount, Money(intent.amount, intent.currency), body.received_at, ctx.now, "/received_at")
        await store.insert_mark(
            tx,
            store.Mark(
                id=new_id("mrk"),
                kind="capture",
                payment_id=intent.id,
                refund_id=None,
                amount=body.amount.amount,
                currency=body.amount.currency,
                bank_reference=body.bank_reference,
                moved_at=body.received_at,
                marked_by=ctx.principal.account_id or "system",
                marked_at=ctx.now,
            ),
        )
        found = Finding(Found.CAPTURED, "operator", creditor_reference(intent.id), detail=body.bank_reference)
        await self.charging.settle(tx, [(intent, found)], ctx.now)
        return await get_payment(tx, ctx, GetPayment(intent.id))

    async def mark_refund_paid(self, tx: Tx, ctx: Context, cmd: MarkRefundPaid) -> RefundView:
        """Book that we transferred a refund back, by invoice or where the provider's own came back to us.

        Raises RefundNotFound, NotByInvoice, AlreadyPaid, AmountDiffers, NotYetMoved.
        """
        payment_id = await store.payment_of_refund(tx, cmd.refund_id)
        locked = await store.lock_refunds(tx, [cmd.refund_id], [payment_id] if payment_id else [])
        refund = locked.get(cmd.refund_id)
        if refund is None:
            raise RefundNotFound
        if refund.provider != INVOICE and not refund.undone:
            raise NotByInvoice
        if not refund.undone and refund.status in (RefundStatus.SUCCEEDED, RefundStatus.REFUSED):
            raise AlreadyPaid(f"this refund has {refund.status}")
        body = cmd.body
        _check(body.amount, Money(refund.amount, refund.currency), body.paid_at, ctx.now, "/paid_at")
        marked = await store.insert_mark(
            tx,
            store.Mark(
                id=new_id("mrk"),
                kind="refund",
                payment_id=refund.payment_id,
                refund_id=refund.id,
                amount=body.amount.amount,
                currency=body.amount.currency,
                bank_reference=body.bank_reference,
                moved_at=body.paid_at,
                marked_by=ctx.principal.account_id or "system",
                marked_at=ctx.now,
            ),
        )
        if not marked:
            raise AlreadyPaid("this refund was marked as transferred before")
        if not refund.undone:
            done = RefundFinding(RefundFound.SUCCEEDED, body.bank_reference)
            await self.refunding.record_refunds(tx, ctx, RefundOutcomes([(refund, done)]))
        row = await store.refund_by_id(tx, refund.id)
        if row is None:
            raise RefundNotFound
        return refund_view(row)


def _check(told: PositiveMoney, due: Money, moved_at: datetime, now: datetime, when: str) -> None:
    if Money(told.amount, told.currency) != due:
        raise AmountDiffers(f"{due.amount} {due.currency} in minor units are due", pointer="/amount", due=due)
    if moved_at > now:
        raise NotYetMoved("money is marked once it has moved", pointer=when)
