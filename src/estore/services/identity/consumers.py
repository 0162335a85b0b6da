"""RabbitMQ in."""

from __future__ import annotations

from estore.contracts.vendors import VendorApproved, VendorMembersChanged
from estore.kit.bus.base import Subscription
from estore.services.identity.endpoints import Endpoints


def subscriptions(e: Endpoints) -> list[Subscription]:
    """Return the queues of identity."""
    return [
        Subscription("identity.memberships", {VendorApproved: e.hear_approved, VendorMembersChanged: e.hear_members})
    ]
