"""Who may do what with the books, how often, and how long it may take."""

from __future__ import annotations

from dataclasses import dataclass

from estore.contracts.orders import OrderConfirmed
from estore.contracts.payments import PaymentCaptured
from estore.contracts.vendors import VendorApproved, VendorBankAccountChanged, VendorSuspended
from estore.kit.endpoint import READ, SNAPSHOT, SYSTEM_ONLY, VENDOR, WRITE, Edge, Endpoint, Handler
from estore.kit.http import Page
from estore.kit.rate import Rate
from estore.services.ledger import service
from estore.services.ledger.domain.dashboard import Dashboard, Forecast
from estore.services.ledger.service import Selling, statements
from estore.services.ledger.service import dashboard as dashboards

READING = Rate(limit=600, per=60)


@dataclass(frozen=True)
class Endpoints:
    list_balances: Endpoint[service.ListBalances, Page[service.BalanceView]]
    open_statement: Endpoint[statements.AskStatement, statements.Reading]
    statement_lines: Endpoint[statements.Reading, statements.Chunk]
    show_dashboard: Endpoint[dashboards.AskDashboard, Dashboard]
    forecast: Endpoint[dashboards.AskForecast, Forecast]
    roll_sales: Endpoint[None, int]
    payment_captured: Handler[PaymentCaptured]
    order_confirmed: Handler[OrderConfirmed]
    vendor_approved: Handler[VendorApproved]
    vendor_suspended: Handler[VendorSuspended]
    bank_account_changed: Handler[VendorBankAccountChanged]


def build(edge: Edge, *, selling: Selling) -> Endpoints:
    """Return the use cases of the ledger with their policies."""
    return Endpoints(
        list_balances=edge.endpoint(service.list_balances, who=VENDOR, tx=READ, rate=READING),
        open_statement=edge.endpoint(statements.open_statement, who=VENDOR, tx=SNAPSHOT, timeout=30, rate=READING),
        # A chunk of the statement that `open_statement` let begin.
        statement_lines=edge.endpoint(statements.read_lines, who=VENDOR, tx=READ),
        show_dashboard=edge.endpoint(dashboards.show_dashboard, who=VENDOR, tx=SNAPSHOT, rate=READING),
        forecast=edge.endpoint(dashboards.forecast, who=VENDOR, tx=SNAPSHOT, rate=READING),
        roll_sales=edge.endpoint(dashboards.roll_sales, who=SYSTEM_ONLY, tx=WRITE, timeout=30),
        payment_captured=edge.consumer(selling.payment_captured),
        order_confirmed=edge.consumer(selling.order_confirmed),
        vendor_approved=edge.consumer(service.vendor_approved),
        vendor_suspended=edge.consumer(service.vendor_suspended),
        bank_account_changed=edge.consumer(service.bank_account_changed),
    )
