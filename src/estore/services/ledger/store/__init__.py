"""All SQL of the ledger. Rows are locked in one order: matters, parcels, holds, balances (in `journal` only)."""

from estore.services.ledger.store.invariants import INVARIANTS
from estore.services.ledger.store.journal import Balance, Journal, Posted
from estore.services.ledger.store.reading import balances
from estore.services.ledger.store.sales import insert_sales
from estore.services.ledger.store.vendors import save_approved, save_bank_tokens, save_suspended

__all__ = [
    "INVARIANTS",
    "Balance",
    "Journal",
    "Posted",
    "balances",
    "insert_sales",
    "save_approved",
    "save_bank_tokens",
    "save_suspended",
]
