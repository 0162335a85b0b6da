"""What may go wrong with a payment."""

from __future__ import annotations

from estore.kit.errors import Conflict, Invalid, NotFound, Transient


class PaymentNotFound(NotFound):
    code, title = "payments.not_found", "There is no such payment"


class RefundNotFound(NotFound):
    code, title = "payments.refund_not_found", "There is no such refund"


class DisputeNotFound(NotFound):
    code, title = "payments.dispute_not_found", "There is no such dispute"


class ReportNotFound(NotFound):
    code, title = "payments.report_not_found", "There is no such report"


class RefundExceedsCaptured(Conflict):
    code, title = "payments.refund_exceeds_captured", "There is not that much left to refund"


class MoneyDisputed(Conflict):
    code, title = "payments.disputed", "The customer's bank has claimed this money; it cannot be refunded as well"


class CurrencyDiffers(Invalid):
    code, title = "payments.currency_differs", "The payment was made in another currency"


class NotCapturedYet(Transient):
    code, title = "payments.not_captured_yet", "The payment to refund has not been captured yet"


class DisputeClosed(Conflict):
    code, title = "payments.dispute_closed", "The bank has decided on this dispute"


class EvidenceLate(Conflict):
    code, title = "payments.evidence_late", "The bank looks at no evidence any more"


class EvidenceGiven(Conflict):
    code, title = "payments.evidence_given", "Evidence was given for this dispute, and the bank looks at it once"


class NotByInvoice(Conflict):
    code, title = "payments.not_by_invoice", "Only what is paid by invoice is marked as paid by hand"


class AlreadyPaid(Conflict):
    code, title = "payments.already_paid", "This has been settled already"


class AmountDiffers(Invalid):
    code, title = "payments.amount_differs", "Another amount is due"


class NotYetMoved(Invalid):
    code, title = "payments.not_yet_moved", "This time has not come yet"


class ProviderUnknown(Invalid):
    code, title = "payments.provider_unknown", "There is no such payment provider"


class WindowInvalid(Invalid):
    code, title = "payments.window_invalid", "No report is made of this span of time"
