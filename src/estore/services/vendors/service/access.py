"""Who may do what with a vendor. Its own list decides, not the access token: who was removed is out at once."""

from __future__ import annotations

from estore.kit.context import Context
from estore.kit.db import Tx
from estore.services.vendors import store
from estore.services.vendors.domain import FinanceOnly, OwnersOnly, PeopleOnly, Vendor, VendorNotFound


def roles_in(vendor: Vendor, ctx: Context) -> frozenset[str]:
    """Return as what the caller meets `vendor`: operator, their role in it, or the scopes of their API key."""
    principal = ctx.principal
    found = {"operator"} if principal.is_operator else {"system"} if principal.is_system else set()
    if principal.is_key:
        found |= set(principal.vendors.get(vendor.id, "").split())
    elif (role := vendor.role_of(principal.email)) is not None:
        found.add(role)
    return frozenset(found)


def insider(vendor: Vendor, ctx: Context) -> bool:
    """Tell whether the caller may see what is not public about `vendor`."""
    return bool(roles_in(vendor, ctx))


def insiders(vendor: Vendor, ctx: Context) -> None:
    """Members and operators. Raises VendorNotFound, and PeopleOnly for API keys."""
    if not insider(vendor, ctx):
        raise VendorNotFound()
    if ctx.principal.is_key:
        raise PeopleOnly()


def owners_and_operators(vendor: Vendor, ctx: Context) -> None:
    """Raises VendorNotFound for those outside, OwnersOnly for other members."""
    _need(vendor, ctx, {"owner", "operator", "system"})


def owners(vendor: Vendor, ctx: Context) -> None:
    """Raises VendorNotFound for those outside, OwnersOnly for everybody else, operators too."""
    _need(vendor, ctx, {"owner"})


def finance(vendor: Vendor, ctx: Context) -> None:
    """Raises VendorNotFound for those outside, FinanceOnly for members of another role."""
    if not insider(vendor, ctx):
        raise VendorNotFound()
    if roles_in(vendor, ctx).isdisjoint({"owner", "finance", "operator", "system"}):
        raise FinanceOnly()


def _need(vendor: Vendor, ctx: Context, allowed: set[str]) -> None:
    roles = roles_in(vendor, ctx)
    if not roles:
        raise VendorNotFound()
    if roles.isdisjoint(allowed):
        raise OwnersOnly()


async def found(tx: Tx, key: str) -> Vendor:
    """Return a vendor by id or slug. Raises VendorNotFound."""
    vendor = await store.find_vendor(tx, key)
    if vendor is None:
        raise VendorNotFound()
    return vendor
