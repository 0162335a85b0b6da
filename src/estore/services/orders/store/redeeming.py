"""What orders may use of promotions: codes, histories and counters; and what they give back when they end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from estore.kit.db import Tx
from estore.services.orders.domain.promotions.limits import Claim
from estore.services.orders.domain.promotions.model import Code, FoundCode, Promotion, Rules, Status, Taken

# One statement, so that codes and counters are those of the revision. The counters of promotions that a code brings
# are found with it.
_FACTS = """
WITH given AS MATERIALIZED (
    SELECT c.code, c.promotion_id, c.max_uses, c.disabled, p.vendor_id, p.status, p.body, p.version
    FROM promotion_code c JOIN promotion p USING (promotion_id) WHERE c.code = ANY($1::text[])
)
SELECT 'book' AS kind, '' AS name, '' AS other, revision AS number FROM promotion_book
UNION ALL
SELECT 'code', '', json_build_array(code, promotion_id, max_uses, disabled, vendor_id, status, body, version)::text, 0
FROM given
UNION ALL
SELECT 'group', account_id, name, 0 FROM customer_group_member WHERE account_id = ANY($2::text[])
UNION ALL
SELECT 'ordered', a.account_id, '', 0 FROM unnest($3::text[]) AS a (account_id)
WHERE EXISTS (SELECT FROM purchase_order o
              WHERE o.account_id = a.account_id AND o.status NOT IN ('rejected', 'cancelled'))
UNION ALL
SELECT 'ordered', g.key, '', 0 FROM unnest($4::text[], $5::text[]) AS g (key, email)
WHERE EXISTS (SELECT FROM purchase_order o
              WHERE lower(o.email) = lower(g.email) AND o.status NOT IN ('rejected', 'cancelled'))
UNION ALL
SELECT 'used', k.promotion_id, k.scope, k.uses FROM promotion_counter k
WHERE k.promotion_id IN (SELECT unnest($6::text[]) UNION SELECT promotion_id FROM given) AND k.scope = ANY($7::text[])
"""
# Made where a limit is met for the first time, from what was used before there was one. Uses are shared until it is
# there: an order that ends meanwhile is waited for, or finds the counter. The book is held, so that no order is being
# written for which there was no limit yet.
_OPEN = """
INSERT INTO promotion_counter (promotion_id, scope, uses)
SELECT w.promotion_id, w.scope, CASE
    WHEN w.scope = '' THEN (SELECT count(*) FROM (
        SELECT FROM promotion_use u WHERE u.promotion_id = w.promotion_id AND u.released_at IS NULL
        ORDER BY u.order_id FOR SHARE) AS used)
    WHEN w.scope LIKE 'code:%' THEN (SELECT count(*) FROM (
        SELECT FROM promotion_use u WHERE u.code = substr(w.scope, 6) AND u.code <> ''
            AND u.promotion_id = w.promotion_id AND u.released_at IS NULL
        ORDER BY u.order_id FOR SHARE) AS used)
    ELSE (SELECT count(*) FROM (
        SELECT FROM promotion_use u
        WHERE u.promotion_id = w.promotion_id AND u.customer = substr(w.scope, 10) AND u.released_at IS NULL
        ORDER BY u.order_id FOR SHARE) AS used) END
FROM unnest($1::text[], $2::text[]) AS w (promotion_id, scope)
WHERE (SELECT promotion_book_held()) = $3
  AND NOT EXISTS (SELECT FROM promotion_counter k WHERE k.promotion_id = w.promotion_id AND k.scope = w.scope)
ORDER BY 1, 2 ON CONFLICT DO NOTHING
"""
_FREE = """
WITH used AS MATERIALIZED (
    SELECT order_id, promotion_id FROM promotion_use WHERE order_id = ANY($1::text[]) AND released_at IS NULL
    ORDER BY order_id FOR NO KEY UPDATE
)
UPDATE promotion_use u SET released_at = $2 FROM used
WHERE u.order_id = used.order_id AND u.promotion_id = used.promotion_id
RETURNING u.order_id, u.promotion_id, u.code, u.customer
"""
# A statement of its own: it sees counters that were made while `_FREE` waited for who made them. They are locked as
# placing locks them: sorted. Those of first orders stand under no promotion, see `limits.FIRST`.
_LOWER = """
WITH freed AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS f (order_id, promotion_id, code, customer)
), fewer AS MATERIALIZED (
    SELECT promotion_id, '' AS scope, count(*) AS orders FROM freed GROUP BY 1
    UNION ALL
    SELECT promotion_id, 'customer:' || customer, count(*) FROM freed GROUP BY 1, 2
    UNION ALL
    SELECT promotion_id, 'code:' || code, count(*) FROM freed WHERE code <> '' GROUP BY 1, 2
    UNION ALL
    SELECT '', 'customer:' || customer, count(DISTINCT order_id) FROM freed GROUP BY 2
), counter AS MATERIALIZED (
    SELECT k.promotion_id, k.scope FROM promotion_counter k
    WHERE (k.promotion_id, k.scope) IN (SELECT promotion_id, scope FROM fewer)
    ORDER BY k.promotion_id, k.scope FOR UPDATE
)
UPDATE promotion_counter k SET uses = greatest(0, k.uses - f.orders)
FROM counter c JOIN fewer f USING (promotion_id, scope)
WHERE k.promotion_id = c.promotion_id AND k.scope = c.scope
"""


class Buyer(msgspec.Struct, frozen=True):
    """Who buys, as limits count: see Customer. email: of a guest; empty in a guest's quote."""

    key: str
    account_id: str | None
    email: str


class Facts(msgspec.Struct, frozen=True):
    """What was read for some orders. revision: of the book. ordered: keys of those who have ordered before."""

    revision: int = 0
    codes: Mapping[str, FoundCode] = {}
    groups: Mapping[str, frozenset[str]] = {}
    ordered: frozenset[str] = frozenset()
    used: Mapping[tuple[str, str], int] = {}


class _CodeRow(msgspec.Struct, frozen=True, array_like=True):
    code: str
    promotion_id: str
    max_uses: int | None
    disabled: bool
    vendor_id: str
    status: Status
    body: Rules
    version: int


class _DiscountRow(msgspec.Struct, frozen=True, array_like=True):
    promotion_id: str
    code: str
    title: str
    line: int | None
    parcel: int
    amount: int
    platform: int


_code = msgspec.json.Decoder(_CodeRow).decode
_discounts = msgspec.json.Decoder(tuple[_DiscountRow, ...]).decode

DISCOUNTS = """
CASE WHEN {order}.discount + {order}.shipping_discount > 0 THEN (
    SELECT json_agg(json_build_array(promotion_id, code, title, line, parcel, amount, platform) ORDER BY no)
    FROM order_discount d WHERE d.order_id = {order}.order_id)::text END
"""
"""A column of an order: what promotions took off it, for `taken_of`."""


def taken_of(column: str | None) -> tuple[Taken, ...]:
    """Return what promotions took off an order. column: of `DISCOUNTS`."""
    return (
        ()
        if column is None
        else tuple(
            Taken(
                row.promotion_id,
                row.code,
                row.title,
                None if row.line is None else row.line - 1,
                row.parcel - 1,
                row.amount,
                row.platform,
            )
            for row in _discounts(column)
        )
    )


async def load_facts(
    tx: Tx, codes: Iterable[str], buyers: Iterable[Buyer], promotion_ids: Iterable[str], scopes: Iterable[str]
) -> Facts:
    """Read codes, in capitals, with their promotions; groups and histories of `buyers`; and the counters of the
    promotions that codes bring, and of these, in `scopes`. One statement, of one moment.

    To be read for every order: neither a new code nor who joins or leaves a group raises the book's revision.
    """
    known = [buyer for buyer in buyers if buyer.key]
    accounts = sorted({buyer.account_id for buyer in known if buyer.account_id is not None})
    guests = sorted({(buyer.key, buyer.email) for buyer in known if buyer.account_id is None})
    rows = await tx.fetch(
        _FACTS,
        sorted(set(codes)),
        accounts,
        accounts,
        [key for key, _ in guests],
        [email for _, email in guests],
        sorted(set(promotion_ids)),
        sorted(set(scopes)),
    )
    found: dict[str, FoundCode] = {}
    groups: dict[str, set[str]] = {}
    for row in rows:
        if row["kind"] == "code":
            one = _code(row["other"])
            promotion = Promotion(one.promotion_id, one.vendor_id, one.status, one.body, one.version)
            found[one.code] = FoundCode(Code(one.code, one.promotion_id, one.max_uses, one.disabled), promotion)
        elif row["kind"] == "group":
            groups.setdefault(row["name"], set()).add(row["other"])
    return Facts(
        next(row["number"] for row in rows if row["kind"] == "book"),
        found,
        {account_id: frozenset(names) for account_id, names in groups.items()},
        frozenset(row["name"] for row in rows if row["kind"] == "ordered"),
        {(row["name"], row["other"]): row["number"] for row in rows if row["kind"] == "used"},
    )


async def open_counters(tx: Tx, claims: Iterable[Claim], revision: int) -> None:
    """Make the counters of what has a limit, where there is none yet; none where the book is not of `revision` any
    more. Its own transaction, so that nobody waits for it longer."""
    names = sorted({(claim.promotion_id, claim.scope) for claim in claims})
    await tx.execute(_OPEN, [promotion_id for promotion_id, _ in names], [scope for _, scope in names], revision)


async def release_uses(tx: Tx, order_ids: Sequence[str], now: datetime) -> None:
    """Let go of what orders, whose rows are locked, use of promotions: it is free again, once."""
    freed = await tx.fetch(_FREE, order_ids, now)
    if freed:
        await tx.execute(_LOWER, *([row[column] for row in freed] for column in range(4)))
