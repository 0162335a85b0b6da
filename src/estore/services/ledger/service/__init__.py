"""Use cases of the ledger. The edge commits."""

from estore.services.ledger.service.books import Books
from estore.services.ledger.service.reading import list_balances
from estore.services.ledger.service.selling import Selling
from estore.services.ledger.service.shapes import BalanceView, ListBalances
from estore.services.ledger.service.vendors import bank_account_changed, vendor_approved, vendor_suspended

__all__ = [
    "BalanceView",
    "Books",
    "ListBalances",
    "Selling",
    "bank_account_changed",
    "list_balances",
    "vendor_approved",
    "vendor_suspended",
]
