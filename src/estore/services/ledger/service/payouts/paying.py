"""Making payouts: asked for, or by schedule. Only what is available goes, whoever asks at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import msgspec

from estore.contracts.ledger import PayoutCreated
from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.ids import new_id
from estore.kit.money import Money
from estore.services.ledger.domain import Account, Kind, of_vendor
from estore.services.ledger.domain.payouts import (
    Coverage,
    Payee,
    Payout,
    PayoutBelowMinimum,
    PayoutCurrencyUnknown,
    PayoutExceedsAvailable,
    PayoutOnHold,
    Status,
    Terms,
    cover,
    weekdays_due,
)
from estore.services.ledger.service.access import finance_of
from estore.services.ledger.service.books import Books
from estore.services.ledger.service.payouts.reading import Reading
from estore.services.ledger.service.payouts.shapes import Chain, PayoutView, RequestPayout, Rules
from estore.services.ledger.store import Balance
from estore.services.ledger.store import payouts as store

AT_ONCE = 200
_LOCKED = (Kind.AVAILABLE, Kind.RESERVED, Kind.PAYING)


class Wanted:
    """A payout to be made. amount: minor units; None: all that is available."""

    def __init__(self, payee: Payee, currency: str, terms: Terms, amount: int | None = None) -> None:
        self.payee = payee
        self.currency = currency
        self.terms = terms
        self.amount = amount

    @property
    def available(self) -> Account:
        return of_vendor(Kind.AVAILABLE, self.payee.vendor_id, self.currency)


class Paying:
    def __init__(self, books: Books, rules: Rules, reading: Reading) -> None:
        self._books = books
        self._rules = rules
        self._reading = reading

    async def request_payout(self, tx: Tx, ctx: Context, request: RequestPayout) -> PayoutView:
        """Pay a vendor out now.

        Raises VendorUnknown, PayoutOnHold, PayoutCurrencyUnknown, PayoutExceedsAvailable, PayoutBelowMinimum.
        """
        vendor_id = finance_of(ctx.principal, request.vendor_id)
        payees = await store.payees(tx, [vendor_id], self._rules.cooling)
        payee = payees.get(vendor_id) or Payee(vendor_id, "unknown", None, False, None)
        if (hold := payee.hold(ctx.now)) is not None:
            raise PayoutOnHold(hold[1], pointer="/vendor_id", reason=hold[0])
        currency = request.amount.currency if request.amount else self._rules.currency
        self._refuse_currency(currency)
        terms = (await store.terms_of(tx, [vendor_id], self._rules.usual))[vendor_id]
        wanted = Wanted(payee, currency, self._in(currency, terms), request.amount.amount if request.amount else None)
        if not await store.has_account(tx, vendor_id, currency):
            pointer = "/amount/currency" if request.amount else "/vendor_id"
            raise PayoutCurrencyUnknown(f"it has never earned any {currency}", pointer=pointer)
        balances = await self._lock(tx, ctx, [wanted])
        amount = self._checked(wanted, -balances[wanted.available].amount)
        (payout,) = await self._make(tx, ctx, [(wanted, amount)], balances, None)
        return await self._reading.view(tx, ctx, payout)

    async def run_schedule(self, tx: Tx, ctx: Context, at_most: int) -> int:
        """Pay out whoever the schedule pays today; returns how many were looked at.

        A vendor is paid once a day at most, as soon as enough is available on a day of its schedule (UTC). A weekly
        schedule whose whole day was missed is made up for on the next day on which this runs.
        """
        rules, today = self._rules, ctx.now.date()
        last = await store.last_run(tx)
        due = await store.due_vendors(
            tx,
            ctx.now,
            rules.usual,
            rules.cooling,
            at_most,
            weekdays=weekdays_due(last, today),
            currency=rules.currency,
            currencies=sorted(rules.currencies) if rules.currencies is not None else None,
        )
        if len(due) < at_most and (last is None or last < today):
            await store.note_run(tx, today)
        if not due:
            return 0
        vendors = sorted({vendor for vendor, _ in due})
        payees = await store.payees(tx, vendors, self._rules.cooling)
        terms = await store.terms_of(tx, vendors, self._rules.usual)
        wanted = [Wanted(payees[vendor], currency, self._in(currency, terms[vendor])) for vendor, currency in due]
        balances = await self._lock(tx, ctx, wanted)
        # What was due may have been paid out, or refunded, before the locks were had.
        paid = await store.scheduled_today(tx, [balances[w.available].account_id for w in wanted], ctx.now.date())
        going = [
            (w, -balances[w.available].amount)
            for w in wanted
            if balances[w.available].account_id not in paid
            and -balances[w.available].amount >= w.terms.minimum
            and w.payee.hold(ctx.now) is None
        ]
        await self._make(tx, ctx, going, balances, ctx.now.date())
        return len(due)

    def _in(self, currency: str, terms: Terms) -> Terms:
        return terms if currency == self._rules.currency else terms.for_other_currency()

    def _refuse_currency(self, currency: str) -> None:
        if self._rules.currencies is not None and currency not in self._rules.currencies:
            known = ", ".join(sorted(self._rules.currencies))
            raise PayoutOnHold(f"our bank pays out {known} only", pointer="/amount/currency", reason="currency")

    def _checked(self, wanted: Wanted, available: int) -> int:
        amount = available if wanted.amount is None else wanted.amount
        pointer = "/vendor_id" if wanted.amount is None else "/amount/amount"
        left = Money(available, wanted.currency)
        if amount > available:
            raise PayoutExceedsAvailable(
                f"{available} {wanted.currency} in minor units are available", pointer=pointer, available=left
            )
        if amount < max(wanted.terms.minimum, 1):
            raise PayoutBelowMinimum(
                f"{amount} is less than {wanted.terms.minimum} {wanted.currency}, in minor units",
                pointer=pointer,
                available=left,
                minimum=Money(wanted.terms.minimum, wanted.currency),
            )
        return amount

    async def _lock(self, tx: Tx, ctx: Context, wanted: Sequence[Wanted]) -> dict[Account, Balance]:
        accounts = [w.available._replace(kind=kind) for w in wanted for kind in _LOCKED]
        return await self._books.journal.lock(tx, accounts, ctx.now)

    async def _make(
        self,
        tx: Tx,
        ctx: Context,
        going: Sequence[tuple[Wanted, int]],
        balances: dict[Account, Balance],
        day: date | None,
    ) -> list[Payout]:
        """Make payouts of locked balances, with their entries and events."""
        if not going:
            return []
        before = await store.covered_until(tx, [balances[w.available].account_id for w, _ in going])
        payouts = []
        for wanted, amount in going:
            balance = balances[wanted.available]
            coverage = cover(amount, -balance.amount, balance.lines, before.get(balance.account_id))
            payouts.append(self._payout(ctx, wanted, amount, coverage, balance.account_id, day))
        await self._books.post(tx, ctx, [payout.opened() for payout in payouts], ctx.now)
        await store.insert_payouts(tx, payouts)
        for payout in payouts:
            tx.emit(
                PayoutCreated(
                    payout_id=payout.id,
                    vendor_id=payout.vendor_id,
                    amount=payout.amount,
                    currency=payout.currency,
                    version=payout.version,
                ),
                Chain.of(payout, ctx.now),
            )
        return payouts

    def _payout(
        self, ctx: Context, wanted: Wanted, amount: int, coverage: Coverage, account_id: int, day: date | None
    ) -> Payout:
        large = amount > wanted.terms.large
        direct = not large and not self._rules.by_file
        return Payout(
            id=new_id("po"),
            vendor_id=wanted.payee.vendor_id,
            account_id=account_id,
            currency=wanted.currency,
            amount=amount,
            status=Status.AWAITING_APPROVAL if large else Status.CREATED,
            **msgspec.structs.asdict(coverage),
            gateway=self._rules.gateway,
            bank_token=wanted.payee.bank_token or "",
            scheduled_for=day,
            requested_by=ctx.principal.account_id,
            step="send" if direct else None,
            due_at=ctx.now if direct else None,
            created_at=ctx.now,
            correlation_id=ctx.correlation_id,
            causation_id=ctx.causation_id,
            traceparent=ctx.traceparent,
        )
