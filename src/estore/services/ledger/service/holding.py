"""What is held back while a return, a dispute or an operator's doubt is open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from estore.contracts.orders import ReturnClosed, ReturnRequested
from estore.contracts.payments import PaymentDisputeClosed, PaymentDisputed
from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.envelope import Message
from estore.kit.ids import new_id
from estore.kit.telemetry import log
from estore.services.ledger import store
from estore.services.ledger.domain import HoldNotYours, HoldUnknown, Kind, Posting, SaleUnknown, entries
from estore.services.ledger.domain.earnings import Earning, Hold, disputed_shares
from estore.services.ledger.service.adjusting import Payees
from estore.services.ledger.service.books import Books
from estore.services.ledger.service.fitting import fit
from estore.services.ledger.service.reading import hold_view
from estore.services.ledger.service.shapes import HoldMoney, HoldView

_log = log(__name__)

# After so many deliveries a disputed order that was never sold is taken for one that never will be.
SALE_AWAITED = 8
ENDED_BY_HAND = frozenset({"operator", "rolling"})


class Holding:
    def __init__(self, books: Books, payees: Payees) -> None:
        self.books = books
        self.payees = payees

    async def return_requested(self, tx: Tx, messages: Sequence[Message[ReturnRequested]]) -> None:
        """Hold what the vendor would bear, unless the return is over already. Raises SaleUnknown."""
        now = messages[0].now
        closed = await store.lock_matters(tx, [("return", m.data.return_id) for m in messages], (), now)
        events = [m.data for m in messages if ("return", m.data.return_id) not in closed and m.data.payable > 0]
        parcels = await store.lock_earnings(tx, [event.parcel_id for event in events])
        if missing := {event.parcel_id for event in events} - parcels.keys():
            raise SaleUnknown(f"parcel {min(missing)} is not known yet")
        holds = [
            Hold(
                id=new_id("hld"),
                vendor_id=event.vendor_id,
                currency=event.currency,
                kind="return",
                ref=event.return_id,
                parcel_id=event.parcel_id,
                amount=0,
                wanted=event.payable,
                reserved=parcels[event.parcel_id].account is Kind.AVAILABLE,
                reason=event.reason,
                held_at=now,
            )
            for event in events
        ]
        await self._hold(tx, messages[0], holds, parcels.values(), [])

    async def return_closed(self, tx: Tx, messages: Sequence[Message[ReturnClosed]]) -> None:
        """Let go what was held for it."""
        await self._end(tx, messages[0], [("return", m.data.return_id) for m in messages], [])

    async def payment_disputed(self, tx: Tx, messages: Sequence[Message[PaymentDisputed]]) -> None:
        """The bank took it: hold of each vendor what it would lose. Raises SaleUnknown."""
        now = messages[0].now
        closed = await store.lock_matters(tx, [("dispute", m.data.dispute_id) for m in messages], (), now)
        orders = await store.lock_earnings_of(tx, [m.data.order_id for m in messages])
        holds: list[Hold] = []
        for m in messages:
            if m.data.order_id in orders:
                if ("dispute", m.data.dispute_id) not in closed:
                    holds += _held_for(m, orders[m.data.order_id])
            elif m.envelope.attempt < SALE_AWAITED:
                raise SaleUnknown(f"order {m.data.order_id} is not known yet")
            else:
                _log.warning("a dispute about what was never sold", order_id=m.data.order_id, ref=m.data.dispute_id)
        disputed = [entries.disputed(m.data, m.envelope.time) for m in messages]
        parcels = [parcel for order_id in sorted(orders) for parcel in orders[order_id]]
        await self._hold(tx, messages[0], holds, parcels, disputed)

    async def dispute_closed(self, tx: Tx, messages: Sequence[Message[PaymentDisputeClosed]]) -> None:
        """Won: the money is back, and nothing is held any more. Lost: orders allocates it, which ends the holds."""
        won = [("dispute", m.data.dispute_id) for m in messages if m.data.won]
        await self._end(tx, messages[0], won, [entries.dispute_closed(m.data) for m in messages])

    async def hold_money(self, tx: Tx, ctx: Context, request: HoldMoney) -> HoldView:
        """An operator holds what a vendor would be paid. Raises PayeeUnknown, CurrencyUnknown, AmountInvalid."""
        await self.payees.check(tx, request.vendor_id, request.amount.currency)
        hold_id = new_id("hld")
        hold = Hold(
            id=hold_id,
            vendor_id=request.vendor_id,
            currency=request.amount.currency,
            kind="operator",
            ref=hold_id,
            parcel_id=None,
            amount=request.amount.amount,
            wanted=request.amount.amount,
            changes=1,
            reserved=True,
            reason=request.reason,
            held_at=ctx.now,
            release_at=request.release_at,
        )
        await store.insert_holds(tx, [hold])
        await self.books.post(tx, ctx, [hold.moved_by(hold.amount, ctx.now)], ctx.now)
        return hold_view(hold, None)

    async def release_hold(self, tx: Tx, ctx: Context, hold_id: str) -> HoldView:
        """An operator lets it go; once is enough. Raises HoldUnknown, HoldNotYours."""
        found = await store.lock_hold(tx, hold_id)
        if found is None:
            raise HoldUnknown()
        hold, released_at = found
        if released_at is not None:
            return hold_view(hold, released_at)
        if hold.kind not in ENDED_BY_HAND:
            raise HoldNotYours(f"it ends with the {hold.kind} {hold.ref}")
        await store.release_hold(tx, hold_id, ctx.now)
        await self.books.post(tx, ctx, [hold.ended(ctx.now)], ctx.now)
        return hold_view(hold, ctx.now)

    async def release_due_holds(self, tx: Tx, ctx: Context, at_most: int) -> int:
        """Let go what was held until now; returns how many."""
        ended = await store.release_due_holds(tx, ctx.now, at_most)
        await self.books.post(tx, ctx, [hold.ended(ctx.now) for hold in ended if hold.reserved], ctx.now)
        return len(ended)

    async def _hold(
        self,
        tx: Tx,
        cause: Message[ReturnRequested] | Message[PaymentDisputed],
        holds: Sequence[Hold],
        parcels: Iterable[Earning],
        postings: Sequence[Posting],
    ) -> None:
        """Keep holds on locked parcels, as far as they fit."""
        await store.insert_holds(tx, holds)
        entered = await fit(tx, parcels, cause.now) if holds else []
        await self.books.post(tx, cause, [*postings, *entered], cause.now)

    async def _end(
        self,
        tx: Tx,
        cause: Message[ReturnClosed] | Message[PaymentDisputeClosed],
        matters: Sequence[tuple[str, str]],
        postings: Sequence[Posting],
    ) -> None:
        """End what is held for matters; what others hold on the same parcels may grow by it."""
        await store.lock_matters(tx, (), matters, cause.now)
        held = await store.parcels_held_for(tx, matters)
        parcels = await store.lock_earnings(tx, held) if held else {}
        ended = await store.release_holds_of(tx, matters, cause.now) if held else []
        moved = [hold.ended(cause.now) for hold in ended if hold.reserved]
        moved += await fit(tx, parcels.values(), cause.now)
        await self.books.post(tx, cause, [*postings, *moved], cause.now)


def _held_for(message: Message[PaymentDisputed], parcels: Sequence[Earning]) -> list[Hold]:
    """Return one hold per vendor. A vendor has one parcel of an order."""
    event = message.data
    return [
        Hold(
            id=new_id("hld"),
            vendor_id=parcel.vendor_id,
            currency=event.currency,
            kind="dispute",
            ref=event.dispute_id,
            parcel_id=parcel.parcel_id,
            amount=0,
            wanted=amount,
            reserved=parcel.account is Kind.AVAILABLE,
            reason=event.reason,
            held_at=message.now,
        )
        for parcel, amount in zip(parcels, disputed_shares(event.amount, parcels), strict=True)
        if amount > 0
    ]
