"""vendors: who may sell here.

I own applications, shops, their members, their commission and their status.
I publish vendor.approved (also when an approved shop's name or country changes: it carries the whole state),
vendor.suspended, vendor.members_changed and vendor.plan_changed. Nobody hears of a vendor before it is approved.
I hear nothing.

A member is known by e-mail address, and is one as soon as an account has proved that address. Here the list itself
decides, not the access token, so a member who was removed is out at once.
"""

from typing import Any

from estore.contracts.vendors import VendorApproved, VendorMembersChanged, VendorPlanChanged, VendorSuspended

PUBLISHES = (VendorApproved, VendorSuspended, VendorMembersChanged, VendorPlanChanged)
HEARS: tuple[Any, ...] = ()
