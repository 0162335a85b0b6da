"""All SQL of the ledger. Rows are locked in one order, whoever locks them:

1. what one transaction does at a time: advisory locks (seals, sums, reconciliation)
2. matters (`lock_matters`), sorted
3. parcels (`lock_earnings`), sorted. Who holds, lets go or refunds on a parcel holds its row
4. holds, sorted; those of one parcel behind its row. The timer of holds waits for none (SKIP LOCKED)
5. payouts, sorted, and reserve terms. The timers wait for none of them (SKIP LOCKED). Nobody locks these and 2 to 4
   orders' credit (`claim_credit`, `lock_credit`), sorted, then gift cards, sorted. Nobody locks these and 2 to 5
6. accounts that are opened, sorted; then numbered balances, sorted by account. Locked in `journal` only
7. entries, by their unique source, sorted

A transaction posts once, so 6 and 7 come last; what a payout's balances were locked for is inserted after them, where
nobody else can have it yet. `tests/ledger/test_locks.py` races them all.
"""

from estore.services.ledger.store.holds import (
    change_holds,
    hold_of,
    insert_holds,
    list_holds,
    lock_hold,
    lock_holds_on,
    lock_matters,
    parcels_held_for,
    release_due_holds,
    release_hold,
    release_holds_of,
    reserve_on,
    terms_of,
)
from estore.services.ledger.store.invariants import INVARIANTS
from estore.services.ledger.store.journal import Balance, Journal, Posted
from estore.services.ledger.store.operators import (
    earns_in,
    insert_adjustment,
    reserve_terms,
    save_reserve_terms,
    vendor_exists,
)
from estore.services.ledger.store.reading import balances, entries, lines_of, stream_orders
from estore.services.ledger.store.sales import (
    cancel_earnings,
    claim_due_earnings,
    deliver_earnings,
    insert_refunds,
    insert_sales,
    lock_earnings,
    lock_earnings_of,
    make_available,
    refunded_parcels,
    ship_earnings,
    take_from_earnings,
    undo_refunds,
)
from estore.services.ledger.store.seals import (
    chain,
    check_blocks,
    fold,
    keep_sheet,
    last_sheet,
    seal,
    sheet,
)
from estore.services.ledger.store.vendors import save_approved, save_bank_tokens, save_suspended

__all__ = [
    "INVARIANTS",
    "Balance",
    "Journal",
    "Posted",
    "balances",
    "cancel_earnings",
    "chain",
    "change_holds",
    "check_blocks",
    "claim_due_earnings",
    "deliver_earnings",
    "earns_in",
    "entries",
    "fold",
    "hold_of",
    "insert_adjustment",
    "insert_holds",
    "insert_refunds",
    "insert_sales",
    "keep_sheet",
    "last_sheet",
    "lines_of",
    "list_holds",
    "lock_earnings",
    "lock_earnings_of",
    "lock_hold",
    "lock_holds_on",
    "lock_matters",
    "make_available",
    "parcels_held_for",
    "refunded_parcels",
    "release_due_holds",
    "release_hold",
    "release_holds_of",
    "reserve_on",
    "reserve_terms",
    "save_approved",
    "save_bank_tokens",
    "save_reserve_terms",
    "save_suspended",
    "seal",
    "sheet",
    "ship_earnings",
    "stream_orders",
    "take_from_earnings",
    "terms_of",
    "undo_refunds",
    "vendor_exists",
]
