"""What a bank that is called must be able to do, whichever it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from estore.services.ledger.domain.payouts import Finding
from estore.services.ledger.service.payouts import Transfer


class Notice(msgspec.Struct, frozen=True):
    """What a bank tells by itself. It may tell the same more than once, and in any order."""

    id: str
    finding: Finding


class Bank(Protocol):
    """A bank with an interface for programs. Calls may raise, hang or lie about time; the caller bounds them.

    `transfer.key` is an idempotency key: what is sent again with the same key moves no money twice.
    """

    name: str

    async def send(self, transfer: Transfer) -> Finding:
        """Have a vendor paid."""
        ...

    async def lookup(self, transfer: Transfer) -> Finding:
        """Tell what became of it; `not_found` if the bank has never heard of it."""
        ...

    async def notices(self, at_most: int) -> Sequence[Notice]:
        """Return what the bank tells by itself and was not yet told that we `took`."""
        ...

    async def took(self, ids: Sequence[str]) -> None:
        """These notices have been written down."""
        ...
