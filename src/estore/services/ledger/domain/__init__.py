"""Rules of the ledger. No I/O, no clock, no randomness."""

from estore.services.ledger.domain.accounts import (
    OF_VENDORS,
    OWED,
    Account,
    Kind,
    of_platform,
    of_vendor,
)
from estore.services.ledger.domain.errors import (
    AmountInvalid,
    CurrencyUnknown,
    HoldNotYours,
    HoldUnknown,
    MomentInvalid,
    PayeeUnknown,
    SaleUnknown,
)
from estore.services.ledger.domain.journal import EntryKind, Posting, Unbalanced, digest_of

__all__ = [
    "OF_VENDORS",
    "OWED",
    "Account",
    "AmountInvalid",
    "CurrencyUnknown",
    "EntryKind",
    "HoldNotYours",
    "HoldUnknown",
    "Kind",
    "MomentInvalid",
    "PayeeUnknown",
    "Posting",
    "SaleUnknown",
    "Unbalanced",
    "digest_of",
    "of_platform",
    "of_vendor",
]
