"""Who bears what went back to customers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from estore.contracts.orders import RefundAllocated
from estore.contracts.payments import PaymentRefunded, PaymentRefundFailed
from estore.kit.db import Record, Tx
from estore.kit.envelope import Message
from estore.services.ledger import store
from estore.services.ledger.domain import EntryKind, Posting, SaleUnknown, entries
from estore.services.ledger.domain.accounts import OF_VENDORS, Account, of_vendor
from estore.services.ledger.domain.earnings import Earning
from estore.services.ledger.domain.entries import borne_by_vendor, summed
from estore.services.ledger.service.books import Books
from estore.services.ledger.service.fitting import fit


class Refunding:
    def __init__(self, books: Books) -> None:
        self.books = books

    async def payment_refunded(self, tx: Tx, messages: Sequence[Message[PaymentRefunded]]) -> None:
        """A provider gave money back."""
        await self.books.post(tx, messages[0], [entries.refunded(m.data) for m in messages], messages[0].now)

    async def refund_allocated(self, tx: Tx, messages: Sequence[Message[RefundAllocated]]) -> None:
        """Vendors and the marketplace bear it. What was held for it is let go at once. Raises SaleUnknown.

        A refund that is known to have failed is not posted: it was undone before it was done. Of a parcel whose money
        is available, a refund takes the rolling reserve first.
        """
        now = messages[0].now
        closing = {matter for m in messages for matter in _ends(m.data)}
        closed = await store.lock_matters(tx, [("refund", m.data.refund_id) for m in messages], closing, now)
        events = {m.data.refund_id: m.data for m in messages if ("refund", m.data.refund_id) not in closed}
        wanted = {share.parcel_id for event in events.values() for share in event.shares}
        parcels = await store.lock_earnings(tx, wanted | await store.parcels_held_for(tx, closing))
        if missing := wanted - parcels.keys():
            raise SaleUnknown(f"parcel {min(missing)} is not known yet")
        stages = {parcel_id: parcel.account for parcel_id, parcel in parcels.items()}
        # The refunds' matters are locked, so nobody posts them meanwhile.
        known = await store.lines_of(tx, [f"refund:{refund_id}" for refund_id in events])
        fresh = [event for event in events.values() if f"refund:{event.refund_id}" not in known]
        ended = await store.release_holds_of(tx, closing, now)
        taken = _taken(fresh)
        if taken:
            await store.insert_refunds(tx, fresh)
            await store.take_from_earnings(tx, taken)
        postings = [entries.allocated(event, stages) for event in fresh]
        postings += [hold.ended(now) for hold in ended if hold.reserved]
        borne = {parcel_id: amount for parcel_id, (_, amount, _) in taken.items()}
        postings += await fit(tx, _after(parcels, borne), now, borne)
        await self.books.post(tx, messages[0], postings, now)

    async def refund_failed(self, tx: Tx, messages: Sequence[Message[PaymentRefundFailed]]) -> None:
        """It did not happen: what it took goes back to where the vendors' money is now."""
        now = messages[0].now
        refunds = {m.data.refund_id: m.data for m in messages}
        await store.lock_matters(tx, (), [("refund", refund_id) for refund_id in refunds], now)
        took = await store.refunded_parcels(tx, list(refunds))
        parcels = await store.lock_earnings(tx, [row["parcel_id"] for row in took])
        lines = await store.lines_of(tx, [f"{verb}:{each}" for each in refunds for verb in ("refund", "refund_undone")])
        postings = [
            _undone(event, lines[f"refund:{refund_id}"], _back(refund_id, took, parcels), now)
            for refund_id, event in refunds.items()
            if f"refund:{refund_id}" in lines and f"refund_undone:{refund_id}" not in lines
        ]
        back: dict[str, tuple[int, int, bool]] = {}
        for row in took:
            amount, borne, _ = back.get(row["parcel_id"], (0, 0, False))
            back[row["parcel_id"]] = (amount - row["amount"], borne - row["borne"], False)
        if back:
            await store.take_from_earnings(tx, back)
            await store.undo_refunds(tx, sorted(refunds), now)
        returned = {parcel_id: borne for parcel_id, (_, borne, _) in back.items()}
        postings += await fit(tx, _after(parcels, returned), now)
        await self.books.post(tx, messages[0], postings, now)


def _after(parcels: Mapping[str, Earning], taken: Mapping[str, int]) -> list[Earning]:
    """Return locked parcels as they are once so much more was taken of them."""
    return [
        msgspec.structs.replace(parcel, taken=parcel.taken + taken.get(parcel_id, 0))
        for parcel_id, parcel in parcels.items()
    ]


def _ends(event: RefundAllocated) -> list[tuple[str, str]]:
    """Return the matters that a refund is the end of."""
    ends = [("return", event.return_id)] if event.return_id else []
    return [*ends, ("dispute", event.refund_id)] if event.cause == "dispute" else ends


def _taken(events: Sequence[RefundAllocated]) -> Mapping[str, tuple[int, int, bool]]:
    taken: dict[str, tuple[int, int, bool]] = defaultdict(lambda: (0, 0, False))
    for event in events:
        for share in event.shares:
            amount, borne, cancelled = taken[share.parcel_id]
            taken[share.parcel_id] = (
                amount + share.amount,
                borne + borne_by_vendor(share),
                cancelled or event.cause == "cancelled",
            )
    return taken


def _back(refund_id: str, took: Sequence[Record], parcels: Mapping[str, Earning]) -> list[tuple[Account, int]]:
    """Return what each vendor gets back, where its money is now."""
    back = [(parcels[row["parcel_id"]], row["borne"]) for row in took if row["refund_id"] == refund_id]
    return [(of_vendor(parcel.account, parcel.vendor_id, parcel.currency), -borne) for parcel, borne in back]


def _undone(
    event: PaymentRefundFailed, said: Sequence[tuple[Account, int]], back: Sequence[tuple[Account, int]], now: datetime
) -> Posting:
    platform = [(account, -amount) for account, amount in said if account.kind not in OF_VENDORS]
    return Posting(
        source=f"refund_undone:{event.refund_id}",
        kind=EntryKind.REFUND_UNDONE,
        currency=event.currency,
        ref=event.refund_id,
        order_id=event.order_id,
        note=event.code,
        occurred_at=now,
        lines=summed([*back, *platform]),
    )
