"""Who may do what with the books, how often, and how long it may take."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from estore.contracts.orders import (
    OrderCancelled,
    OrderConfirmed,
    OrderCreditRequested,
    ParcelDelivered,
    ParcelShipped,
    RefundAllocated,
    RefundCredited,
    ReturnClosed,
    ReturnRequested,
)
from estore.contracts.payments import (
    PaymentCaptured,
    PaymentDisputeClosed,
    PaymentDisputed,
    PaymentRefunded,
    PaymentRefundFailed,
    ProviderReported,
)
from estore.contracts.vendors import VendorApproved, VendorBankAccountChanged, VendorSuspended
from estore.kit.endpoint import (
    ACCEPTED,
    ANYONE,
    OPERATOR,
    READ,
    REQUIRED,
    SIGNED_IN,
    SNAPSHOT,
    SYSTEM_ONLY,
    VENDOR,
    WRITE,
    Edge,
    Endpoint,
    Handler,
    Keeping,
)
from estore.kit.http import Page
from estore.kit.rate import Rate
from estore.services.ledger import service
from estore.services.ledger.domain.dashboard import Dashboard, Forecast
from estore.services.ledger.domain.reconciliation import Difference, ReportView
from estore.services.ledger.service import Adjusting, Holding, Refunding, Releasing, Selling, reconciliation, statements
from estore.services.ledger.service import credit as credits
from estore.services.ledger.service import dashboard as dashboards
from estore.services.ledger.service import payouts as paying
from estore.services.ledger.service.banks import BankAccountView, Banks, NewBankAccount

READING = Rate(limit=600, per=60)


@dataclass(frozen=True)
class Endpoints:
    list_balances: Endpoint[service.ListBalances, Page[service.BalanceView]]
    list_entries: Endpoint[service.ListEntries, Page[service.EntryView]]
    list_holds: Endpoint[service.ListHolds, Page[service.HoldView]]
    show_sheet: Endpoint[datetime | None, service.Sheet]
    show_chain: Endpoint[None, service.Chain]
    verify_chain: Endpoint[service.VerifyChain, service.Verification]
    adjust: Endpoint[service.Adjust, service.Adjustment]
    hold_money: Endpoint[service.HoldMoney, service.HoldView]
    release_hold: Endpoint[str, service.HoldView]
    show_terms: Endpoint[str, service.ReserveTermsView]
    set_terms: Endpoint[tuple[str, service.ReserveTerms], service.ReserveTermsView]
    release_due: Endpoint[int, int]
    release_due_holds: Endpoint[int, int]
    seal_entries: Endpoint[None, int]
    fold_balances: Endpoint[int, int]
    keep_sheet: Endpoint[None, bool]
    open_statement: Endpoint[statements.AskStatement, statements.Reading]
    statement_lines: Endpoint[statements.Reading, statements.Chunk]
    show_dashboard: Endpoint[dashboards.AskDashboard, Dashboard]
    forecast: Endpoint[dashboards.AskForecast, Forecast]
    roll_sales: Endpoint[None, int]
    list_reports: Endpoint[reconciliation.ListReports, Page[ReportView]]
    list_differences: Endpoint[reconciliation.ListDifferences, Page[Difference]]
    resolve_difference: Endpoint[tuple[str, str], Difference]
    look_again: Endpoint[None, None]
    provider_reported: Handler[ProviderReported]
    payment_captured: Handler[PaymentCaptured]
    order_confirmed: Handler[OrderConfirmed]
    order_cancelled: Handler[OrderCancelled]
    parcel_shipped: Handler[ParcelShipped]
    parcel_delivered: Handler[ParcelDelivered]
    refund_allocated: Handler[RefundAllocated]
    payment_refunded: Handler[PaymentRefunded]
    refund_failed: Handler[PaymentRefundFailed]
    payment_disputed: Handler[PaymentDisputed]
    dispute_closed: Handler[PaymentDisputeClosed]
    return_requested: Handler[ReturnRequested]
    return_closed: Handler[ReturnClosed]
    vendor_approved: Handler[VendorApproved]
    vendor_suspended: Handler[VendorSuspended]
    bank_account_changed: Handler[VendorBankAccountChanged]


@dataclass(frozen=True)
class Core:
    """The use cases that post."""

    selling: Selling
    refunding: Refunding
    holding: Holding
    adjusting: Adjusting
    releasing: Releasing
    reconciling: reconciliation.Reconciling


def build(edge: Edge, core: Core) -> Endpoints:
    """Return the use cases of the ledger with their policies."""
    return Endpoints(
        list_balances=edge.endpoint(service.list_balances, who=VENDOR, tx=READ, rate=READING),
        list_entries=edge.endpoint(service.list_entries, who=VENDOR, tx=READ, rate=READING),
        list_holds=edge.endpoint(service.list_holds, who=VENDOR, tx=READ, rate=READING),
        show_sheet=edge.endpoint(service.show_sheet, who=OPERATOR, tx=READ, timeout=30, rate=READING),
        show_chain=edge.endpoint(service.show_chain, who=OPERATOR, tx=READ, rate=READING),
        verify_chain=edge.endpoint(service.verify_chain, who=OPERATOR, tx=READ, timeout=30, rate=READING),
        adjust=edge.endpoint(core.adjusting.adjust, who=OPERATOR, tx=WRITE, once=REQUIRED, rate=READING),
        hold_money=edge.endpoint(core.holding.hold_money, who=OPERATOR, tx=WRITE, once=REQUIRED, rate=READING),
        release_hold=edge.endpoint(core.holding.release_hold, who=OPERATOR, tx=WRITE, once=REQUIRED, rate=READING),
        show_terms=edge.endpoint(core.adjusting.show_terms, who=OPERATOR, tx=READ, rate=READING),
        set_terms=edge.endpoint(core.adjusting.set_terms, who=OPERATOR, tx=WRITE, rate=READING),
        release_due=edge.endpoint(core.releasing.release_due, who=SYSTEM_ONLY, tx=WRITE, timeout=30),
        release_due_holds=edge.endpoint(core.holding.release_due_holds, who=SYSTEM_ONLY, tx=WRITE, timeout=30),
        seal_entries=edge.endpoint(service.seal_entries, who=SYSTEM_ONLY, tx=WRITE, timeout=30),
        fold_balances=edge.endpoint(service.fold_balances, who=SYSTEM_ONLY, tx=WRITE, timeout=30),
        keep_sheet=edge.endpoint(service.keep_sheet, who=SYSTEM_ONLY, tx=WRITE, timeout=60),
        open_statement=edge.endpoint(statements.open_statement, who=VENDOR, tx=SNAPSHOT, timeout=30, rate=READING),
        # A chunk of the statement that `open_statement` let begin.
        statement_lines=edge.endpoint(statements.read_lines, who=VENDOR, tx=READ),
        show_dashboard=edge.endpoint(dashboards.show_dashboard, who=VENDOR, tx=SNAPSHOT, rate=READING),
        forecast=edge.endpoint(dashboards.forecast, who=VENDOR, tx=SNAPSHOT, rate=READING),
        roll_sales=edge.endpoint(dashboards.roll_sales, who=SYSTEM_ONLY, tx=WRITE, timeout=30),
        list_reports=edge.endpoint(reconciliation.list_reports, who=OPERATOR, tx=READ, rate=READING),
        list_differences=edge.endpoint(reconciliation.list_differences, who=OPERATOR, tx=READ, rate=READING),
        resolve_difference=edge.endpoint(reconciliation.resolve, who=OPERATOR, tx=WRITE, once=ACCEPTED, rate=READING),
        look_again=edge.endpoint(reconciliation.look_again, who=SYSTEM_ONLY, tx=WRITE, timeout=60),
        provider_reported=edge.consumer(core.reconciling.provider_reported),
        payment_captured=edge.consumer(core.selling.payment_captured),
        order_confirmed=edge.consumer(core.selling.order_confirmed),
        order_cancelled=edge.consumer(core.selling.order_cancelled),
        parcel_shipped=edge.consumer(core.selling.parcel_shipped),
        parcel_delivered=edge.consumer(core.selling.parcel_delivered),
        refund_allocated=edge.consumer(core.refunding.refund_allocated),
        payment_refunded=edge.consumer(core.refunding.payment_refunded),
        refund_failed=edge.consumer(core.refunding.refund_failed),
        payment_disputed=edge.consumer(core.holding.payment_disputed),
        dispute_closed=edge.consumer(core.holding.dispute_closed),
        return_requested=edge.consumer(core.holding.return_requested),
        return_closed=edge.consumer(core.holding.return_closed),
        vendor_approved=edge.consumer(service.vendor_approved),
        vendor_suspended=edge.consumer(service.vendor_suspended),
        bank_account_changed=edge.consumer(service.bank_account_changed),
    )


@dataclass(frozen=True)
class PayoutEndpoints:
    add_bank: Endpoint[NewBankAccount, BankAccountView]
    get_terms: Endpoint[str, paying.TermsView]
    put_terms: Endpoint[paying.PutTerms, paying.TermsView]
    request: Endpoint[paying.RequestPayout, paying.PayoutView]
    list_: Endpoint[paying.ListPayouts, Page[paying.PayoutView]]
    get: Endpoint[str, paying.PayoutView]
    lines: Endpoint[paying.ListLines, Page[paying.CoveredLine]]
    approve: Endpoint[str, paying.PayoutView]
    reject: Endpoint[paying.RejectPayout, paying.PayoutView]
    mark: Endpoint[paying.MarkPayout, paying.PayoutView]
    make_file: Endpoint[None, paying.FileView]
    list_files: Endpoint[paying.ListFiles, Page[paying.FileView]]
    read_file: Endpoint[str, bytes]
    run: Endpoint[int, int]
    claim: Endpoint[int, list[paying.Claimed]]
    record: Endpoint[paying.Findings, None]
    overdue: Endpoint[None, int]
    make_due_file: Endpoint[None, paying.FileView | None]
    reseal: Endpoint[None, int]


def build_payouts(edge: Edge, payouts: paying.Payouts, banks: Banks) -> PayoutEndpoints:
    """Return the use cases of payouts with their policies. A file is made and checked while its payouts are locked."""
    reading, deciding, terms, files = payouts.reading, payouts.deciding, payouts.terms, payouts.files
    return PayoutEndpoints(
        add_bank=edge.endpoint(banks.add_bank_account, who=SIGNED_IN, tx=WRITE, once=ACCEPTED, rate=Rate(30)),
        get_terms=edge.endpoint(terms.get_payout_terms, who=VENDOR, tx=READ, rate=READING),
        put_terms=edge.endpoint(terms.put_payout_terms, who=VENDOR, tx=WRITE, rate=Rate(60)),
        request=edge.endpoint(payouts.paying.request_payout, who=VENDOR, tx=WRITE, once=REQUIRED, rate=Rate(60)),
        list_=edge.endpoint(reading.list_payouts, who=VENDOR, tx=READ, rate=READING),
        get=edge.endpoint(reading.get_payout, who=VENDOR, tx=READ, rate=READING),
        lines=edge.endpoint(reading.list_payout_lines, who=VENDOR, tx=READ, rate=READING),
        approve=edge.endpoint(deciding.approve_payout, who=OPERATOR, tx=WRITE, once=ACCEPTED, rate=Rate(120)),
        reject=edge.endpoint(deciding.reject_payout, who=OPERATOR, tx=WRITE, once=ACCEPTED, rate=Rate(120)),
        mark=edge.endpoint(deciding.mark_payout, who=OPERATOR, tx=WRITE, once=REQUIRED, rate=Rate(600)),
        make_file=edge.endpoint(
            files.make_payout_file, who=OPERATOR, tx=WRITE, once=REQUIRED, timeout=30, rate=Rate(30)
        ),
        list_files=edge.endpoint(files.list_payout_files, who=OPERATOR, tx=READ, rate=READING),
        read_file=edge.endpoint(files.read_payout_file, who=OPERATOR, tx=READ, rate=Rate(60)),
        run=edge.endpoint(payouts.paying.run_schedule, who=SYSTEM_ONLY, tx=WRITE, timeout=30),
        claim=edge.endpoint(deciding.claim_payouts, who=SYSTEM_ONLY, tx=WRITE, timeout=10),
        record=edge.endpoint(deciding.record_findings, who=SYSTEM_ONLY, tx=WRITE, timeout=30),
        overdue=edge.endpoint(deciding.tell_overdue, who=SYSTEM_ONLY, tx=WRITE, timeout=30),
        make_due_file=edge.endpoint(files.make_due_file, who=SYSTEM_ONLY, tx=WRITE, timeout=30),
        reseal=edge.endpoint(banks.reseal, who=SYSTEM_ONLY, tx=WRITE, timeout=30),
    )


@dataclass(frozen=True)
class CreditEndpoints:
    make_card: Endpoint[credits.MakeCard, credits.NewCard]
    make_cards: Endpoint[credits.MakeCards, credits.NewBatch]
    list_cards: Endpoint[credits.ListCards, Page[credits.CardView]]
    get_card: Endpoint[str, credits.CardView]
    card_lines: Endpoint[credits.ListCredit, Page[credits.CreditLine]]
    disable_card: Endpoint[str, credits.CardView]
    card_balance: Endpoint[credits.CodeBody, credits.CardBalance]
    redeem_card: Endpoint[credits.CodeBody, credits.Redeemed]
    show_credit: Endpoint[str | None, credits.StoreCredit]
    credit_lines: Endpoint[credits.ListCredit, Page[credits.CreditLine]]
    grant_credit: Endpoint[credits.GrantCredit, credits.Grant]
    expire_cards: Endpoint[int, int]
    credit_requested: Handler[OrderCreditRequested]
    refund_credited: Handler[RefundCredited]


def build_credit(
    edge: Edge, cards: credits.Cards, accounts: credits.CreditAccounts, spending: credits.Spending
) -> CreditEndpoints:
    """Return the use cases of gift cards and store credit with their policies. Codes are 100 random bits; the rates of
    what takes one only keep the guessing cheap for us."""
    return CreditEndpoints(
        make_card=edge.endpoint(
            cards.make_gift_card,
            who=OPERATOR,
            tx=WRITE,
            once=REQUIRED,
            rate=READING,
            keeping=Keeping(cards.without_code, cards.with_code),
        ),
        make_cards=edge.endpoint(
            cards.make_gift_cards,
            who=OPERATOR,
            tx=WRITE,
            once=REQUIRED,
            timeout=30,
            rate=Rate(30),
            keeping=Keeping(cards.without_codes, cards.with_codes),
        ),
        list_cards=edge.endpoint(cards.list_gift_cards, who=OPERATOR, tx=READ, rate=READING),
        get_card=edge.endpoint(cards.get_gift_card, who=OPERATOR, tx=READ, rate=READING),
        card_lines=edge.endpoint(cards.list_gift_card_lines, who=OPERATOR, tx=READ, rate=READING),
        disable_card=edge.endpoint(cards.disable_gift_card, who=OPERATOR, tx=WRITE, once=ACCEPTED, rate=READING),
        card_balance=edge.endpoint(cards.show_gift_card_balance, who=ANYONE, tx=READ, rate=Rate(20)),
        redeem_card=edge.endpoint(cards.redeem_gift_card, who=SIGNED_IN, tx=WRITE, once=REQUIRED, rate=Rate(20)),
        show_credit=edge.endpoint(accounts.show_store_credit, who=SIGNED_IN, tx=READ, rate=READING),
        credit_lines=edge.endpoint(accounts.list_store_credit_lines, who=SIGNED_IN, tx=READ, rate=READING),
        grant_credit=edge.endpoint(accounts.grant_store_credit, who=OPERATOR, tx=WRITE, once=REQUIRED, rate=READING),
        expire_cards=edge.endpoint(cards.expire_gift_cards, who=SYSTEM_ONLY, tx=WRITE, timeout=30),
        credit_requested=edge.consumer(spending.credit_requested),
        refund_credited=edge.consumer(spending.refund_credited),
    )
