"""Use cases of statistics: what is searched for, what finds nothing, what is opened."""

from __future__ import annotations

from datetime import timedelta

from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.errors import Fault
from estore.services.search import store
from estore.services.search.domain.errors import FilterInvalid
from estore.services.search.domain.text import kept
from estore.services.search.service import shapes
from estore.services.search.service.tallying import Tally

KEPT_FOR = timedelta(days=400)
SUGGESTED_FOR = timedelta(days=90)
AT_ONCE = 1000


class Statistics:
    """The counts of this process, and those of all."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    async def click(self, ctx: Context, request: shapes.Click) -> shapes.Nothing:
        """Count that a result was opened."""
        if query := kept(request.query):
            self._tally.click(query)
        return shapes.Nothing()

    async def write(self, tx: Tx, ctx: Context, request: None) -> int:
        """Write what was counted in this process; returns how many queries."""
        counts = self._tally.take()
        if counts:
            try:
                await store.statistics.add(tx, ctx.now.date(), counts, ctx.now)
            except BaseException:
                self._tally.give_back(counts)
                raise
        return len(counts)


async def analytics(tx: Tx, ctx: Context, request: shapes.Analytics) -> shapes.AnalyticsOut:
    """Return the queries that stand out over some days. Raises FilterInvalid."""
    if request.first > request.last:
        raise FilterInvalid("`to` is before `from`", errors=[Fault("before `from`", parameter="to")])
    rows = await store.statistics.top(tx, request.by, request.first, request.last, request.limit)
    return shapes.AnalyticsOut(
        [
            shapes.QueryStatistics(
                row["query"],
                row["searches"],
                row["without"],
                row["relaxed"],
                row["clicks"],
                100 * row["clicks"] // row["searches"] if row["searches"] else None,
            )
            for row in rows
        ]
    )


async def forget(tx: Tx, ctx: Context, request: None) -> int:
    """Delete old statistics; returns how many rows of a bounded number."""
    return await store.statistics.forget(tx, (ctx.now - KEPT_FOR).date(), ctx.now - SUGGESTED_FOR, AT_ONCE)
