"""Payouts as vendors and operators see them, down to the lines of orders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.http.pages import Page, decode_cursor, page_of, text_in
from estore.kit.money import Money
from estore.services.ledger.domain.payouts import OPEN, Payout, PayoutUnknown, Status
from estore.services.ledger.service.access import finances_of
from estore.services.ledger.service.banks import BankAccountView
from estore.services.ledger.service.payouts.shapes import (
    CoveredLine,
    ListLines,
    ListPayouts,
    Part,
    PayoutView,
    Rules,
    Waiting,
    end_to_end,
)
from estore.services.ledger.store import banks
from estore.services.ledger.store import payout_views as views
from estore.services.ledger.store import payouts as store
from estore.services.ledger.store.payout_views import LineRow, RefundedRow, SeenPayout


class Reading:
    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    async def list_payouts(self, tx: Tx, ctx: Context, request: ListPayouts) -> Page[PayoutView]:
        """List payouts, newest first. Raises VendorUnknown."""
        vendors = finances_of(ctx.principal, request.vendor_id)
        before = text_in(request.cursor)
        rows = await views.payouts_page(tx, vendors, request.status, request.overdue, before, request.limit + 1)
        shown = await self._views(tx, ctx, rows[: request.limit + 1])
        return page_of(shown, request.limit, lambda view: (view.id,))

    async def get_payout(self, tx: Tx, ctx: Context, payout_id: str) -> PayoutView:
        """Show a payout. Raises PayoutUnknown."""
        return (await self._views(tx, ctx, [await self._seen(tx, ctx, payout_id)]))[0]

    async def view(self, tx: Tx, ctx: Context, payout: Payout) -> PayoutView:
        """Show a payout that was just changed."""
        return (await self._views(tx, ctx, [SeenPayout(payout, None)]))[0]

    async def list_payout_lines(self, tx: Tx, ctx: Context, request: ListLines) -> Page[CoveredLine]:
        """Explain a payout: every line that it covers, in order, the last one its own. Raises PayoutUnknown."""
        payout = (await self._seen(tx, ctx, request.payout_id)).payout
        (after,) = decode_cursor(request.cursor, int) or (payout.first_seq - 1,)
        after = min(max(after, payout.first_seq - 1), payout.last_seq)
        rows = await views.covered_lines(tx, payout.account_id, after, payout.last_seq, request.limit + 1)
        return page_of(await _explained(tx, payout, rows), request.limit, lambda line: (line.seq,))

    async def _seen(self, tx: Tx, ctx: Context, payout_id: str) -> SeenPayout:
        seen = await views.payout_by_id(tx, payout_id, finances_of(ctx.principal, None))
        if seen is None:
            raise PayoutUnknown()
        return seen

    async def _views(self, tx: Tx, ctx: Context, rows: Sequence[SeenPayout]) -> list[PayoutView]:
        if not rows:
            return []
        known = await banks.banks_of(tx, [seen.payout.bank_token for seen in rows])
        waiting = [seen.payout for seen in rows if seen.payout.status in (Status.CREATED, Status.AWAITING_APPROVAL)]
        payees = await store.payees(tx, sorted({p.vendor_id for p in waiting}), self._rules.cooling) if waiting else {}
        shown = []
        for seen in rows:
            payout, row = seen.payout, known.get(seen.payout.bank_token)
            payee = payees.get(payout.vendor_id)
            hold = payee.hold(ctx.now) if payee is not None else None
            bank = BankAccountView(row.token, row.last4, row.country, row.bank) if row is not None else None
            shown.append(_view(ctx, seen, bank, self._waiting(payout, hold)))
        return shown

    def _waiting(self, payout: Payout, hold: tuple[str, str] | None) -> Waiting | None:
        if payout.status is Status.AWAITING_APPROVAL:
            return Waiting("approval", "it is large: an operator who did not ask for it decides")
        if payout.status is not Status.CREATED:
            return None
        if self._rules.currencies is not None and payout.currency not in self._rules.currencies:
            return Waiting("currency", f"our bank takes no {payout.currency}; it has to be paid by other means")
        if hold is not None:
            return Waiting(*hold)
        return Waiting("file", "it goes with the next file for the bank") if self._rules.by_file else None


def _view(ctx: Context, seen: SeenPayout, bank: BankAccountView | None, waiting: Waiting | None) -> PayoutView:
    payout = seen.payout
    operator = ctx.principal.is_operator or ctx.principal.is_system
    return PayoutView(
        id=payout.id,
        vendor_id=payout.vendor_id,
        status=payout.status.value,
        amount=Money(payout.amount, payout.currency),
        carried_in=Money(payout.carried_in, payout.currency),
        covered=Money(payout.covered, payout.currency),
        carried_out=Money(payout.carried_out, payout.currency),
        scheduled=payout.scheduled_for is not None,
        requested_by=payout.requested_by,
        decided_by=payout.decided_by if operator else None,
        bank_account=bank,
        waiting_for=waiting,
        code=payout.code,
        detail=payout.detail,
        end_to_end=end_to_end(payout.id),
        overdue=payout.overdue_at is not None and payout.status in OPEN,
        created_at=payout.created_at,
        submitted_at=payout.submitted_at,
        paid_at=payout.paid_at,
        settled_at=payout.settled_at,
        version=payout.version,
        reference=payout.reference,
        file_id=seen.file_id if operator else None,
    )


async def _explained(tx: Tx, payout: Payout, rows: Sequence[LineRow]) -> list[CoveredLine]:
    """Show lines with their parts: what a parcel was made of when it was released, what a refund took of it."""
    parcels = sorted({row.parcel_id for row in rows if row.kind == "release" and row.parcel_id is not None})
    refunds = sorted({row.ref for row in rows if row.kind in ("refund", "refund_undone")})
    orders = sorted({row.order_id for row in rows if row.order_id is not None})
    refunded: list[RefundedRow] = []
    parts: dict[str, list[Part]] = {parcel: [] for parcel in parcels}
    numbers: dict[str, str] = {}
    if parcels or orders:
        earned = await views.earned(tx, payout.vendor_id, parcels, orders)
        numbers = {row.order_id: row.order_number for row in earned}
        sold = await views.sold_lines(tx, payout.vendor_id, parcels) if parcels else []
        for line in sold:
            part = _part(
                payout,
                "sale",
                line.total,
                line.commission,
                line.commission_tax,
                line.funded,
                line_id=line.line_id,
                sku=line.sku,
                title=line.title,
                quantity=line.quantity,
            )
            parts[line.parcel_id].append(part)
        for parcel in (row for row in earned if row.parcel_id in parts):
            of_lines = [line for line in sold if line.parcel_id == parcel.parcel_id]
            rest = (
                parcel.total - sum(line.total for line in of_lines),
                parcel.commission - sum(line.commission for line in of_lines),
                parcel.commission_tax - sum(line.commission_tax for line in of_lines),
                parcel.funded - sum(line.funded for line in of_lines),
            )
            if any(rest):
                parts[parcel.parcel_id].append(_part(payout, "shipping", *rest))
    if parcels or refunds:
        refunded = await views.refunded_lines(tx, payout.vendor_id, parcels, refunds)
    return [_line(payout, row, numbers, _parts(payout, row, parts, refunded)) for row in rows]


def _parts(payout: Payout, row: LineRow, sold: dict[str, list[Part]], refunded: Sequence[RefundedRow]) -> list[Part]:
    if row.kind in ("refund", "refund_undone"):
        sign = -1 if row.kind == "refund" else 1
        return [_taken(payout, r, sign) for r in refunded if r.refund_id == row.ref]
    if row.kind == "release" and row.parcel_id is not None:
        # What was given back before the release had been taken out of it; what was undone by then, had not.
        earlier = [r for r in refunded if r.parcel_id == row.parcel_id]
        own = sold.get(row.parcel_id, [])
        return own + _until(payout, row, own, earlier)
    return []


def _until(payout: Payout, row: LineRow, own: Sequence[Part], earlier: Sequence[RefundedRow]) -> list[Part]:
    """Return the refunds that explain why less was released than was sold, oldest first."""
    missing = sum(part.amount.amount for part in own) - row.amount
    found: list[Part] = []
    for refund in sorted(earlier, key=lambda r: (r.at, r.refund_id)):
        if missing <= 0:
            break
        part = _taken(payout, refund, -1)
        found.append(part)
        missing += part.amount.amount
    return found


def _taken(payout: Payout, row: RefundedRow, sign: int) -> Part:
    return _part(
        payout,
        "refund",
        sign * row.amount,
        sign * row.commission,
        sign * row.commission_tax,
        sign * row.funded,
        line_id=row.line_id,
        refund_id=row.refund_id,
        quantity=row.quantity,
    )


def _part(
    payout: Payout, kind: str, total: int, commission: int, commission_tax: int, funded: int, **values: object
) -> Part:
    return Part(
        kind=kind,
        amount=Money(total + funded - commission - commission_tax, payout.currency),
        total=Money(total, payout.currency),
        commission=Money(commission, payout.currency),
        commission_tax=Money(commission_tax, payout.currency),
        funded=Money(funded, payout.currency),
        **values,  # type: ignore[arg-type]
    )


def _line(payout: Payout, row: LineRow, numbers: dict[str, str], parts: list[Part]) -> CoveredLine:
    return CoveredLine(
        seq=row.seq,
        entry=row.source,
        kind=row.kind,
        at=row.at.astimezone(UTC),
        amount=Money(row.amount, payout.currency),
        balance=Money(row.balance, payout.currency),
        own=row.seq == payout.last_seq,
        ref=row.ref,
        order_id=row.order_id,
        order_number=row.order_number or numbers.get(row.order_id or ""),
        parcel_id=row.parcel_id,
        note=row.note,
        parts=parts,
    )
