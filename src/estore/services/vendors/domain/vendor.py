"""A vendor, from its application on.

applied --approve--> approved <--reinstate-- suspended
 |  ^               |  ^                    ^
 |  +--submit--+    |  |                    |
 +--reject--> rejected |                    |
                  +--approve                |
                    +------suspend----------+
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from estore.contracts.vendors import Member, Plan, Rate
from estore.kit.errors import Fault
from estore.services.vendors.domain.errors import (
    MAX_MEMBERS,
    ChecklistIncomplete,
    LastOwner,
    MemberExists,
    MemberNotFound,
    NotSubmitted,
    StatusForbids,
    TooManyMembers,
)
from estore.services.vendors.domain.fields import AcceptedTerms, Address, RoleName, Status, tax_id_of
from estore.services.vendors.domain.plan import amended, general_rate, with_general

ItemName = Literal["company", "tax_id", "postal_address", "bank_account", "terms"]


class Item(msgspec.Struct, frozen=True):
    """One point of an application. missing: the fields that are still to be given."""

    item: ItemName
    done: bool
    missing: tuple[str, ...]


class Vendor(msgspec.Struct, frozen=True, kw_only=True):
    """A shop. reason: why it was rejected or suspended, empty otherwise. version: grows with every change.

    submitted_at: since when the application waits for an operator, or waited last. bank_token: of the ledger; we know
    no more of the account than its end, and that only as the owner told it.
    """

    id: str
    slug: str
    name: str
    legal_name: str
    country: str
    description: str
    email: str
    status: Status
    reason: str
    plan: Plan
    version: int
    applied_by: str | None
    applied_at: datetime
    members: tuple[Member, ...] = ()
    registration_number: str = ""
    tax_id: str = ""
    registered_address: Address | None = None
    postal_address: Address | None = None
    bank_token: str | None = None
    bank_last4: str | None = None
    terms: AcceptedTerms | None = None
    submitted_at: datetime | None = None

    @property
    def known(self) -> bool:
        """Whether others have heard of it."""
        return self.status in ("approved", "suspended")

    def role_of(self, email: str | None) -> str | None:
        """Return the role of whoever has proved `email`."""
        return next((member.role for member in self.members if member.email == email), None)

    def checklist(self, terms_version: str) -> tuple[Item, ...]:
        """Return what an application needs. terms_version: of the terms that are to be accepted."""
        accepted = self.terms is not None and self.terms.version == terms_version
        wanted: dict[ItemName, dict[str, bool]] = {
            "company": {
                "legal_name": self.legal_name != "",
                "registration_number": self.registration_number != "",
                "registered_address": self.registered_address is not None,
            },
            "tax_id": {"tax_id": self.tax_id != ""},
            "postal_address": {"postal_address": self.postal_address is not None},
            "bank_account": {"bank_account": self.bank_token is not None},
            "terms": {"terms": accepted},
        }
        return tuple(
            Item(item, all(given.values()), tuple(name for name, there in given.items() if not there))
            for item, given in wanted.items()
        )

    def complete(self, terms_version: str) -> None:
        """Raises ChecklistIncomplete, which names what is missing."""
        missing = [name for item in self.checklist(terms_version) for name in item.missing]
        if missing:
            raise ChecklistIncomplete(
                f"missing: {', '.join(missing)}", errors=[Fault(f"{name} is missing") for name in missing]
            )

    def submit(self, now: datetime, required_terms: str | None) -> Vendor:
        """Hand the application in for review, again after a rejection. required_terms: the version of the terms where
        the checklist has to be complete, else None. Raises ChecklistIncomplete, StatusForbids."""
        self._need("applied", "rejected")
        if required_terms is not None:
            self.complete(required_terms)
        if self.status == "applied" and self.submitted_at is not None:
            return self
        return self._next(status="applied", reason="", submitted_at=now)

    def approve(self, now: datetime, bps: int | None, required_terms: str | None) -> Vendor:
        """Let it sell, for the first time. bps: another commission than the usual one.

        Raises StatusForbids, and where the checklist is required ChecklistIncomplete, NotSubmitted.
        """
        self._need("applied", "rejected")
        if required_terms is not None:
            self.complete(required_terms)
            if self.submitted_at is None:
                raise NotSubmitted()
        plan = self.plan
        if bps is not None:
            general = general_rate(plan, now)
            others = [rate for rate in plan.rates if rate != general]
            new = msgspec.structs.replace(general, bps=bps)
            plan = amended(plan, [new, *others], plan.tax_bps, now, told=False)
        return self._next(status="approved", reason="", plan=plan)

    def reject(self, reason: str) -> Vendor:
        """Refuse the application; its owner may mend it and submit it again."""
        self._need("applied")
        return self._next(status="rejected", reason=reason.strip())

    def suspend(self, reason: str) -> Vendor:
        """Take its offers off sale; open parcels stay."""
        self._need("approved")
        return self._next(status="suspended", reason=reason.strip())

    def reinstate(self) -> Vendor:
        self._need("suspended")
        return self._next(status="approved", reason="")

    def describe(self, **changes: object) -> Vendor:
        """Change what is told about it. Raises TaxIdInvalid, also for a new country that has other ids."""
        country, tax_id = changes.get("country", self.country), changes.get("tax_id", self.tax_id)
        if tax_id and (country, tax_id) != (self.country, self.tax_id):
            changes["tax_id"] = tax_id_of(str(tax_id), str(country))
        return self._changed(**changes)

    def pay_to(self, token: str, last4: str | None) -> Vendor:
        """Be paid to the account behind `token` from now on."""
        return self._changed(bank_token=token, bank_last4=last4)

    def accept_terms(self, terms: AcceptedTerms) -> Vendor:
        """Accept a version of the terms; again changes nothing."""
        return self if self.terms is not None and self.terms.version == terms.version else self._next(terms=terms)

    def charge(self, bps: int, now: datetime) -> Vendor:
        """Change its commission on everything, for orders to come."""
        return self._next(plan=with_general(self.plan, bps, now))

    def replan(self, rates: tuple[Rate, ...], tax_bps: int, now: datetime) -> Vendor:
        """Change its plan. Raises what `amended` raises."""
        return self._changed(plan=amended(self.plan, rates, tax_bps, now, told=self.known))

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

    def _changed(self, **changes: object) -> Vendor:
        same = all(getattr(self, field) == value for field, value in changes.items())
        return self if same else self._next(**changes)

    def _next(self, **changes: object) -> Vendor:
        return msgspec.structs.replace(self, version=self.version + 1, **changes)
