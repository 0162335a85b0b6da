"""What must always hold within the ledger. Each query returns the rows that break it."""

from __future__ import annotations

from estore.kit.service import Invariant

INVARIANTS: tuple[Invariant, ...] = ()
