"""What the vendors service says of vendors. An older version never overwrites a newer one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from estore.contracts.vendors import VendorApproved, VendorBankAccountChanged, VendorSuspended
from estore.kit.db import Tx

# The bank token has a version of its own: a change of it may arrive before or after the approval that repeats it.
_APPROVED = """
INSERT INTO vendor AS v (vendor_id, name, legal_name, country, status, version, bank_token, bank_since, bank_version)
SELECT n.id, n.name, n.legal_name, n.country, 'approved', n.version, n.token,
       CASE WHEN n.token IS NULL THEN NULL ELSE n.at END, CASE WHEN n.token IS NULL THEN 0 ELSE n.version END
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::timestamptz[])
    AS n (id, name, legal_name, country, version, token, at)
ORDER BY n.id
ON CONFLICT (vendor_id) DO UPDATE SET
    name = CASE WHEN excluded.version > v.version THEN excluded.name ELSE v.name END,
    legal_name = CASE WHEN excluded.version > v.version THEN excluded.legal_name ELSE v.legal_name END,
    country = CASE WHEN excluded.version > v.version THEN excluded.country ELSE v.country END,
    status = CASE WHEN excluded.version > v.version THEN 'approved' ELSE v.status END,
    version = greatest(v.version, excluded.version),
    bank_since = CASE WHEN excluded.bank_version > v.bank_version AND excluded.bank_token IS DISTINCT FROM v.bank_token
                      THEN excluded.bank_since ELSE v.bank_since END,
    bank_token = CASE WHEN excluded.bank_version > v.bank_version THEN excluded.bank_token ELSE v.bank_token END,
    bank_version = greatest(v.bank_version, excluded.bank_version)
WHERE excluded.version > v.version OR excluded.bank_version > v.bank_version
"""
_SUSPENDED = """
INSERT INTO vendor AS v (vendor_id, status, version)
SELECT n.id, 'suspended', n.version FROM unnest($1::text[], $2::bigint[]) AS n (id, version) ORDER BY n.id
ON CONFLICT (vendor_id) DO UPDATE SET status = 'suspended', version = excluded.version
WHERE excluded.version > v.version
"""
_BANK_CHANGED = """
INSERT INTO vendor AS v (vendor_id, bank_token, bank_since, bank_version)
SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::bigint[]) ORDER BY 1
ON CONFLICT (vendor_id) DO UPDATE SET
    bank_token = excluded.bank_token, bank_since = excluded.bank_since, bank_version = excluded.bank_version
WHERE excluded.bank_version > v.bank_version
"""


async def save_approved(tx: Tx, events: Sequence[tuple[VendorApproved, datetime]]) -> None:
    """Keep vendors as they were approved. events: one of a vendor, with the time at which it was said."""
    await tx.execute(
        _APPROVED,
        [e.vendor_id for e, _ in events],
        [e.name for e, _ in events],
        [e.legal_name for e, _ in events],
        [e.country for e, _ in events],
        [e.version for e, _ in events],
        [e.bank_token for e, _ in events],
        [at for _, at in events],
    )


async def save_suspended(tx: Tx, events: Sequence[VendorSuspended]) -> None:
    """Keep that vendors were suspended. events: one of a vendor."""
    await tx.execute(_SUSPENDED, [e.vendor_id for e in events], [e.version for e in events])


async def save_bank_tokens(tx: Tx, events: Sequence[VendorBankAccountChanged]) -> None:
    """Keep where vendors are paid. events: one of a vendor."""
    await tx.execute(
        _BANK_CHANGED,
        [e.vendor_id for e in events],
        [e.token for e in events],
        [e.changed_at for e in events],
        [e.version for e in events],
    )
