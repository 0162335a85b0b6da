"""Store credit: what customers have, and what operators give and take back."""

from __future__ import annotations

from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.errors import NotFound, Unauthenticated
from estore.kit.http.pages import Page
from estore.kit.ids import new_id
from estore.kit.money import Money
from estore.services.ledger.domain import Account, AmountInvalid, CurrencyUnknown, Kind
from estore.services.ledger.domain import credit as domain
from estore.services.ledger.domain.credit import CreditInsufficient
from estore.services.ledger.service.books import Books
from estore.services.ledger.service.credit.cards import lines_page
from estore.services.ledger.service.credit.shapes import CreditLine, Grant, GrantCredit, ListCredit, StoreCredit
from estore.services.ledger.store import credit as store


class AccountUnknown(NotFound):
    code, title = "ledger.account_unknown", "There is no such account, or its credit is not yours"


class CreditAccounts:
    """Shows and grants store credit. currency: of the marketplace, in which it is granted."""

    def __init__(self, books: Books, currency: str) -> None:
        self.books = books
        self._currency = currency

    async def show_store_credit(self, tx: Tx, ctx: Context, account_id: str | None) -> StoreCredit:
        """Show one's own store credit, or anybody's as an operator. Raises AccountUnknown, Unauthenticated."""
        owner = _whose(ctx, account_id)
        rows = await store.store_credit(tx, owner)
        return StoreCredit(owner, [Money(row["amount"], row["currency"]) for row in rows])

    async def list_store_credit_lines(self, tx: Tx, ctx: Context, request: ListCredit) -> Page[CreditLine]:
        """Show what moved one's own store credit, or anybody's as an operator, the latest first.

        Raises AccountUnknown.
        """
        return await lines_page(tx, Kind.STORE_CREDIT, _whose(ctx, request.owner), request)

    async def grant_store_credit(self, tx: Tx, ctx: Context, request: GrantCredit) -> Grant:
        """Give an account credit, or take some back. Raises CurrencyUnknown, AmountInvalid, CreditInsufficient."""
        amount, currency = request.amount.amount, request.amount.currency
        if not amount:
            raise AmountInvalid("zero changes nothing", pointer="/amount/amount")
        if currency != self._currency:
            raise CurrencyUnknown(f"credit is granted in {self._currency}", pointer="/amount/currency")
        to = Account(Kind.STORE_CREDIT, request.account_id, currency)
        paid_by = domain.funded_by(request.funding, currency)
        left = -(await self.books.journal.lock(tx, [to, paid_by], ctx.now))[to].amount
        if left + amount < 0:
            raise CreditInsufficient(f"{left} are left", pointer="/amount/amount")
        grant_id = new_id("crg")
        posting = domain.granted(grant_id, to, amount, request.funding, request.reason, ctx.now)
        await self.books.post(tx, ctx, [posting], ctx.now)
        await store.insert_grant(tx, grant_id, to, amount, request.funding, request.reason, ctx)
        made, balance = Money(amount, currency), Money(left + amount, currency)
        return Grant(grant_id, request.account_id, made, request.reason, request.funding, balance, ctx.now)


def _whose(ctx: Context, account_id: str | None) -> str:
    """Return whose credit to show. Raises AccountUnknown for somebody else's, unless an operator asks."""
    own = ctx.principal.account_id
    if account_id is not None and account_id != own and not (ctx.principal.is_operator or ctx.principal.is_system):
        raise AccountUnknown()
    owner = account_id or own
    if owner is None:
        raise Unauthenticated("sign in first")
    return owner
