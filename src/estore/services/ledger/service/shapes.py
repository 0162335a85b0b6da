"""What is asked of the ledger's core, and what it answers."""

from __future__ import annotations

from datetime import datetime

import msgspec

from estore.kit.money import Money


class ListBalances(msgspec.Struct, frozen=True):
    """vendor: of one only. at: as of then."""

    vendor: str | None
    at: datetime | None
    cursor: str | None
    limit: int


class BalanceView(msgspec.Struct, frozen=True):
    """What a vendor is owed in one currency, and was paid. Below zero: the vendor owes it.

    pending: sold, may still come back. available: to be paid out next. reserved: held, for a return, a dispute or as
    a reserve. paying: on its way to the bank. paid_out: all that ever was carried out.
    """

    vendor_id: str
    currency: str
    pending: Money
    available: Money
    reserved: Money
    paying: Money
    paid_out: Money
