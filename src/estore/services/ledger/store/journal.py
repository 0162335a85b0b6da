"""Posting: a batch of entries is a handful of statements, whatever its size.

The platform's accounts are never locked: what a batch did to them is one row in `balance_delta`, folded in later.
Balances of vendors, gift cards and store credit are locked here and nowhere else, sorted by account.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from estore.kit.db import Tx
from estore.kit.ids import new_message_id
from estore.services.ledger.domain import NUMBERED, OF_CREDIT, Account, Kind, Overdrawn, Posting, digest_of

_ACCOUNTS = """
SELECT id, kind, owner, currency FROM account
WHERE (owner, kind, currency) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]))
"""
_OPEN_ACCOUNTS = """
INSERT INTO account (owner, kind, currency)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) ORDER BY 1, 2, 3
ON CONFLICT DO NOTHING
"""
_OPEN_BALANCES = """
INSERT INTO balance (account_id, posted_at) SELECT unnest($1::int[]), $2 ON CONFLICT DO NOTHING
"""
_INSERT_ENTRIES = """
WITH fresh AS (
    INSERT INTO entry (id, source, kind, currency, ref, order_id, note, occurred_at, digest, posted_at)
    SELECT *, $10::timestamptz FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                                           $7::text[], $8::timestamptz[], $9::bytea[])
    ON CONFLICT (source) DO NOTHING RETURNING id
), queued AS (INSERT INTO unsealed SELECT id FROM fresh)
SELECT id FROM fresh
"""
_LOCK = """
SELECT account_id, amount, lines, posted_at FROM balance
WHERE account_id = ANY($1::int[]) ORDER BY account_id FOR UPDATE
"""
_INSERT_LINES = """
WITH posted AS (
    INSERT INTO line (entry_id, no, account_id, amount, seq, balance, posted_at)
    SELECT *, $7::timestamptz
    FROM unnest($1::uuid[], $2::smallint[], $3::int[], $4::bigint[], $5::bigint[], $6::bigint[])
), moved AS (
    UPDATE balance b SET amount = n.amount, lines = n.lines, posted_at = $7
    FROM unnest($8::int[], $9::bigint[], $10::bigint[]) AS n (account_id, amount, lines)
    WHERE b.account_id = n.account_id
)
INSERT INTO balance_delta (account_id, amount, lines)
SELECT * FROM unnest($11::int[], $12::bigint[], $13::bigint[])
"""


class Balance(msgspec.Struct):
    """A numbered account while it is locked. amount: signed, credits below zero. lines: how many were posted.

    posted_at: of the last one; it never goes back within an account, so that a period is a range of lines.
    """

    account_id: int
    amount: int
    lines: int
    posted_at: datetime


class Posted(msgspec.Struct, frozen=True):
    """What was new, in order, and numbered accounts before (their amounts) and after it."""

    postings: list[Posting]
    before: dict[Account, int]
    after: dict[Account, Balance]


class Journal:
    """Knows the accounts' ids, which never change."""

    def __init__(self) -> None:
        self._ids: dict[Account, int] = {}

    async def lock(self, tx: Tx, accounts: Iterable[Account], now: datetime) -> dict[Account, Balance]:
        """Lock the balances of numbered accounts until the transaction ends; opens what there is none of yet.

        Name all that a transaction will post to at once: the rows are taken in the order of their account. The
        platform's are opened only.
        """
        wanted = sorted(set(accounts))
        ids = await self._known(tx, wanted, now)
        by_id = {ids[account]: account for account in wanted if account.kind in NUMBERED}
        rows = await tx.fetch(_LOCK, sorted(by_id))
        return {by_id[row["account_id"]]: Balance(*row) for row in rows}

    async def post(self, tx: Tx, postings: Sequence[Posting], now: datetime) -> list[Posting]:
        """Post what was not posted before; returns that, in order. now: the time of posting.

        Of two with the same source the first is posted. Raises Unbalanced, Overdrawn.
        """
        return (await self.record(tx, postings, now)).postings

    async def record(self, tx: Tx, postings: Sequence[Posting], now: datetime) -> Posted:
        """Like `post`, and tell what it did to vendors' accounts. Where `available` is touched, `reserved` is told too.

        A batch has one time: that of the latest line on any of its numbered accounts, should `now` be before it. So no
        moment sees one half of a transfer, and lines are ordered by time as by number, whatever clocks say.
        """
        unique = {posting.source: posting.checked() for posting in reversed(postings)}
        wanted = [unique[source] for source in reversed(unique) if unique[source].lines]
        if not wanted:
            return Posted([], {}, {})
        accounts = {account for posting in wanted for account, _ in posting.lines}
        accounts |= {account._replace(kind=Kind.RESERVED) for account in accounts if account.kind is Kind.AVAILABLE}
        ids = await self._known(tx, sorted(accounts), now)
        owned = [account for account in accounts if account.kind in NUMBERED]
        locked = await self.lock(tx, owned, now) if owned else {}
        before = {account: balance.amount for account, balance in locked.items()}
        posted_at = max([now, *(balance.posted_at for balance in locked.values())])
        fresh = await self._insert_entries(tx, wanted, posted_at)
        if fresh:
            await self._insert_lines(tx, fresh, ids, locked, posted_at)
        return Posted([posting for _, posting in fresh], before, locked)

    async def _insert_entries(
        self, tx: Tx, postings: Sequence[Posting], posted_at: datetime
    ) -> list[tuple[UUID, Posting]]:
        """Insert what has a new source. Sorted, so that two that post the same wait for each other in one order."""
        made = {new_message_id(): posting for posting in postings}
        ordered = sorted(made, key=lambda entry_id: made[entry_id].source)
        said = [made[entry_id] for entry_id in ordered]
        rows = await tx.fetch(
            _INSERT_ENTRIES,
            ordered,
            [p.source for p in said],
            [p.kind for p in said],
            [p.currency for p in said],
            [p.ref for p in said],
            [p.order_id for p in said],
            [p.note for p in said],
            [p.occurred_at for p in said],
            [digest_of(p, posted_at) for p in said],
            posted_at,
        )
        inserted = {row["id"] for row in rows}
        return [(entry_id, posting) for entry_id, posting in made.items() if entry_id in inserted]

    async def _insert_lines(
        self,
        tx: Tx,
        fresh: Sequence[tuple[UUID, Posting]],
        ids: dict[Account, int],
        locked: dict[Account, Balance],
        posted_at: datetime,
    ) -> None:
        lines: list[tuple[UUID, int, int, int, int | None, int | None]] = []
        deltas: dict[int, list[int]] = defaultdict(lambda: [0, 0])
        touched: set[Account] = set()
        for entry_id, posting in fresh:
            for no, (account, amount) in enumerate(posting.lines, 1):
                balance = locked.get(account)
                if balance is None:
                    delta = deltas[ids[account]]
                    delta[0] += amount
                    delta[1] += 1
                    lines.append((entry_id, no, ids[account], amount, None, None))
                else:
                    touched.add(account)
                    balance.amount += amount
                    if account.kind in OF_CREDIT and balance.amount > 0:
                        raise Overdrawn(f"{posting.source}: {account}")
                    balance.lines += 1
                    balance.posted_at = posted_at
                    lines.append((entry_id, no, balance.account_id, amount, balance.lines, balance.amount))
        moved = [balance for account, balance in locked.items() if account in touched]
        await tx.execute(
            _INSERT_LINES,
            *(list(column) for column in zip(*lines, strict=True)),
            posted_at,
            [b.account_id for b in moved],
            [b.amount for b in moved],
            [b.lines for b in moved],
            list(deltas),
            [delta[0] for delta in deltas.values()],
            [delta[1] for delta in deltas.values()],
        )

    async def _known(self, tx: Tx, accounts: Sequence[Account], now: datetime) -> dict[Account, int]:
        """Return the ids of accounts, opened now where there are none. Remembered once they are committed."""
        ids = {account: self._ids[account] for account in accounts if account in self._ids}
        missing = [account for account in accounts if account not in ids]
        if not missing:
            return ids
        columns = (
            [account.owner for account in missing],
            [str(account.kind) for account in missing],
            [account.currency for account in missing],
        )
        found = await self._find(tx, columns)
        if len(found) < len(missing):
            await tx.execute(_OPEN_ACCOUNTS, *columns)
            found = await self._find(tx, columns)
            await tx.execute(_OPEN_BALANCES, sorted(found.values()), now)
        # There are as many gift cards as were ever made; of the others a process can know all.
        kept = {account: number for account, number in found.items() if account.kind not in OF_CREDIT}
        tx.after_commit(lambda: self._ids.update(kept))
        return ids | found

    async def _find(self, tx: Tx, columns: tuple[list[str], list[str], list[str]]) -> dict[Account, int]:
        rows = await tx.fetch(_ACCOUNTS, *columns)
        return {Account(Kind(row["kind"]), row["owner"], row["currency"]): row["id"] for row in rows}
