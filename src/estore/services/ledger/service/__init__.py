"""Use cases of the ledger. The edge commits."""

from estore.services.ledger.service.adjusting import Adjusting, Payees
from estore.services.ledger.service.books import Books
from estore.services.ledger.service.holding import Holding
from estore.services.ledger.service.reading import list_balances, list_entries, list_holds
from estore.services.ledger.service.refunding import Refunding
from estore.services.ledger.service.releasing import Releasing
from estore.services.ledger.service.sealing import (
    fold_balances,
    keep_sheet,
    seal_entries,
    show_chain,
    show_sheet,
    verify_chain,
)
from estore.services.ledger.service.selling import Selling
from estore.services.ledger.service.shapes import (
    Adjust,
    Adjustment,
    BalanceView,
    Chain,
    EntryView,
    HoldMoney,
    HoldView,
    ListBalances,
    ListEntries,
    ListHolds,
    ReserveTerms,
    ReserveTermsView,
    Sheet,
    Verification,
    VerifyChain,
)
from estore.services.ledger.service.vendors import bank_account_changed, vendor_approved, vendor_suspended

__all__ = [
    "Adjust",
    "Adjusting",
    "Adjustment",
    "BalanceView",
    "Books",
    "Chain",
    "EntryView",
    "HoldMoney",
    "HoldView",
    "Holding",
    "ListBalances",
    "ListEntries",
    "ListHolds",
    "Payees",
    "Refunding",
    "Releasing",
    "ReserveTerms",
    "ReserveTermsView",
    "Selling",
    "Sheet",
    "Verification",
    "VerifyChain",
    "bank_account_changed",
    "fold_balances",
    "keep_sheet",
    "list_balances",
    "list_entries",
    "list_holds",
    "seal_entries",
    "show_chain",
    "show_sheet",
    "vendor_approved",
    "vendor_suspended",
    "verify_chain",
]
