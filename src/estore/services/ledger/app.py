"""Composition root of the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal

import msgspec

from estore.kit.auth import Verifier
from estore.kit.clock import Clock, SystemClock
from estore.kit.db import Database
from estore.kit.endpoint import Edge
from estore.kit.rate import Limiter
from estore.kit.service import Job, Service
from estore.kit.settings import SettingError, Settings
from estore.services.ledger import NAME, endpoints
from estore.services.ledger.consumers import subscriptions
from estore.services.ledger.domain.credit import Codes
from estore.services.ledger.domain.earnings import Reserve
from estore.services.ledger.domain.payouts import Patience
from estore.services.ledger.domain.payouts import Terms as PayoutTerms
from estore.services.ledger.gateways import Debtor, SandboxBank, SepaFiles
from estore.services.ledger.gateways.sandbox import SandboxBankSettings
from estore.services.ledger.gateways.sepa import CURRENCY
from estore.services.ledger.jobs import jobs
from estore.services.ledger.jobs.payouts import Teller, payout_jobs
from estore.services.ledger.routes import payouts as payout_routes
from estore.services.ledger.routes import routes
from estore.services.ledger.service import Adjusting, Books, Holding, Payees, Refunding, Releasing, Selling
from estore.services.ledger.service.banks import Banks, Vault
from estore.services.ledger.service.credit import Cards, CreditAccounts, Spending
from estore.services.ledger.service.payouts import Payouts, Rules, Schedule
from estore.services.ledger.service.reconciliation import Reconciling
from estore.services.ledger.store import INVARIANTS, Journal
from estore.services.ledger.store.credit_invariants import CREDIT_INVARIANTS
from estore.services.ledger.store.measures import MEASURES
from estore.services.ledger.store.payout_invariants import PAYOUT_INVARIANTS


class LedgerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """ESTORE_LEDGER_*.

    return_days: after delivery, until a parcel's money is available, where orders does not say until when it may be
    returned. reserve_bps: of what becomes available, held as a rolling reserve (1000 is 10 %), where an operator has
    set no other terms for the vendor. reserve_days: for so long.
    """

    return_days: Annotated[int, msgspec.Meta(ge=0, le=365)] = 14
    reserve_bps: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0
    reserve_days: Annotated[int, msgspec.Meta(ge=0, le=365)] = 0


_Seconds = Annotated[float, msgspec.Meta(ge=0, le=365 * 86_400)]
_Minor = Annotated[int, msgspec.Meta(ge=1)]


class PayoutSettings(msgspec.Struct, frozen=True, kw_only=True):
    """ESTORE_LEDGER_*, of payouts. Times in seconds, amounts in minor units.

    payout_gateway: who pays vendors out: a bank that moves no money, or SEPA files for a real one.
    payout_schedule: when vendors are paid for whom nothing else was set.
    payout_weekday: the day of a weekly schedule, where the vendor chose no other; 1 is Monday.
    payout_minimum: the least that is paid out, where an operator set nothing else.
    payout_large: above it a second person decides, where an operator set nothing else.
    payout_overdue_seconds: after which an open payout is told of.
    payout_call_timeout: for one answer of the bank.
    bank_cooling_seconds: for which nothing is paid out after a bank account was changed.
    bank_key: seals bank accounts (hex, 32 bytes), instead of a key derived from ESTORE_SECRET.
    bank_keys_before: older keys, with commas between; what they sealed is sealed anew.
    sepa_iban: the account that pays. sepa_bic: its bank, where the IBAN does not tell. sepa_name: whose it is.
    sepa_file_seconds: a file is made so often by itself; 0: only when an operator asks.
    sandbox_slow_seconds: that the sandbox bank takes where it is slow.
    sandbox_return_seconds: after which money comes back from where the sandbox bank returns it.
    """

    payout_gateway: Literal["sandbox", "sepa"] = "sandbox"
    payout_schedule: Schedule = "weekly"
    payout_weekday: Annotated[int, msgspec.Meta(ge=1, le=7)] = 1
    payout_minimum: _Minor = 1_000
    payout_large: _Minor = 1_000_000
    payout_overdue_seconds: _Seconds = 3 * 86_400.0
    payout_call_timeout: Annotated[float, msgspec.Meta(gt=0, le=600)] = 10.0
    bank_cooling_seconds: _Seconds = 86_400.0
    bank_key: str = ""
    bank_keys_before: str = ""
    sepa_iban: str = ""
    sepa_bic: str = ""
    sepa_name: str = ""
    sepa_file_seconds: _Seconds = 86_400.0
    sandbox_slow_seconds: _Seconds = 30.0
    sandbox_return_seconds: _Seconds = 120.0


@dataclass(frozen=True)
class _PayoutParts:
    """What payouts bring to the service."""

    routes: list[Any]
    jobs: list[Job]


def _payouts(settings: Settings, db: Database, edge: Edge, books: Books) -> _PayoutParts:
    """Compose payouts. Raises SettingError, also for a sandbox where none may be used."""
    own = settings.section(NAME, PayoutSettings)
    if own.payout_gateway == "sandbox" and not settings.sandbox:
        raise SettingError("ESTORE_SANDBOX is off: set ESTORE_LEDGER_PAYOUT_GATEWAY=sepa to pay vendors out")
    files = SepaFiles(Debtor.of(own.sepa_iban, own.sepa_bic, own.sepa_name)) if own.payout_gateway == "sepa" else None
    rules = Rules(
        gateway=own.payout_gateway,
        by_file=files is not None,
        currencies=frozenset({CURRENCY}) if files is not None else None,
        usual=PayoutTerms(own.payout_schedule, own.payout_weekday, own.payout_minimum, own.payout_large),
        cooling=own.bank_cooling_seconds,
        overdue=own.payout_overdue_seconds,
        currency=settings.currency,
        # A claim must outlive the call that is made under it, and its recording.
        patience=Patience(lease=max(60.0, 3 * own.payout_call_timeout)),
    )
    vault = Vault(_keys(settings, own), bytes.fromhex(settings.derived("ledger bank fingerprints")))
    every = timedelta(seconds=own.sepa_file_seconds) if own.sepa_file_seconds else None
    e = endpoints.build_payouts(
        edge, Payouts.of(books, rules, vault, files.render if files else None, every), Banks(vault)
    )
    routes = payout_routes.routes(e, vault.blind)
    if files is not None:
        return _PayoutParts(routes, payout_jobs(e, edge.clock, None, None))
    bank = SandboxBank(db, edge.clock, SandboxBankSettings(own.sandbox_slow_seconds, own.sandbox_return_seconds))
    teller = Teller(e, bank, edge.clock, timeout=own.payout_call_timeout)
    return _PayoutParts(routes, payout_jobs(e, edge.clock, teller, bank))


def _keys(settings: Settings, own: PayoutSettings) -> list[bytes]:
    """Return the keys of bank accounts, the one to seal with first. Raises SettingError."""
    derived = settings.accepted("ledger bank accounts")
    given = [own.bank_key] if own.bank_key else []
    try:
        keys = [
            bytes.fromhex(key) for part in (*given, *derived, *own.bank_keys_before.split(",")) if (key := part.strip())
        ]
    except ValueError:
        keys = []
    if not keys or any(len(key) != 32 for key in keys):
        raise SettingError("ESTORE_LEDGER_BANK_KEY and ESTORE_LEDGER_BANK_KEYS_BEFORE are keys of 32 bytes, in hex")
    return keys


def build(settings: Settings, *, clock: Clock | None = None) -> Service:
    """Compose the ledger."""
    own = settings.section(NAME, LedgerSettings)
    clock = clock or SystemClock()
    db = Database(settings.database_of(NAME), NAME, max_size=settings.pool_max)
    edge = Edge(db, clock=clock, limiter=Limiter(settings.rate_factor))
    books = Books(Journal())
    payees = Payees(settings.currency, Reserve(own.reserve_bps, own.reserve_days))
    core = endpoints.Core(
        selling=Selling(books, own.return_days),
        refunding=Refunding(books),
        holding=Holding(books, payees),
        adjusting=Adjusting(books, payees),
        releasing=Releasing(books, payees),
        reconciling=Reconciling(books),
    )
    e = endpoints.build(edge, core)
    cards = Cards(books, Codes(settings.derived("ledger gift cards")), settings.currency)
    credit = endpoints.build_credit(edge, cards, CreditAccounts(books, settings.currency), Spending(books))
    payouts = _payouts(settings, db, edge, books)
    return Service(
        name=NAME,
        prefixes=("/v1/ledger", "/v1/payouts", "/v1/gift-cards", "/v1/store-credit"),
        db=db,
        edge=edge,
        verifier=Verifier(db),
        clock=clock,
        routes=[*routes(e, credit, settings.currency), *payouts.routes],
        subscriptions=subscriptions(e, credit),
        jobs=[*jobs(e, credit, clock), *payouts.jobs],
        invariants=(*INVARIANTS, *CREDIT_INVARIANTS, *PAYOUT_INVARIANTS),
        measures=MEASURES,
    )
