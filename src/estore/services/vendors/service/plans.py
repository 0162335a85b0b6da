"""What a vendor pays: shown to those who count money, changed by operators."""

from __future__ import annotations

from datetime import UTC, datetime

from estore.contracts.vendors import Rate
from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.money import Money
from estore.services.vendors.domain import FARTHEST, CurrencyWrong, RateInPast, RateTooFar, Vendor
from estore.services.vendors.service.access import finance, found
from estore.services.vendors.service.changing import change, need_version
from estore.services.vendors.service.shapes import PlanForm, PlanView, RateView


class Plans:
    """currency: of the marketplace, in which the part per piece is."""

    def __init__(self, currency: str) -> None:
        self._currency = currency

    async def show_plan(self, tx: Tx, ctx: Context, key: str) -> PlanView:
        """Show a vendor's plan. Raises VendorNotFound, FinanceOnly."""
        vendor = await found(tx, key)
        finance(vendor, ctx)
        return self._view(vendor)

    async def replan(self, tx: Tx, ctx: Context, request: tuple[str, PlanForm]) -> PlanView:
        """Change a vendor's plan, for orders to come.

        Raises PreconditionRequired, PreconditionFailed, CurrencyWrong, RateTooFar, and what `amended` raises.
        """
        need_version(ctx)
        key, form = request

        def step(vendor: Vendor) -> Vendor:
            return vendor.replan(self._rates(form, vendor, ctx.now), form.tax_bps, ctx.now)

        return self._view(await change(tx, ctx, key, "plan_changed", step))

    def _rates(self, form: PlanForm, vendor: Vendor, now: datetime) -> tuple[Rate, ...]:
        rates = []
        for number, one in enumerate(form.rates):
            pointer = f"/rates/{number}"
            if one.fixed is not None and one.fixed.currency != self._currency:
                raise CurrencyWrong(f"it is {self._currency}", pointer=f"{pointer}/fixed/currency")
            begins = now if one.valid_from is None else one.valid_from
            # Compared before it is converted: the ends of the calendar have no UTC.
            if begins < vendor.applied_at:
                raise RateInPast(pointer=f"{pointer}/valid_from")
            if begins > now + FARTHEST:
                raise RateTooFar(pointer=f"{pointer}/valid_from")
            fixed = 0 if one.fixed is None else one.fixed.amount
            rates.append(Rate(category=one.category, bps=one.bps, fixed=fixed, valid_from=begins.astimezone(UTC)))
        return tuple(rates)

    def _view(self, vendor: Vendor) -> PlanView:
        rates = [RateView(r.category, r.bps, Money(r.fixed, self._currency), r.valid_from) for r in vendor.plan.rates]
        return PlanView(rates, vendor.plan.tax_bps, vendor.version)
