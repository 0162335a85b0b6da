"""Who may do what with the books, how often, and how long it may take."""

from __future__ import annotations

from dataclasses import dataclass

from estore.contracts.orders import OrderConfirmed
from estore.contracts.payments import PaymentCaptured
from estore.contracts.vendors import VendorApproved, VendorBankAccountChanged, VendorSuspended
from estore.kit.endpoint import READ, VENDOR, Edge, Endpoint, Handler
from estore.kit.http import Page
from estore.kit.rate import Rate
from estore.services.ledger import service
from estore.services.ledger.service import Selling

READING = Rate(limit=600, per=60)


@dataclass(frozen=True)
class Endpoints:
    list_balances: Endpoint[service.ListBalances, Page[service.BalanceView]]
    payment_captured: Handler[PaymentCaptured]
    order_confirmed: Handler[OrderConfirmed]
    vendor_approved: Handler[VendorApproved]
    vendor_suspended: Handler[VendorSuspended]
    bank_account_changed: Handler[VendorBankAccountChanged]


def build(edge: Edge, *, selling: Selling) -> Endpoints:
    """Return the use cases of the ledger with their policies."""
    return Endpoints(
        list_balances=edge.endpoint(service.list_balances, who=VENDOR, tx=READ, rate=READING),
        payment_captured=edge.consumer(selling.payment_captured),
        order_confirmed=edge.consumer(selling.order_confirmed),
        vendor_approved=edge.consumer(service.vendor_approved),
        vendor_suspended=edge.consumer(service.vendor_suspended),
        bank_account_changed=edge.consumer(service.bank_account_changed),
    )
