"""Which credit a customer wants to pay with. Whether there is as much, only the ledger knows and decides."""

from __future__ import annotations

from collections.abc import Sequence

from estore.contracts.orders import CreditUse, gift_card_hash
from estore.kit.errors import Fault
from estore.services.orders import domain
from estore.services.orders.domain import CreditKind
from estore.services.orders.service.commands import CreditForm, PlaceOrder


def paying(order: PlaceOrder, total: int, currency: str, account_id: str | None) -> tuple[CreditUse, ...]:
    """Return what credit pays of an order. total: in minor units.

    Raises what `credit_uses` does, and PaymentMethodMissing where something is left to pay and nothing to pay it with.
    """
    uses = credit_uses(order.credits, total, currency, account_id)
    if order.payment_method is None and sum(use.amount for use in uses) < total:
        raise domain.PaymentMethodMissing(pointer="/payment_method")
    return uses


def credit_uses(
    forms: Sequence[CreditForm], total: int, currency: str, account_id: str | None
) -> tuple[CreditUse, ...]:
    """Return the credit as the ledger is asked for it: of a gift card only the hash of its code goes on from here.

    Raises CreditWrong, CreditTooHigh.
    """
    uses: list[CreditUse] = []
    faults: list[Fault] = []
    for index, form in enumerate(forms):
        at = f"/credits/{index}"
        if (form.gift_card is not None) is form.store_credit:
            faults.append(Fault("either gift_card or store_credit", at))
            continue
        kind = CreditKind.STORE_CREDIT if form.store_credit else CreditKind.GIFT_CARD
        card = gift_card_hash(form.gift_card) if form.gift_card is not None else ""
        if form.store_credit and account_id is None:
            faults.append(Fault("store credit is an account's: sign in", f"{at}/store_credit"))
        if any((use.kind, use.gift_card_hash) == (kind, card) for use in uses):
            faults.append(Fault("it is named more than once", at))
        if form.amount.currency != currency:
            faults.append(Fault(f"the order is paid in {currency}", f"{at}/amount/currency"))
        if form.amount.amount <= 0:
            faults.append(Fault("more than nothing", f"{at}/amount/amount"))
        uses.append(CreditUse(kind=kind, amount=form.amount.amount, gift_card_hash=card))
    if faults:
        raise domain.CreditWrong(faults[0].detail if len(faults) == 1 else "", errors=faults)
    if sum(use.amount for use in uses) > total:
        raise domain.CreditTooHigh(f"the total is {total} {currency}, in minor units", pointer="/credits")
    return tuple(uses)
