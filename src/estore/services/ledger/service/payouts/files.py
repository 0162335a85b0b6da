"""Payouts that go to the bank by file: made once, kept as it was handed out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.http.pages import Page, page_of, text_in
from estore.kit.ids import new_id
from estore.kit.money import Money
from estore.services.ledger.domain.payouts import FilesUnused, NothingToSend, Payout, PayoutFileUnknown, Status
from estore.services.ledger.service.banks import Vault
from estore.services.ledger.service.payouts.shapes import FileView, ListFiles, Rules, Transfer, end_to_end
from estore.services.ledger.store import banks
from estore.services.ledger.store import payout_files as store
from estore.services.ledger.store import payouts as payouts_store
from estore.services.ledger.store.payout_files import FileRow

AT_MOST = 1000
Render = Callable[[str, datetime, Sequence[Transfer]], bytes]
"""Makes a file: its id, the time, what is in it. Raises nothing that a request could cause."""


class PayoutFiles:
    """render: of the gateway that takes files; None: there is none. every: between files of the job; None: no job."""

    def __init__(self, rules: Rules, vault: Vault, render: Render | None, every: timedelta | None) -> None:
        self._rules = rules
        self._vault = vault
        self._render = render
        self._every = every

    async def make_payout_file(self, tx: Tx, ctx: Context, request: None) -> FileView:
        """Put what waits into a file, 1000 payouts at most; they are submitted. Raises FilesUnused, NothingToSend."""
        if self._render is None:
            raise FilesUnused()
        currency = self._rules.currency if self._rules.currencies is None else min(self._rules.currencies)
        payouts = await payouts_store.lock_for_file(
            tx, ctx.now, self._rules.cooling, self._rules.gateway, currency, AT_MOST
        )
        if not payouts:
            raise NothingToSend()
        payees = await payouts_store.payees(tx, sorted({p.vendor_id for p in payouts}), self._rules.cooling)
        for payout in payouts:
            # Where it goes is decided when it goes: to the account that has cooled.
            payout.bank_token = payees[payout.vendor_id].bank_token or payout.bank_token
        known = await banks.banks_of(tx, [payout.bank_token for payout in payouts])
        transfers = [
            Transfer(p.id, end_to_end(p.id), p.amount, p.currency, self._vault.destination(known[p.bank_token]))
            for p in payouts
        ]
        file_id = new_id("pof")
        # Checked against its schema, which takes a while: not in the way of everybody else.
        content = await asyncio.to_thread(self._render, file_id, ctx.now, transfers)
        row = FileRow(
            file_id, currency, len(payouts), sum(p.amount for p in payouts), ctx.principal.account_id, ctx.now
        )
        items = [(t.key, t.end_to_end, t.amount) for t in transfers]
        await store.insert_file(tx, row, self._vault.key_id, self._vault.seal(content, file_id), items)
        await self._submit(tx, ctx, payouts)
        return _view(row)

    async def make_due_file(self, tx: Tx, ctx: Context, request: None) -> FileView | None:
        """Make a file when the last one is old enough and something waits."""
        if self._render is None or self._every is None:
            return None
        last = await store.last_file_at(tx)
        if last is not None and ctx.now - last < self._every:
            return None
        try:
            return await self.make_payout_file(tx, ctx, None)
        except NothingToSend:
            return None

    async def list_payout_files(self, tx: Tx, ctx: Context, request: ListFiles) -> Page[FileView]:
        """List files, newest first."""
        rows = await store.files_page(tx, text_in(request.cursor), request.limit + 1)
        return page_of([_view(row) for row in rows], request.limit, lambda view: (view.id,))

    async def read_payout_file(self, tx: Tx, ctx: Context, file_id: str) -> bytes:
        """Return a file as it was made. Raises PayoutFileUnknown."""
        row = await store.sealed_file(tx, file_id)
        if row is None:
            raise PayoutFileUnknown()
        return self._vault.open(row.key_id, row.sealed, row.name)

    async def _submit(self, tx: Tx, ctx: Context, payouts: Sequence[Payout]) -> None:
        for payout in payouts:
            payout.moved_on(Status.SUBMITTED, ctx.now, ctx.now)
            payout.submitted_at = ctx.now
        await payouts_store.save_payouts(tx, payouts)


def _view(row: FileRow) -> FileView:
    return FileView(
        id=row.id,
        payouts=row.payouts,
        amount=Money(row.amount, row.currency),
        created_by=row.created_by,
        created_at=row.created_at,
    )
