"""Who belongs to which vendor, as vendors tells it: whole lists, with a version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

Lists = Mapping[str, Mapping[str, str]]
"""vendor id -> e-mail -> role"""


class MemberChange(msgspec.Struct, frozen=True, order=True):
    """role: None is the end of the membership."""

    vendor_id: str
    email: str
    role: str | None


def newest_lists(lists: Iterable[tuple[str, int, dict[str, str]]]) -> dict[str, tuple[int, dict[str, str]]]:
    """Return per vendor the list with the highest version of (vendor id, version, members)."""
    newest: dict[str, tuple[int, dict[str, str]]] = {}
    for vendor_id, version, members in lists:
        if vendor_id not in newest or version > newest[vendor_id][0]:
            newest[vendor_id] = (version, members)
    return newest


def member_changes(before: Lists, after: Lists) -> list[MemberChange]:
    """Return what to do to come from one state to the other, in a fixed order."""
    changes: list[MemberChange] = []
    for vendor_id, members in after.items():
        old = before.get(vendor_id, {})
        changes += [MemberChange(vendor_id, email, role) for email, role in members.items() if old.get(email) != role]
        changes += [MemberChange(vendor_id, email, None) for email in old if email not in members]
    return sorted(changes, key=lambda change: (change.vendor_id, change.email))
