"""What is kept up beside the journal: seals, the platform's balances, the balance sheet of every hour."""

from __future__ import annotations

from datetime import datetime, timedelta

from estore.kit.context import Context
from estore.kit.db import Record, Tx
from estore.kit.money import Money
from estore.services.ledger import store
from estore.services.ledger.service.reading import past
from estore.services.ledger.service.shapes import (
    BrokenBlock,
    Chain,
    Sheet,
    SheetLine,
    SheetOfCurrency,
    Verification,
    VerifyChain,
)

BLOCK = 1000
# Longer than any transaction takes: what is posted at a moment is committed by then.
SETTLED = timedelta(hours=1)
STEP = timedelta(days=1)


async def seal_entries(tx: Tx, ctx: Context, request: None) -> int:
    """Seal the next block; returns how many entries it has."""
    return await store.seal(tx, BLOCK, ctx.now)


async def fold_balances(tx: Tx, ctx: Context, at_most: int) -> int:
    """Add what was posted to the platform's balances; returns how many postings that were."""
    return await store.fold(tx, at_most, ctx.now)


async def keep_sheet(tx: Tx, ctx: Context, request: None) -> bool:
    """Keep the balance sheet of the last full hour that nothing is added to any more. Returns whether there is more."""
    last, first = await store.last_sheet(tx)
    if first is None:
        return False
    settled = _full_hour(ctx.now - SETTLED)
    until = min(settled, (last or _full_hour(first)) + STEP)
    if (last is not None and until <= last) or until <= first:
        return False
    await store.keep_sheet(tx, last, until)
    return until < settled


async def show_sheet(tx: Tx, ctx: Context, at: datetime | None) -> Sheet:
    """Show every account, the vendors' in sum, as it is or was at a moment. Raises MomentInvalid."""
    moment = past(at, ctx.now) if at is not None else ctx.now
    found: dict[str, list[SheetLine]] = {}
    for row in await store.sheet(tx, moment):
        line = SheetLine(row["kind"], row["owner"], Money(row["amount"], row["currency"]))
        found.setdefault(row["currency"], []).append(line)
    return Sheet(
        moment,
        [
            SheetOfCurrency(currency, lines, Money(sum(line.amount.amount for line in lines), currency))
            for currency, lines in found.items()
        ],
    )


async def show_chain(tx: Tx, ctx: Context, request: None) -> Chain:
    """Show how far history is sealed."""
    row = await store.chain(tx)
    return Chain(row["blocks"], int(row["entries"]), row["hash"].hex(), row["sealed_at"], row["unsealed"])


async def verify_chain(tx: Tx, ctx: Context, request: VerifyChain) -> Verification:
    """Compute every digest and hash of some blocks again, from the entries and lines as they are now."""
    last = request.first + request.blocks - 1
    rows = await store.check_blocks(tx, request.first, last + 1)
    checked = [row for row in rows if row["no"] <= last]
    return Verification(
        first=request.first,
        last=checked[-1]["no"] if checked else request.first - 1,
        entries=sum(row["entries"] for row in checked),
        broken=[BrokenBlock(row["no"], fault, row["altered"] or []) for row in checked if (fault := _fault(row))],
        hash=checked[-1]["hash"].hex() if checked else "",
        next=rows[-1]["no"] if len(rows) > len(checked) else None,
    )


def _fault(row: Record) -> str:
    if row["altered"]:
        return "entry"
    if not row["complete"]:
        return "entries"
    if not row["follows"]:
        return "previous"
    return "" if row["hash_holds"] else "hash"


def _full_hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
