"""vendors: who may sell here.

I own applications with their checklist, shops, their members, commission plans, API keys, their status, and the
history of all of these.
I publish vendor.approved (also when an approved shop's name, legal name or country changes: it carries the whole
state), vendor.suspended, vendor.members_changed, vendor.plan_changed, vendor.bank_account_changed and api_key.changed,
which the kit of every service hears. Nobody hears of a vendor before it is approved.
I hear nothing. Where a vendor is paid I know by a token of the ledger only.

A member is known by e-mail address, and is one as soon as an account has proved that address. Here the list itself
decides, not the access token, so a member who was removed is out at once.
"""

from typing import Any

from estore.contracts.vendors import (
    ApiKeyChanged,
    VendorApproved,
    VendorBankAccountChanged,
    VendorMembersChanged,
    VendorPlanChanged,
    VendorSuspended,
)

PUBLISHES = (
    VendorApproved,
    VendorSuspended,
    VendorMembersChanged,
    VendorPlanChanged,
    VendorBankAccountChanged,
    ApiKeyChanged,
)
HEARS: tuple[Any, ...] = ()
