"""Rules of the ledger. No I/O, no clock, no randomness."""

from estore.services.ledger.domain.accounts import (
    OF_VENDORS,
    OWED,
    Account,
    Kind,
    of_platform,
    of_vendor,
)
from estore.services.ledger.domain.journal import EntryKind, Posting, Unbalanced, digest_of

__all__ = [
    "OF_VENDORS",
    "OWED",
    "Account",
    "EntryKind",
    "Kind",
    "Posting",
    "Unbalanced",
    "digest_of",
    "of_platform",
    "of_vendor",
]
