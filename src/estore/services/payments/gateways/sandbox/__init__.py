"""The sandbox: a payment provider with books and webhooks of its own, which misbehaves on request.

| payment method | what it does |
| --- | --- |
| pm_ok | captured in the answer |
| pm_declined | declined in the answer |
| pm_requires_action | the customer must act on a page; a webhook tells the outcome |
| pm_slow | `processing`; captured some seconds later, told by a webhook |
| pm_timeout_after_charge | captured in the books, the call hangs and no webhook comes (refunds likewise) |
| pm_duplicate_webhooks | captured; webhooks come several times, out of order, some before the answer |
| pm_never_answers | the call hangs and nothing reaches the books |
| pm_disputed | captured; some seconds later the bank takes back what is left of it and a webhook tells |
| pm_disputed_won, pm_disputed_lost | the same, and some seconds later the bank decides by itself |
| pm_refunded_outside | captured; some seconds later somebody gives it back at the provider, unasked |
| pm_report_missing | captured, and left out of the provider's report |
| pm_report_wrong_amount | captured, and reported with 100 minor units too many |
| pm_report_doubled | captured, and reported twice |

A dispute takes evidence for seven days. One with the word `winning` wins it some seconds later, one with `losing` loses
it; any other is looked at for the rest of the time, and loses, as a dispute without evidence does.

No other method is accepted. "Some seconds" are ESTORE_PAYMENTS_SANDBOX_SLOW_SECONDS.
"""

from estore.services.payments.gateways.sandbox.books import ActionGone
from estore.services.payments.gateways.sandbox.provider import SandboxProvider, SandboxSettings

__all__ = ["ActionGone", "SandboxProvider", "SandboxSettings"]
