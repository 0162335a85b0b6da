"""Each event is posted once, whatever the order."""

from __future__ import annotations

from ledger.factories import VENDOR, Ledger


async def test_a_sale_is_pending(ledger: Ledger) -> None:
    sale = ledger.sale(earns={VENDOR: (10_000, 1_000, 190)})
    await ledger.hear(ledger.capture(sale), sale)

    assert await ledger.balances() == {"pending": 8_810}
