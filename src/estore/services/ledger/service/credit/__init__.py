"""Use cases of gift cards and store credit."""

from estore.services.ledger.service.credit.accounts import CreditAccounts
from estore.services.ledger.service.credit.cards import Cards
from estore.services.ledger.service.credit.shapes import (
    CardBalance,
    CardView,
    CodeBody,
    CreditLine,
    Grant,
    GrantCredit,
    ListCards,
    ListCredit,
    MakeCard,
    MakeCards,
    NewBatch,
    NewCard,
    Redeemed,
    StoreCredit,
)
from estore.services.ledger.service.credit.spending import Spending

__all__ = [
    "CardBalance",
    "CardView",
    "Cards",
    "CodeBody",
    "CreditAccounts",
    "CreditLine",
    "Grant",
    "GrantCredit",
    "ListCards",
    "ListCredit",
    "MakeCard",
    "MakeCards",
    "NewBatch",
    "NewCard",
    "Redeemed",
    "Spending",
    "StoreCredit",
]
