"""Under which terms vendors are paid: they choose when, operators from and up to which amounts."""

from __future__ import annotations

from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.errors import Fault, PreconditionFailed, PreconditionRequired
from estore.kit.money import Money
from estore.services.ledger import store as vendors
from estore.services.ledger.domain.payouts import Terms, TermsDenied, TermsInvalid
from estore.services.ledger.service.access import VendorUnknown, finance_of
from estore.services.ledger.service.payouts.shapes import WEEKDAYS, PutTerms, Rules, TermsView
from estore.services.ledger.service.shapes import PositiveMoney
from estore.services.ledger.store import payouts as store


class PayoutTerms:
    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    async def get_payout_terms(self, tx: Tx, ctx: Context, vendor_id: str) -> TermsView:
        """Show a vendor's terms; the usual ones where nobody has set others. Raises VendorUnknown."""
        return await self._view(tx, await self._vendor(tx, ctx, vendor_id))

    async def put_payout_terms(self, tx: Tx, ctx: Context, request: PutTerms) -> TermsView:
        """Set a vendor's terms. Raises VendorUnknown, TermsDenied, TermsInvalid, PreconditionFailed."""
        vendor_id, body = await self._vendor(tx, ctx, request.vendor_id), request.body
        if ctx.if_match is None:
            raise PreconditionRequired("send the ETag of the terms that you want to change in If-Match")
        operator = ctx.principal.is_operator or ctx.principal.is_system
        amounts = [("/minimum", body.minimum), ("/large", body.large)]
        if not operator and (sent := [name for name, money in amounts if money is not None]):
            raise TermsDenied(errors=[Fault("only operators set it", name) for name in sent])
        if body.weekday is not None and body.schedule != "weekly":
            raise TermsInvalid("only a weekly schedule has a weekday", pointer="/weekday")
        for name, money in amounts:
            self._check_currency(name, money)
        now = (await store.terms_of(tx, [vendor_id], self._rules.usual))[vendor_id]
        weekday = WEEKDAYS.index(body.weekday) + 1 if body.weekday is not None else now.weekday
        wanted = Terms(body.schedule, weekday, now.minimum, now.large)
        minimum, large = (money.amount if money is not None else None for _, money in amounts)
        by = ctx.principal.account_id
        if not await store.put_terms(tx, vendor_id, ctx.if_match.numbers, wanted, (minimum, large), by, ctx.now):
            raise PreconditionFailed("read the terms again before you change them")
        return await self._view(tx, vendor_id)

    @staticmethod
    async def _vendor(tx: Tx, ctx: Context, vendor_id: str) -> str:
        """Return the id. Members know that their vendor exists, even where the ledger was not told yet."""
        finance_of(ctx.principal, vendor_id)
        if vendor_id not in ctx.principal.vendors and not await vendors.vendor_exists(tx, vendor_id):
            raise VendorUnknown()
        return vendor_id

    def _check_currency(self, pointer: str, money: PositiveMoney | None) -> None:
        if money is not None and money.currency != self._rules.currency:
            raise TermsInvalid(f"amounts of terms are in {self._rules.currency}", pointer=f"{pointer}/currency")

    async def _view(self, tx: Tx, vendor_id: str) -> TermsView:
        terms = (await store.terms_of(tx, [vendor_id], self._rules.usual))[vendor_id]
        return TermsView(
            vendor_id=vendor_id,
            schedule=terms.schedule,
            weekday=WEEKDAYS[terms.weekday - 1] if terms.schedule == "weekly" else None,
            minimum=Money(terms.minimum, self._rules.currency),
            large=Money(terms.large, self._rules.currency),
            version=terms.version,
        )
