"""Gift cards. They are locked here only, sorted; the timer waits for none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from estore.kit.context import Context
from estore.kit.db import Record, Tx
from estore.services.ledger.domain.credit import RESTORED_FOR, Card

_CARD = ", ".join(Card.__struct_fields__)
_INSERT = """
INSERT INTO gift_card (id, code_hash, batch_id, currency, issued, funding, note, expires_at, made_by, made_at)
SELECT id, hash, $3, $4, $5, $6, $7, $8, $9, $10 FROM unnest($1::text[], $2::text[]) AS n (id, hash) ORDER BY id
"""
_LOCK = f"SELECT {_CARD} FROM gift_card WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE"
_LOCK_BY_CODES = f"SELECT {_CARD} FROM gift_card WHERE code_hash = ANY($1::text[]) ORDER BY id FOR UPDATE"
_CLAIM_EXPIRED = f"""
SELECT {_CARD} FROM gift_card WHERE expires_at <= $1 AND expired_at IS NULL
ORDER BY expires_at, id LIMIT $2 FOR UPDATE SKIP LOCKED
"""
_SEEN = """
SELECT g.*, coalesce(-b.amount, 0) AS balance FROM gift_card g
LEFT JOIN account a ON a.owner = g.id AND a.kind = 'gift_card' AND a.currency = g.currency
LEFT JOIN balance b ON b.account_id = a.id
"""
_PAGE = f"""
{_SEEN} WHERE ($1::text IS NULL OR g.id < $1) AND ($2::text IS NULL OR g.batch_id = $2) ORDER BY g.id DESC LIMIT $3
"""
# A disabled one stays so: whoever stole its code would make it good again by a guest's order, called off.
_RESTORE = """
UPDATE gift_card SET redeemed_by = NULL, redeemed_at = NULL, expired_at = NULL, restored_at = $2,
    expires_at = greatest(expires_at, CASE WHEN expires_at IS NOT NULL THEN $3::timestamptz END), version = version + 1
WHERE id = ANY($1::text[])
"""
_REDEEM = """
UPDATE gift_card SET redeemed = redeemed + $2, redeemed_by = $3, redeemed_at = $4, version = version + 1 WHERE id = $1
"""
_EXPIRE = """
UPDATE gift_card g SET expired = g.expired + n.amount, expired_at = $3, version = g.version + 1
FROM unnest($1::text[], $2::bigint[]) AS n (id, amount) WHERE g.id = n.id
"""


async def insert_cards(tx: Tx, cards: Sequence[Card], batch_id: str | None, ctx: Context) -> None:
    """Keep new cards, which differ in id and code only."""
    first = cards[0]
    await tx.execute(
        _INSERT,
        [card.id for card in cards],
        [card.code_hash for card in cards],
        batch_id,
        first.currency,
        first.issued,
        first.funding,
        first.note,
        first.expires_at,
        ctx.principal.account_id,
        ctx.now,
    )


async def lock_cards(tx: Tx, ids: Iterable[str]) -> dict[str, Card]:
    """Lock cards until the transaction ends. Returns those that exist, by id."""
    return {row["id"]: Card(*row) for row in await tx.fetch(_LOCK, sorted(set(ids)))}


async def lock_cards_by_codes(tx: Tx, hashes: Iterable[str]) -> dict[str, Card]:
    """Lock cards until the transaction ends. Returns those that exist, by the hash of their code."""
    return {row["code_hash"]: Card(*row) for row in await tx.fetch(_LOCK_BY_CODES, sorted(set(hashes)))}


async def claim_expired_cards(tx: Tx, now: datetime, at_most: int) -> list[Card]:
    """Lock cards that have expired since somebody looked, other than those that somebody else works on."""
    return [Card(*row) for row in await tx.fetch(_CLAIM_EXPIRED, now, at_most)]


async def restore_cards(tx: Tx, ids: Sequence[str], now: datetime) -> None:
    """Make locked cards good again that expired or were redeemed; what comes back to disabled ones stays there."""
    await tx.execute(_RESTORE, sorted(set(ids)), now, now + RESTORED_FOR)


async def redeem_card(tx: Tx, card_id: str, amount: int, account_id: str, now: datetime) -> None:
    """Keep that all that was left on a locked card went to an account."""
    await tx.execute(_REDEEM, card_id, amount, account_id, now)


async def expire_cards(tx: Tx, left: Sequence[tuple[str, int]], now: datetime) -> None:
    """Keep what expired on locked cards: id and amount of each."""
    await tx.execute(_EXPIRE, [card_id for card_id, _ in left], [amount for _, amount in left], now)


async def disable_card(tx: Tx, card_id: str) -> None:
    """Keep that a locked card cannot be used any more."""
    await tx.execute("UPDATE gift_card SET status = 'disabled', version = version + 1 WHERE id = $1", card_id)


async def card_by_id(tx: Tx, card_id: str) -> Record | None:
    """Return a card with its balance."""
    return await tx.fetchrow(f"{_SEEN} WHERE g.id = $1", card_id)


async def card_by_code(tx: Tx, code_hash: str) -> Record | None:
    """Return a card with its balance."""
    return await tx.fetchrow(f"{_SEEN} WHERE g.code_hash = $1", code_hash)


async def cards_page(tx: Tx, before: str | None, batch_id: str | None, at_most: int) -> list[Record]:
    """Return cards with their balances, the newest first: of all, or of a batch."""
    return await tx.fetch(_PAGE, before, batch_id, at_most)
