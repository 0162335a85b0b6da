"""No more is held on a parcel than is left of it, whatever was held, let go or refunded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from estore.kit.db import Tx
from estore.services.ledger import store
from estore.services.ledger.domain import Posting
from estore.services.ledger.domain.earnings import Earning, fitted

_NOTHING: Mapping[str, int] = {}


async def fit(
    tx: Tx, parcels: Iterable[Earning], now: datetime, refunded: Mapping[str, int] = _NOTHING
) -> list[Posting]:
    """Fit the holds on locked parcels to what is left of them; returns the entries to be posted for it.

    refunded: what a refund has just taken of each parcel, minor units.
    """
    by_id = {parcel.parcel_id: parcel for parcel in parcels}
    if not by_id:
        return []
    changed = [
        change
        for parcel_id, holds in sorted((await store.lock_holds_on(tx, by_id)).items())
        for change in fitted(by_id[parcel_id].rest, holds, max(refunded.get(parcel_id, 0), 0))
    ]
    await store.change_holds(tx, [hold for hold, _ in changed])
    return [hold.moved_by(hold.amount - before, now) for hold, before in changed if hold.reserved]
