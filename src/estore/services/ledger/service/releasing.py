"""Money becomes available once nobody can return the parcel any more."""

from __future__ import annotations

from collections.abc import Sequence

from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.ids import new_id
from estore.services.ledger import store
from estore.services.ledger.domain.earnings import Earning, Hold, fitted, released
from estore.services.ledger.service.adjusting import Payees
from estore.services.ledger.service.books import Books


class Releasing:
    def __init__(self, books: Books, payees: Payees) -> None:
        self.books = books
        self.payees = payees

    async def release_due(self, tx: Tx, ctx: Context, at_most: int) -> int:
        """Make available what is due, but for what is held; returns of how many parcels."""
        due = await store.claim_due_earnings(tx, ctx.now, at_most)
        if not due:
            return 0
        parcels = [earning.parcel_id for earning in due]
        held: dict[str | None, list[Hold]] = {}
        for hold in await store.reserve_on(tx, parcels):
            held.setdefault(hold.parcel_id, []).append(hold)
        await store.change_holds(tx, _fitted(due, held))
        terms = await store.terms_of(tx, {earning.vendor_id for earning in due})
        postings, reserves = [], []
        for earning in due:
            own = terms.get(earning.vendor_id, self.payees.terms)
            posting, reserve = released(earning, held.get(earning.parcel_id, []), own, new_id("hld"), ctx.now)
            postings.append(posting)
            if reserve is not None:
                reserves.append(reserve)
        await store.make_available(tx, parcels)
        await store.insert_holds(tx, reserves)
        await self.books.post(tx, ctx, postings, ctx.now)
        return len(due)


def _fitted(due: Sequence[Earning], held: dict[str | None, list[Hold]]) -> list[Hold]:
    """Fit `held` to the parcels; returns what changed. It does already, unless it was kept before holds were fitted."""
    changed: list[Hold] = []
    for earning in due:
        own = {hold.id: hold for hold in held.get(earning.parcel_id, [])}
        fits = {hold.id: hold for hold, _ in fitted(earning.rest, list(own.values()))}
        held[earning.parcel_id] = list((own | fits).values())
        changed += fits.values()
    return changed
