"""API keys of a vendor."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from estore.services.vendors.domain.errors import ExpiryInvalid, StatusForbids
from estore.services.vendors.domain.vendor import Vendor

FARTHEST = timedelta(days=3650)


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """What a vendor's own program signs in with. hash: SHA-256 of its secret, which is not kept. last4: its end.

    version: 1, and 2 once it is revoked.
    """

    id: str
    vendor_id: str
    name: str
    scopes: tuple[str, ...]
    hash: str
    last4: str
    created_by: str | None
    created_at: datetime
    expires_at: datetime | None = None
    revoked_by: str | None = None
    revoked_at: datetime | None = None
    version: int = 1

    def revoke(self, by: str | None, now: datetime) -> ApiKey:
        """End it for good; again changes nothing."""
        if self.revoked_at is not None:
            return self
        return msgspec.structs.replace(self, revoked_by=by, revoked_at=now, version=self.version + 1)


def may_have_key(vendor: Vendor, expires_at: datetime | None, now: datetime) -> None:
    """Raises StatusForbids for a vendor that nobody knows yet, ExpiryInvalid for a key that is over before it began, or
    lasts for ever in all but name."""
    if not vendor.known:
        raise StatusForbids(f"it is {vendor.status}; keys are for approved vendors")
    if expires_at is not None and not now < expires_at <= now + FARTHEST:
        raise ExpiryInvalid(pointer="/expires_at")
