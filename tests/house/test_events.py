"""Every event has a publisher that says so and somebody who listens, and everybody listens to something that exists."""

from __future__ import annotations

import importlib
import pkgutil
import re

import pytest

import estore.contracts
import estore.services
from estore.kit.contract import REGISTRY, Event

# Tests that ran in this process may have declared events of their own.
OURS = {name: event for name, event in REGISTRY.items() if event.__module__.startswith("estore.")}

FOR_THE_OUTSIDE: dict[str, str] = {
    "account.registered.v1": "newsletters, customer relations",
    "account.verified.v1": "newsletters, customer relations",
    "balance.negative.v1": "operators",
    "cart.abandoned.v1": "reminder mails",
    "membership.changed.v1": "a vendor's own systems",
    "order.completed.v1": "mails, and a vendor's own systems",
    "payout.created.v1": "a vendor's own systems",
    "payout.failed.v1": "operators, and a vendor's own systems",
    "payout.overdue.v1": "operators",
    "payout.paid.v1": "a vendor's own systems",
    "reconciliation.differed.v1": "operators",
    "return.approved.v1": "mails",
    "review.published.v1": "mails, and a vendor's own systems",
    "stock.low.v1": "a vendor's own systems",
    "stock.released.v1": "a vendor's own systems",
}
"""Events that no service hears: people and integrations do, through webhooks, mail and `estore events`."""

HEARD_BY_THE_KIT = frozenset({"keys.rotated.v1", "api_key.changed.v1"})
"""Every process hears these, by kit/auth.py, whatever its charter says."""

NAME = re.compile(r"^[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*\.v[1-9]\d*$")


def charters() -> dict[str, tuple[tuple[type[Event], ...], tuple[type[Event], ...]]]:
    found = {}
    for module in pkgutil.iter_modules(estore.services.__path__):
        charter = importlib.import_module(f"estore.services.{module.name}")
        found[module.name] = (charter.PUBLISHES, charter.HEARS)
    return found


def names(events: tuple[type[Event], ...]) -> set[str]:
    return {event.event_name for event in events}


def test_every_event_has_a_name_a_version_and_a_file_of_its_publisher() -> None:
    for name, event in OURS.items():
        assert NAME.match(name), f"{name}: past tense and a version, such as order.placed.v1"
        file = importlib.import_module(f"estore.contracts.{event.publisher}")

        assert getattr(file, event.__name__, None) is event, f"{name} belongs into contracts/{event.publisher}.py"


def test_every_charter_publishes_exactly_what_its_contracts_declare() -> None:
    for service, (publishes, _) in charters().items():
        declared = {name for name, event in OURS.items() if event.publisher == service}

        assert names(publishes) == declared, f"{service}: PUBLISHES differs from contracts/{service}.py"


def test_every_event_is_published_by_a_service_of_this_house() -> None:
    assert {event.publisher for event in OURS.values()} <= set(charters())


def test_every_event_is_heard_or_meant_for_the_outside() -> None:
    heard = HEARD_BY_THE_KIT.union(*(names(hears) for _, hears in charters().values()))
    unheard = set(OURS) - heard

    assert unheard - set(FOR_THE_OUTSIDE) == set(), "nobody hears these: drop them, or list them as FOR_THE_OUTSIDE"
    assert set(FOR_THE_OUTSIDE) - unheard == set(), "these are heard, or gone: take them off FOR_THE_OUTSIDE"


def test_nobody_hears_itself() -> None:
    for service, (_, hears) in charters().items():
        assert [event.event_name for event in hears if event.publisher == service] == []


@pytest.mark.parametrize("service", sorted(module.name for module in pkgutil.iter_modules(estore.services.__path__)))
def test_a_charter_says_what_the_service_owns(service: str) -> None:
    text = importlib.import_module(f"estore.services.{service}").__doc__ or ""

    assert len(text.splitlines()) >= 3, "what I own, what I publish, what I hear"
