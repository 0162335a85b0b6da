"""What Stripe's answers and errors mean for a payment. Pure: no I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estore.services.payments.domain import Finding, Found, RefundFinding, RefundFound
from estore.services.payments.gateways.stripe.currencies import Unconvertible, from_stripe
from estore.services.payments.gateways.stripe.shapes import PaymentError, PaymentIntent, Refund

if TYPE_CHECKING:
    import stripe

_FOUND = {
    "succeeded": Found.CAPTURED,
    "requires_action": Found.REQUIRES_ACTION,
    "processing": Found.PROCESSING,
    # The money is held, not taken: whoever asks next captures it.
    "requires_capture": Found.PROCESSING,
    "requires_payment_method": Found.DECLINED,
    "requires_confirmation": Found.DECLINED,
    "canceled": Found.VOIDED,
}
# What a thief must not learn: to be told as a generic decline (docs.stripe.com/declines/codes).
_SECRET = frozenset(("fraudulent", "lost_card", "stolen_card", "merchant_blacklist"))
_UNPROVEN = frozenset(("payment_intent_authentication_failure", "authentication_required"))
# Where a customer can act without the shop's own page, by the kinds of next action that have one.
_PAGES = ("url", "hosted_instructions_url", "hosted_voucher_url", "hosted_verification_url")
# A bank that works on it takes hours or days, and a webhook tells the end; until then it is enough to ask now and then.
_PATIENCE = 600.0
_REFUND_FOUND = {
    "succeeded": RefundFound.SUCCEEDED,
    "pending": RefundFound.PROCESSING,
    "requires_action": RefundFound.PROCESSING,
    "failed": RefundFound.REFUSED,
    "canceled": RefundFound.REFUSED,
}


def finding_of(made: PaymentIntent, source: str) -> Finding:
    """Return what a PaymentIntent says. A status that Stripe invents later is `unknown`, never a decline."""
    found = _FOUND.get(made.status, Found.UNKNOWN)
    if found is Found.CAPTURED:
        try:
            amount = from_stripe(made.amount_received, made.currency)
        except Unconvertible as error:
            return Finding(Found.UNKNOWN, source, made.id, detail=str(error))
        return Finding(found, source, made.id, amount=amount, currency=made.currency.upper())
    if found is Found.DECLINED:
        code, detail = why(made.last_payment_error)
        return Finding(found, source, made.id, code=code, detail=detail)
    if found is Found.REQUIRES_ACTION:
        return Finding(found, source, made.id, action_url=page_of(made))
    return Finding(found, source, made.id, patience=_PATIENCE if made.status == "processing" else None)


def page_of(made: PaymentIntent) -> str | None:
    """Return where the customer must go, None where only a page of the shop's own could ask."""
    action = made.next_action or {}
    details = action.get(str(action.get("type")))
    if not isinstance(details, dict):
        return None
    return next((details[key] for key in _PAGES if isinstance(details.get(key), str)), None)


def why(error: PaymentError | None) -> tuple[str, str]:
    """Return our code of a decline, and Stripe's code and words for it as detail."""
    if error is None:
        return "declined", ""
    reason = error.decline_code or error.code or ""
    if reason in _SECRET:
        return "declined", "generic_decline"
    code = "action_failed" if _UNPROVEN & {error.code, error.decline_code} else "declined"
    return code, ": ".join(filter(None, (reason, error.message)))[:200]


def finding_of_error(error: stripe.StripeError, source: str, reference: str | None = None) -> Finding:
    """Return what an error says about a charge.

    402 is the bank's no. Other 4xx say that nothing was done and never will be, as it was asked. All else (no
    connection, 401 and 403 while a key is exchanged, 409, 429, 5xx) leaves open whether the charge was made.
    """
    import stripe

    told = told_in(error)
    reference = reference or told[1]
    if isinstance(error, stripe.CardError):
        code, detail = why(told[0])
        return Finding(Found.DECLINED, source, reference, code=code, detail=detail)
    if isinstance(error, stripe.InvalidRequestError):
        code = "unknown_method" if error.param == "payment_method" else "provider_error"
        return Finding(Found.DECLINED, source, reference, code=code, detail=(error.user_message or "")[:200])
    return Finding(Found.UNKNOWN, source, reference, detail=name_of(error))


def told_in(error: stripe.StripeError) -> tuple[PaymentError, str | None]:
    """Return what the body of an error says, and the id of the PaymentIntent that it is about, if of one."""
    body = error.json_body.get("error") if isinstance(error.json_body, dict) else None
    told = body if isinstance(body, dict) else {}
    about = told.get("payment_intent")
    reason = PaymentError(told.get("code"), told.get("decline_code"), told.get("message"))
    return reason, about.get("id") if isinstance(about, dict) else None


def name_of(error: stripe.StripeError) -> str:
    """Return an error's kind and request id: what an operator needs to find it at Stripe. No parameters, no keys."""
    return " ".join(filter(None, (type(error).__name__, told_in(error)[0].code, error.request_id)))


def refund_finding_of(refund: Refund) -> RefundFinding:
    """Return what a Refund says. A pending one may take a bank days: it is asked about again."""
    found = _REFUND_FOUND.get(refund.status or "", RefundFound.UNKNOWN)
    code = (refund.failure_reason or refund.status or "") if found is RefundFound.REFUSED else ""
    return RefundFinding(found, refund.id, code, _PATIENCE if found is RefundFound.PROCESSING else None)
