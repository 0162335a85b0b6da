"""What orders hold of credit and get back, what accounts were granted. Orders' credit is locked here only, sorted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from estore.contracts.orders import OrderCreditRequested
from estore.kit.context import Context
from estore.kit.db import Record, Tx
from estore.services.ledger.domain import Account
from estore.services.ledger.domain.credit import Decision, Return, Use

# Whoever asks for the same order at once waits here, and finds the answer.
_CLAIM = """
INSERT INTO credit_order (order_id, account_id, currency, amount, decided_at)
SELECT order_id, account_id, currency, amount, $5
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS n (order_id, account_id, currency, amount)
ORDER BY order_id ON CONFLICT DO NOTHING RETURNING order_id
"""
_ANSWERS = "SELECT order_id, currency, amount, code, detail FROM credit_order WHERE order_id = ANY($1::text[])"
_DECIDE = """
WITH decided AS (
    UPDATE credit_order o SET code = n.code, detail = n.detail
    FROM unnest($1::text[], $2::text[], $3::text[]) AS n (order_id, code, detail) WHERE o.order_id = n.order_id
)
INSERT INTO credit_use (order_id, no, kind, owner, amount)
SELECT * FROM unnest($4::text[], $5::smallint[], $6::text[], $7::text[], $8::bigint[])
"""
_LOCK = """
SELECT order_id, account_id, currency FROM credit_order
WHERE order_id = ANY($1::text[]) AND code IS NOT NULL ORDER BY order_id FOR UPDATE
"""
_USES = """
SELECT order_id, no, kind, owner, amount - given_back FROM credit_use WHERE order_id = ANY($1::text[])
ORDER BY order_id, no
"""
_RETURN = """
WITH kept AS (
    INSERT INTO credit_return (refund_id, order_id, no, kind, owner, amount, returned_at)
    SELECT *, $7 FROM unnest($1::text[], $2::text[], $3::smallint[], $4::text[], $5::text[], $6::bigint[])
)
UPDATE credit_use u SET given_back = u.given_back + n.amount
FROM (SELECT order_id, no, sum(amount)::bigint AS amount
      FROM unnest($2::text[], $3::smallint[], $6::bigint[]) AS r (order_id, no, amount) GROUP BY 1, 2) n
WHERE u.order_id = n.order_id AND u.no = n.no
"""
_GRANT = """
INSERT INTO credit_grant (id, account_id, currency, amount, funding, card_id, reason, made_by, made_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_BALANCES = """
SELECT a.currency, -b.amount AS amount FROM account a JOIN balance b ON b.account_id = a.id
WHERE a.kind = 'store_credit' AND a.owner = $1 ORDER BY a.currency
"""
_LINES = """
SELECT l.posted_at, l.account_id, l.seq, e.kind, e.ref, e.order_id, e.note, a.currency, -l.amount AS amount,
       -l.balance AS balance
FROM account a CROSS JOIN LATERAL (
    SELECT * FROM line WHERE account_id = a.id
        AND ($3::timestamptz IS NULL OR (posted_at, a.id, seq) < ($3, $4::int, $5::bigint))
    ORDER BY posted_at DESC, seq DESC LIMIT $6) l
JOIN entry e ON e.id = l.entry_id
WHERE a.kind = $1 AND a.owner = $2 ORDER BY l.posted_at DESC, l.account_id DESC, l.seq DESC LIMIT $6
"""
Place = tuple[datetime, int, int] | None


async def claim_credit(tx: Tx, events: Sequence[OrderCreditRequested], now: datetime) -> set[str]:
    """Return the orders of `events` that nobody has decided on before; they are this transaction's to decide."""
    rows = await tx.fetch(
        _CLAIM,
        [event.order_id for event in events],
        [event.account_id for event in events],
        [event.currency for event in events],
        [sum(use.amount for use in event.uses) for event in events],
        now,
    )
    return {row["order_id"] for row in rows}


async def credit_answers(tx: Tx, orders: Sequence[str]) -> dict[str, Record]:
    """Return what was answered: (order_id, currency, amount, code, detail), by order."""
    return {row["order_id"]: row for row in await tx.fetch(_ANSWERS, list(orders))}


async def keep_decisions(tx: Tx, decisions: Mapping[str, Decision]) -> None:
    """Keep what was decided on claimed orders, and what they hold."""
    uses = [
        (order_id, no, account, amount)
        for order_id, decision in decisions.items()
        for no, (account, amount) in enumerate(decision.paid, 1)
    ]
    await tx.execute(
        _DECIDE,
        list(decisions),
        [decision.code for decision in decisions.values()],
        [decision.detail for decision in decisions.values()],
        [order_id for order_id, _, _, _ in uses],
        [no for _, no, _, _ in uses],
        [str(account.kind) for _, _, account, _ in uses],
        [account.owner for _, _, account, _ in uses],
        [amount for _, _, _, amount in uses],
    )


async def lock_credit(tx: Tx, orders: Sequence[str]) -> dict[str, Record]:
    """Lock the credit of orders until the transaction ends: (order_id, account_id, currency) of those decided on."""
    return {row["order_id"]: row for row in await tx.fetch(_LOCK, sorted(set(orders)))}


async def credit_uses(tx: Tx, orders: Sequence[str]) -> list[Use]:
    """Return what locked orders hold."""
    return [Use(*row) for row in await tx.fetch(_USES, sorted(set(orders)))]


async def credit_returned(tx: Tx, refunds: Sequence[str]) -> set[str]:
    """Return those of the refunds whose credit went back already."""
    rows = await tx.fetch("SELECT DISTINCT refund_id FROM credit_return WHERE refund_id = ANY($1::text[])", refunds)
    return {row["refund_id"] for row in rows}


async def insert_returns(tx: Tx, returns: Sequence[Return], now: datetime) -> None:
    """Keep what refunds give back, and take it off what their locked orders hold."""
    await tx.execute(
        _RETURN,
        [each.refund_id for each in returns],
        [each.order_id for each in returns],
        [each.no for each in returns],
        [str(each.to.kind) for each in returns],
        [each.to.owner for each in returns],
        [each.amount for each in returns],
        now,
    )


async def insert_grant(
    tx: Tx, grant_id: str, to: Account, amount: int, funding: str, reason: str, ctx: Context, *, card: str | None = None
) -> None:
    """Keep what an account was given (below zero: what was taken back), and by whom."""
    who = ctx.principal.account_id
    await tx.execute(_GRANT, grant_id, to.owner, to.currency, amount, funding, card, reason, who, ctx.now)


async def store_credit(tx: Tx, account_id: str) -> list[Record]:
    """Return an account's store credit: (currency, amount in minor units)."""
    return await tx.fetch(_BALANCES, account_id)


async def credit_lines(tx: Tx, account_kind: str, owner: str, before: Place, at_most: int) -> list[Record]:
    """Return what moved a card's or an account's credit, the latest first; amounts above zero came in."""
    return await tx.fetch(_LINES, account_kind, owner, *(before or (None, None, None)), at_most)
