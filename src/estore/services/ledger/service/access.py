"""Whose figures somebody may see: asked before every query, and part of it."""

from __future__ import annotations

from estore.kit.context import Principal
from estore.kit.errors import NotFound

FINANCE = ("owner", "finance")


class VendorUnknown(NotFound):
    code, title = "ledger.vendor_unknown", "There is no such vendor, or its figures are not yours"


def finance_of(principal: Principal, vendor_id: str) -> str:
    """Return `vendor_id` when the caller may see its money: its owners and finance, and operators.

    Raises VendorUnknown for everybody else, whether there is such a vendor or not.
    """
    if principal.is_operator or principal.is_system or principal.may(vendor_id, *FINANCE):
        return vendor_id
    raise VendorUnknown()


def finances_of(principal: Principal, vendor_id: str | None) -> list[str] | None:
    """Return whose money to show: of `vendor_id`, or of all that the caller may see; None for everybody's.

    Raises VendorUnknown.
    """
    if vendor_id is not None:
        return [finance_of(principal, vendor_id)]
    return None if principal.is_operator or principal.is_system else principal.vendors_as(*FINANCE)
