"""What the ledger keeps of vendors."""

from __future__ import annotations

from collections.abc import Sequence

from estore.contracts.vendors import VendorApproved, VendorBankAccountChanged, VendorSuspended
from estore.kit.db import Tx
from estore.kit.envelope import Message
from estore.services.ledger import store


async def vendor_approved(tx: Tx, messages: Sequence[Message[VendorApproved]]) -> None:
    """Keep who the vendors are, and where they are paid."""
    latest = {m.data.vendor_id: m for m in sorted(messages, key=lambda m: m.data.version)}
    await store.save_approved(tx, [(m.data, m.envelope.time) for m in latest.values()])


async def vendor_suspended(tx: Tx, messages: Sequence[Message[VendorSuspended]]) -> None:
    """Keep who is not paid for the time being."""
    await store.save_suspended(tx, _latest(messages))


async def bank_account_changed(tx: Tx, messages: Sequence[Message[VendorBankAccountChanged]]) -> None:
    """Keep where vendors want to be paid, and since when."""
    latest = {m.data.vendor_id: m.data for m in sorted(messages, key=lambda m: m.data.version)}
    await store.save_bank_tokens(tx, list(latest.values()))


def _latest(messages: Sequence[Message[VendorSuspended]]) -> list[VendorSuspended]:
    return list({m.data.vendor_id: m.data for m in sorted(messages, key=lambda m: m.data.version)}.values())
