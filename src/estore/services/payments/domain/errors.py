"""What may go wrong with a payment."""

from __future__ import annotations

from estore.kit.errors import Conflict, Invalid, NotFound, Transient


class PaymentNotFound(NotFound):
    code, title = "payments.not_found", "There is no such payment"


class RefundExceedsCaptured(Conflict):
    code, title = "payments.refund_exceeds_captured", "There is not that much left to refund"


class MoneyDisputed(Conflict):
    code, title = "payments.disputed", "The customer's bank has claimed this money; it cannot be refunded meanwhile"


class CurrencyDiffers(Invalid):
    code, title = "payments.currency_differs", "The payment was made in another currency"


class NotCapturedYet(Transient):
    code, title = "payments.not_captured_yet", "The payment to refund has not been captured yet"
