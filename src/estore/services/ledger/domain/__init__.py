"""Rules of the ledger. No I/O, no clock, no randomness."""

from estore.services.ledger.domain.accounts import (
    NUMBERED,
    OF_CREDIT,
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
from estore.services.ledger.domain.journal import EntryKind, Overdrawn, Posting, Unbalanced, digest_of, transfer

__all__ = [
    "NUMBERED",
    "OF_CREDIT",
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
    "Overdrawn",
    "PayeeUnknown",
    "Posting",
    "SaleUnknown",
    "Unbalanced",
    "digest_of",
    "of_platform",
    "of_vendor",
    "transfer",
]
