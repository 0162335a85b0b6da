"""What the ledger answers when it cannot."""

from __future__ import annotations

from estore.kit.errors import Conflict, Invalid, NotFound, Transient


class SaleUnknown(Transient):
    code, title = "ledger.sale_unknown", "The ledger has not heard of this sale yet"


class PayeeUnknown(Invalid):
    code, title = "ledger.payee_unknown", "There is no such vendor"


class CurrencyUnknown(Invalid):
    code, title = "ledger.currency_unknown", "The vendor is not paid in this currency"


class AmountInvalid(Invalid):
    code, title = "ledger.amount_invalid", "The amount cannot be posted"


class HoldUnknown(NotFound):
    code, title = "ledger.hold_unknown", "There is no such hold"


class HoldNotYours(Conflict):
    code, title = "ledger.hold_not_yours", "This hold ends with what it is held for"


class MomentInvalid(Invalid):
    code, title = "ledger.moment_invalid", "The moment is not one that the ledger can tell of"
