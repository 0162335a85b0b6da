"""What operators correct, and under which terms vendors' money is held back."""

from __future__ import annotations

from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.errors import PreconditionFailed, PreconditionRequired
from estore.kit.ids import new_id
from estore.services.ledger import store
from estore.services.ledger.domain import (
    AmountInvalid,
    CurrencyUnknown,
    EntryKind,
    Kind,
    PayeeUnknown,
    Posting,
    of_platform,
    of_vendor,
)
from estore.services.ledger.domain.earnings import Reserve
from estore.services.ledger.service.access import VendorUnknown
from estore.services.ledger.service.books import Books
from estore.services.ledger.service.shapes import Adjust, Adjustment, ReserveTerms, ReserveTermsView


class Payees:
    """Who can be paid, in what. currency: of the marketplace. terms: of those for whom no others were set."""

    def __init__(self, currency: str, terms: Reserve) -> None:
        self.currency = currency
        self.terms = terms

    async def check(self, tx: Tx, vendor_id: str, currency: str) -> None:
        """Raises PayeeUnknown, and CurrencyUnknown for one in which the vendor never earned anything."""
        if not await store.vendor_exists(tx, vendor_id):
            raise PayeeUnknown(f"{vendor_id} is not known here", pointer="/vendor_id")
        if currency != self.currency and not await store.earns_in(tx, vendor_id, currency):
            raise CurrencyUnknown(f"it is paid in {self.currency}", pointer="/amount/currency")


class Adjusting:
    def __init__(self, books: Books, payees: Payees) -> None:
        self.books = books
        self.payees = payees

    async def adjust(self, tx: Tx, ctx: Context, request: Adjust) -> Adjustment:
        """Correct what a vendor is owed. Raises PayeeUnknown, CurrencyUnknown, AmountInvalid."""
        amount, currency = request.amount.amount, request.amount.currency
        if not amount:
            raise AmountInvalid("zero changes nothing", pointer="/amount/amount")
        await self.payees.check(tx, request.vendor_id, currency)
        made = Adjustment(new_id("adj"), request.vendor_id, request.amount, request.reason, ctx.now)
        posting = Posting(
            source=f"adjustment:{made.id}",
            kind=EntryKind.ADJUSTMENT,
            currency=currency,
            ref=made.id,
            note=request.reason,
            occurred_at=ctx.now,
            lines=(
                (of_vendor(Kind.AVAILABLE, request.vendor_id, currency), -amount),
                (of_platform(Kind.ADJUSTMENTS, currency), amount),
            ),
        )
        await self.books.post(tx, ctx, [posting], ctx.now)
        await store.insert_adjustment(tx, made.id, made.vendor_id, amount, currency, made.reason, ctx)
        return made

    async def show_terms(self, tx: Tx, ctx: Context, vendor_id: str) -> ReserveTermsView:
        """Show a vendor's rolling reserve. Raises VendorUnknown."""
        found = await store.reserve_terms(tx, vendor_id)
        if found is None:
            raise VendorUnknown()
        terms, version = found
        used = terms or self.payees.terms
        return ReserveTermsView(vendor_id, used.bps, used.days, terms is None, version)

    async def set_terms(self, tx: Tx, ctx: Context, request: tuple[str, ReserveTerms]) -> ReserveTermsView:
        """Set a vendor's rolling reserve, for what becomes available from now on. Raises VendorUnknown,
        PreconditionRequired, PreconditionFailed."""
        vendor_id, wanted = request
        before = await store.reserve_terms(tx, vendor_id, lock=True)
        if before is None:
            raise VendorUnknown()
        if ctx.if_match is None:
            raise PreconditionRequired("send the ETag of the terms that you want to change in If-Match")
        if before[1] not in ctx.if_match:
            raise PreconditionFailed(f"they are at version {before[1]} now")
        version = await store.save_reserve_terms(tx, vendor_id, wanted.reserve_bps, wanted.reserve_days, ctx)
        return ReserveTermsView(vendor_id, wanted.reserve_bps, wanted.reserve_days, False, version)
