"""All SQL of the ledger. Vendors' balances are locked in `journal` only."""

from estore.services.ledger.store.journal import Balance, Journal

__all__ = ["Balance", "Journal"]
