"""Orders pay with credit, and get it back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from estore.contracts.ledger import CreditHeld, CreditRefused
from estore.contracts.orders import OrderCreditRequested, RefundCredited
from estore.kit.db import Record, Tx
from estore.kit.envelope import Message
from estore.services.ledger.domain import Account, Kind, Posting, of_platform
from estore.services.ledger.domain import credit as domain
from estore.services.ledger.domain.credit import CreditUnknown, Decision, Return, Use, decide, give_back
from estore.services.ledger.service.books import Books
from estore.services.ledger.store import cards as cards_store
from estore.services.ledger.store import credit as store


class Spending:
    """Holds credit for orders, and gives it back."""

    def __init__(self, books: Books) -> None:
        self.books = books

    async def credit_requested(self, tx: Tx, messages: Sequence[Message[OrderCreditRequested]]) -> None:
        """Hold all of an order's credit, or nothing, and say which. A batch is a constant number of statements.

        Orders of one batch that want the same card are decided in order. One that was decided on before, however long
        ago, is answered the same.
        """
        asked = {m.data.order_id: m for m in reversed(messages)}
        fresh = await store.claim_credit(tx, [m.data for m in asked.values()], messages[0].now)
        wanted = [m for m in messages if m is asked[m.data.order_id] and m.data.order_id in fresh]
        if wanted:
            await self._decide(tx, wanted)
        answers = await store.credit_answers(tx, list(asked))
        for order_id, message in asked.items():
            tx.emit(_answer(answers[order_id]), message)

    async def _decide(self, tx: Tx, messages: Sequence[Message[OrderCreditRequested]]) -> None:
        now = messages[0].now
        uses = [(m.data, use) for m in messages for use in m.data.uses]
        cards = await cards_store.lock_cards_by_codes(
            tx, [use.gift_card_hash for _, use in uses if use.kind == Kind.GIFT_CARD]
        )
        accounts = {card.account for card in cards.values()}
        accounts |= {
            Account(Kind.STORE_CREDIT, event.account_id, event.currency)
            for event, use in uses
            if use.kind == Kind.STORE_CREDIT and event.account_id is not None
        }
        customers = {of_platform(Kind.CUSTOMER, m.data.currency) for m in messages}
        locked = await self.books.journal.lock(tx, accounts | customers, now)
        left = {account: -balance.amount for account, balance in locked.items()}
        decisions = {m.data.order_id: decide(m.data, cards, left, now) for m in messages}
        postings = [
            domain.held(m.data, decision.paid, now)
            for m in messages
            if (decision := decisions[m.data.order_id]).held and decision.paid
        ]
        await self.books.post(tx, messages[0], postings, now)
        await store.keep_decisions(tx, decisions)

    async def refund_credited(self, tx: Tx, messages: Sequence[Message[RefundCredited]]) -> None:
        """Give credit back to where it came from; see `give_back`. Raises CreditUnknown, CreditExceeded."""
        now = messages[0].now
        refunds = {m.data.refund_id: m.data for m in messages}
        orders = await store.lock_credit(tx, [event.order_id for event in refunds.values()])
        if missing := {event.order_id for event in refunds.values()} - orders.keys():
            raise CreditUnknown(f"nothing is known of credit for {min(missing)}")
        done = await store.credit_returned(tx, list(refunds))
        uses: dict[str, list[Use]] = defaultdict(list)
        for use in await store.credit_uses(tx, list(orders)):
            uses[use.order_id].append(use)
        cards = await cards_store.lock_cards(
            tx, [use.owner for each in uses.values() for use in each if use.kind == Kind.GIFT_CARD]
        )
        returns: list[Return] = []
        postings: list[Posting] = []
        for event in refunds.values():
            if event.refund_id in done:
                continue
            account = _account_of(orders[event.order_id])
            made = give_back(event.refund_id, event.amount, uses[event.order_id], cards, account, now)
            uses[event.order_id] = _less(uses[event.order_id], made)
            returns += made
            postings.append(domain.returned(event.refund_id, event.order_id, event.currency, made, now))
        if returns:
            await cards_store.restore_cards(tx, [each.to.owner for each in returns if each.restores], now)
            await store.insert_returns(tx, returns, now)
        await self.books.post(tx, messages[0], postings, now)


def _answer(row: Record) -> CreditHeld | CreditRefused:
    decision = Decision(row["code"], row["detail"])
    if decision.held:
        return CreditHeld(order_id=row["order_id"], amount=row["amount"], currency=row["currency"])
    return CreditRefused(order_id=row["order_id"], code=decision.code, detail=decision.detail)


def _account_of(order: Record) -> Account | None:
    account_id = order["account_id"]
    return None if account_id is None else Account(Kind.STORE_CREDIT, account_id, order["currency"])


def _less(uses: Sequence[Use], made: Sequence[Return]) -> list[Use]:
    taken = {each.no: each.amount for each in made}
    return [msgspec.structs.replace(use, left=use.left - taken.get(use.no, 0)) for use in uses]
