"""What operators decided about vendors' money."""

from __future__ import annotations

from estore.kit.context import Context
from estore.kit.db import Tx
from estore.services.ledger.domain.earnings import Reserve

_KNOWN = """
SELECT 1 FROM vendor WHERE vendor_id = $1 UNION ALL
SELECT 1 FROM account WHERE owner = $1 AND kind IN ('pending', 'available', 'reserved', 'paying', 'paid_out') LIMIT 1
"""
_SAVE_TERMS = """
INSERT INTO reserve_terms AS t (vendor_id, reserve_bps, reserve_days, version, set_by, set_at)
VALUES ($1, $2, $3, 1, $4, $5)
ON CONFLICT (vendor_id) DO UPDATE SET reserve_bps = excluded.reserve_bps, reserve_days = excluded.reserve_days,
    version = t.version + 1, set_by = excluded.set_by, set_at = excluded.set_at
RETURNING version
"""


async def vendor_exists(tx: Tx, vendor_id: str) -> bool:
    """Tell whether the ledger has heard of a vendor, from vendors or by a sale."""
    return await tx.fetchval(_KNOWN, vendor_id) is not None


async def earns_in(tx: Tx, vendor_id: str, currency: str) -> bool:
    """Tell whether a vendor has an account in this currency."""
    found = await tx.fetchval("SELECT 1 FROM account WHERE owner = $1 AND currency = $2 LIMIT 1", vendor_id, currency)
    return found is not None


async def insert_adjustment(
    tx: Tx, adjustment_id: str, vendor_id: str, amount: int, currency: str, reason: str, ctx: Context
) -> None:
    """Keep a correction and who made it."""
    await tx.execute(
        "INSERT INTO adjustment (id, vendor_id, currency, amount, reason, made_by, made_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        adjustment_id,
        vendor_id,
        currency,
        amount,
        reason,
        ctx.principal.account_id,
        ctx.now,
    )


async def reserve_terms(tx: Tx, vendor_id: str, *, lock: bool = False) -> tuple[Reserve | None, int] | None:
    """Return a vendor's own terms, if it has any, and their version (0 for none); None for an unknown vendor."""
    row = await tx.fetchrow(
        "SELECT reserve_bps, reserve_days, version FROM reserve_terms WHERE vendor_id = $1"
        + (" FOR UPDATE" if lock else ""),
        vendor_id,
    )
    if row is not None:
        return Reserve(row["reserve_bps"], row["reserve_days"]), row["version"]
    return (None, 0) if await vendor_exists(tx, vendor_id) else None


async def save_reserve_terms(tx: Tx, vendor_id: str, bps: int, days: int, ctx: Context) -> int:
    """Set a vendor's terms; returns their version."""
    version: int = await tx.fetchval(_SAVE_TERMS, vendor_id, bps, days, ctx.principal.account_id, ctx.now)
    return version
