"""What leaves the building: payment providers, chosen by configuration.

A provider is asked between transactions, never inside one. `GATEWAYS` names those that exist.
"""

from estore.services.payments.gateways.provider import Provider, WebhookForged, WebhookUnreadable
from estore.services.payments.gateways.sandbox import ActionGone, SandboxProvider, SandboxSettings

GATEWAYS = {"sandbox": SandboxProvider}

__all__ = [
    "GATEWAYS",
    "ActionGone",
    "Provider",
    "SandboxProvider",
    "SandboxSettings",
    "WebhookForged",
    "WebhookUnreadable",
]
