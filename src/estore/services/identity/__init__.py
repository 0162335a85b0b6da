"""identity: who somebody is.

I own accounts, credentials, sessions, roles, addresses and the keys that sign access tokens.
I publish account.registered, account.verified, account.erased, membership.changed and keys.rotated.
I hear vendor.approved and vendor.members_changed: who belongs to which vendor goes into the access token. A suspended
vendor's members keep their access, for open parcels and the books stay theirs.

An e-mail address is known to be somebody's only after a mail to it was answered. Several accounts may claim an address,
one at most has proved it. That is why nobody can find out whether an address is registered here: registering a taken
one makes an account like any other, which can never be confirmed.
"""

from estore.contracts.identity import AccountErased, AccountRegistered, AccountVerified, KeysRotated, MembershipChanged
from estore.contracts.vendors import VendorApproved, VendorMembersChanged

PUBLISHES = (AccountRegistered, AccountVerified, AccountErased, MembershipChanged, KeysRotated)
HEARS = (VendorApproved, VendorMembersChanged)
