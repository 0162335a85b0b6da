"""What leaves the building: payment providers, chosen by configuration.

A provider is asked between transactions, never inside one. `app.GATEWAYS` names those that exist.
"""

from estore.services.payments.gateways.invoice import InvoiceProvider
from estore.services.payments.gateways.provider import (
    EvidenceRefused,
    Provider,
    WebhookForged,
    WebhookUnreadable,
    chooser,
)
from estore.services.payments.gateways.sandbox import ActionGone, SandboxProvider, SandboxSettings

__all__ = [
    "ActionGone",
    "EvidenceRefused",
    "InvoiceProvider",
    "Provider",
    "SandboxProvider",
    "SandboxSettings",
    "WebhookForged",
    "WebhookUnreadable",
    "chooser",
]
