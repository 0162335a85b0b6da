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
| pm_disputed | captured; some seconds later a webhook tells that the bank wants it back |

Any other method is declined with `unknown_method`.
"""

from estore.services.payments.gateways.sandbox.books import ActionGone
from estore.services.payments.gateways.sandbox.provider import SandboxProvider, SandboxSettings

__all__ = ["ActionGone", "SandboxProvider", "SandboxSettings"]
