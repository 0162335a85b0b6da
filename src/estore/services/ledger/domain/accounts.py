"""The chart of accounts. Debits are above zero, credits below, everywhere in the journal."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What an account holds.

    Of the platform (owner: the provider for `clearing`, `disputed` and `fees`, else empty):
    clearing: money that a provider holds for us. customer: captured and not yet anybody's, or to be given back.
    commission: earned. commission_tax: tax on it, owed to the state. disputed: taken by a bank until it decides.
    losses: what nobody else bears. fees: kept by providers. adjustments: the other side of an operator's correction.
    promotions: paid for discounts, and for credit that was given away.

    Of a gift card (owner: its id) or a customer's account: what can be spent. They are never above zero.

    Of a vendor: pending: sold, may still come back. available: to be paid out. reserved: held, for a return, a dispute
    or as a rolling reserve. paying: on its way to the bank. paid_out: carried out; what left the marketplace for good.
    """

    CLEARING = "clearing"
    CUSTOMER = "customer"
    COMMISSION = "commission"
    COMMISSION_TAX = "commission_tax"
    DISPUTED = "disputed"
    LOSSES = "losses"
    FEES = "fees"
    ADJUSTMENTS = "adjustments"
    PROMOTIONS = "promotions"
    GIFT_CARD = "gift_card"
    STORE_CREDIT = "store_credit"
    PENDING = "pending"
    AVAILABLE = "available"
    RESERVED = "reserved"
    PAYING = "paying"
    PAID_OUT = "paid_out"


OF_VENDORS = frozenset({Kind.PENDING, Kind.AVAILABLE, Kind.RESERVED, Kind.PAYING, Kind.PAID_OUT})
OF_CREDIT = frozenset({Kind.GIFT_CARD, Kind.STORE_CREDIT})
NUMBERED = OF_VENDORS | OF_CREDIT
"""Accounts whose lines are numbered and know the balance after them; whoever posts to one has its balance locked."""
OWED = (Kind.PENDING, Kind.AVAILABLE, Kind.RESERVED, Kind.PAYING)
"""A vendor is owed the sum of these, with the sign turned: they are the marketplace's debts."""


class Account(NamedTuple):
    """One account. owner: a vendor's, a card's or a customer's id, a provider's name, or empty."""

    kind: Kind
    owner: str
    currency: str


def of_vendor(kind: Kind, vendor_id: str, currency: str) -> Account:
    """Return a vendor's account."""
    return Account(kind, vendor_id, currency)


def of_platform(kind: Kind, currency: str, provider: str = "") -> Account:
    """Return an account of the marketplace, with a provider where the kind has one."""
    return Account(kind, provider, currency)


SHOWN = (Kind.PENDING, Kind.AVAILABLE, Kind.RESERVED, Kind.PAYING, Kind.PAID_OUT)
"""A vendor's accounts, in the order in which money goes through them."""
