"""Rules of vendors. No I/O, no clock, no randomness.

applied --approve--> approved <--reinstate-- suspended
   |                    |  ^                    ^
   +--reject--> rejected|  |                    |
                  +--approve                    |
                        +------suspend----------+
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from estore.contracts.vendors import Member
from estore.kit.auth import MAX_EMAIL, normal_email
from estore.kit.errors import Conflict, Denied, Fault, Invalid, NotFound

Status = Literal["applied", "approved", "rejected", "suspended"]
RoleName = Literal["owner", "catalog", "fulfilment", "finance"]
MAX_MEMBERS = 100
_FILLED = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$"

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=120, pattern=_FILLED, examples=["Tonwerk Studio"])]
Description = Annotated[str, msgspec.Meta(max_length=4000, pattern=r"^[^\x00]*$")]
Country = Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2", examples=["DE"])]
EmailText = Annotated[str, msgspec.Meta(min_length=3, max_length=MAX_EMAIL, pattern=_FILLED)]
Slug = Annotated[str, msgspec.Meta(pattern="^[a-z0-9][a-z0-9-]{0,99}$", description="Its address, for good")]
Bps = Annotated[int, msgspec.Meta(ge=0, le=10_000, description="Basis points: 1250 is 12.5 %")]
Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")]


class VendorNotFound(NotFound):
    code, title = "vendors.not_found", "There is no such vendor"


class MemberNotFound(NotFound):
    code, title = "vendors.member_not_found", "There is no such member"


class StatusForbids(Conflict):
    code, title = "vendors.status_forbids", "The vendor's status does not allow this"


class SlugTaken(Conflict):
    code, title = "vendors.slug_taken", "Another vendor has this slug"


class MemberExists(Conflict):
    code, title = "vendors.member_exists", "This is a member already"


class TooManyMembers(Conflict):
    code, title = "vendors.too_many_members", f"A vendor has {MAX_MEMBERS} members at most"


class LastOwner(Conflict):
    code, title = "vendors.last_owner", "A vendor keeps at least one owner"


class OwnersOnly(Denied):
    code, title = "vendors.owners_only", "Only an owner of this vendor may do this"


class EmailUnproved(Denied):
    code, title = "vendors.email_unproved", "Confirm your e-mail address first"


class EmailInvalid(Invalid):
    code, title = "vendors.email_invalid", "This is not an e-mail address"


class Vendor(msgspec.Struct, frozen=True, kw_only=True):
    """A shop. reason: why it was rejected or suspended, empty otherwise. version: grows with every change."""

    id: str
    slug: str
    name: str
    legal_name: str
    country: str
    description: str
    email: str
    status: Status
    reason: str
    commission_bps: int
    version: int
    applied_by: str | None
    applied_at: datetime
    members: tuple[Member, ...] = ()

    @property
    def known(self) -> bool:
        """Whether others have heard of it."""
        return self.status in ("approved", "suspended")

    def role_of(self, email: str | None) -> str | None:
        """Return the role of whoever has proved `email`."""
        return next((member.role for member in self.members if member.email == email), None)

    def approve(self, commission_bps: int | None = None) -> Vendor:
        """Let it sell, for the first time."""
        self._need("applied", "rejected")
        bps = self.commission_bps if commission_bps is None else commission_bps
        return self._next(status="approved", reason="", commission_bps=bps)

    def reject(self, reason: str) -> Vendor:
        self._need("applied")
        return self._next(status="rejected", reason=reason.strip())

    def suspend(self, reason: str) -> Vendor:
        """Take its offers off sale; open parcels stay."""
        self._need("approved")
        return self._next(status="suspended", reason=reason.strip())

    def reinstate(self) -> Vendor:
        self._need("suspended")
        return self._next(status="approved", reason="")

    def describe(self, **changes: str) -> Vendor:
        """Change what is told about it."""
        same = all(getattr(self, field) == value for field, value in changes.items())
        return self if same else self._next(**changes)

    def charge(self, commission_bps: int) -> Vendor:
        """Change its commission, for orders to come."""
        return self._next(commission_bps=commission_bps)

    def add_member(self, email: str, role: RoleName) -> Vendor:
        if self.role_of(email) is not None:
            raise MemberExists()
        if len(self.members) >= MAX_MEMBERS:
            raise TooManyMembers()
        return self._next(members=self.with_members((*self.members, Member(email, role))).members)

    def change_member(self, email: str, role: RoleName) -> Vendor:
        self._must_have(email)
        changed = tuple(Member(email, role) if one.email == email else one for one in self.members)
        return self._next(members=self.with_members(changed).members)

    def remove_member(self, email: str) -> Vendor:
        self._must_have(email)
        left = tuple(one for one in self.members if one.email != email)
        return self._next(members=self.with_members(left).members)

    def _must_have(self, email: str) -> None:
        if self.role_of(email) is None:
            raise MemberNotFound()

    def with_members(self, members: tuple[Member, ...]) -> Vendor:
        """The same version with other members, sorted. Raises LastOwner."""
        if not any(member.role == "owner" for member in members):
            raise LastOwner()
        return msgspec.structs.replace(self, members=tuple(sorted(members, key=lambda member: member.email)))

    def _need(self, *allowed: Status) -> None:
        if self.status not in allowed:
            raise StatusForbids(f"it is {self.status}, and would have to be {' or '.join(allowed)}")

    def _next(self, **changes: object) -> Vendor:
        return msgspec.structs.replace(self, version=self.version + 1, **changes)


def email_of(text: str, pointer: str = "/email") -> str:
    """Return the normal form of an address that somebody typed. Raises EmailInvalid."""
    try:
        return normal_email(text)
    except ValueError as error:
        raise EmailInvalid(str(error), errors=[Fault(str(error), pointer)]) from None


def slug_of(name: str) -> str:
    """Return a slug made from `name`: `Linho do Norte, Têxteis` is `linho-do-norte-texteis`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:90].rstrip("-") or "shop"
