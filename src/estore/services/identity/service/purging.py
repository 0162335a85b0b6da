"""What identity forgets by itself."""

from __future__ import annotations

from datetime import timedelta

from estore.contracts.identity import AccountErased
from estore.kit.context import Context
from estore.kit.db import Tx
from estore.services.identity import store
from estore.services.identity.service.policy import Policy

KEEP = timedelta(days=30)
ROWS = 1000


class Purge:
    """Bounded batches; the job comes back for the rest."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    async def purge(self, tx: Tx, ctx: Context, _request: None) -> None:
        """Forget what is over: attempts, sessions, sent mails, accounts that nobody confirmed or uses."""
        await store.purge(tx, ctx.now, KEEP, ROWS)
        before = ctx.now - timedelta(days=self._policy.unconfirmed_days)
        for account_id, version in await store.delete_unused(tx, before, ROWS):
            tx.emit(AccountErased(account_id=account_id, version=version), ctx)
