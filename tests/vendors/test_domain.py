"""Rules of vendors, without a database."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estore.contracts.vendors import Member
from estore.kit.errors import Failure
from estore.services.vendors import domain
from estore.services.vendors.domain import LastOwner, StatusForbids, Vendor

ALLOWED = {
    ("applied", "approve"): "approved",
    ("applied", "reject"): "rejected",
    ("rejected", "approve"): "approved",
    ("approved", "suspend"): "suspended",
    ("suspended", "reinstate"): "approved",
}
STEPS = {
    "approve": lambda vendor: vendor.approve(),
    "reject": lambda vendor: vendor.reject("why"),
    "suspend": lambda vendor: vendor.suspend("why"),
    "reinstate": lambda vendor: vendor.reinstate(),
}


def vendor(status: str = "applied", *members: Member) -> Vendor:
    return Vendor(
        id="vnd_1",
        slug="tonwerk",
        name="Tonwerk",
        legal_name="Tonwerk GmbH",
        country="DE",
        description="",
        email="hello@tonwerk.example",
        status=status,  # type: ignore[arg-type]
        reason="",
        commission_bps=1250,
        version=1,
        applied_by=None,
        applied_at=datetime(2026, 1, 1, tzinfo=UTC),
        members=members or (Member("a@x.example", "owner"),),
    )


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("status", ["applied", "approved", "rejected", "suspended"])
def test_a_status_allows_these_steps_and_no_other(status: str, step: str) -> None:
    expected = ALLOWED.get((status, step))
    if expected is None:
        with pytest.raises(StatusForbids):
            STEPS[step](vendor(status))
        return
    after = STEPS[step](vendor(status))

    assert (after.status, after.version) == (expected, 2)
    assert bool(after.reason) == (expected in ("rejected", "suspended"))


EMAILS = st.sampled_from([f"{name}@x.example" for name in "abcd"])
ROLES = st.sampled_from(["owner", "catalog", "fulfilment", "finance"])


@given(st.lists(st.tuples(st.sampled_from(["add", "change", "remove"]), EMAILS, ROLES), max_size=30))
def test_whatever_happens_to_members_an_owner_stays_and_nobody_is_one_twice(steps: list[tuple[str, str, str]]) -> None:
    state = vendor()
    model = {"a@x.example": "owner"}
    for step, email, role in steps:
        before = state
        try:
            state = {
                "add": lambda: state.add_member(email, role),  # noqa: B023
                "change": lambda: state.change_member(email, role),  # noqa: B023
                "remove": lambda: state.remove_member(email),  # noqa: B023
            }[step]()
            if step == "remove":
                del model[email]
            else:
                model[email] = role
        except Failure:
            assert state is before

        assert {one.email: one.role for one in state.members} == model
        assert len(state.members) == len(model)
        assert "owner" in model.values()


def test_the_last_owner_cannot_become_something_else() -> None:
    with pytest.raises(LastOwner):
        vendor().change_member("a@x.example", "catalog")


@pytest.mark.parametrize(
    ("name", "slug"),
    [("Linho do Norte, Têxteis", "linho-do-norte-texteis"), ("--", "shop"), ("日本", "shop"), ("A & B", "a-b")],
)
def test_a_slug_is_made_from_the_name(name: str, slug: str) -> None:
    assert domain.slug_of(name) == slug


@given(st.text(max_size=200))
def test_every_name_makes_a_slug(name: str) -> None:
    import re

    assert re.fullmatch("[a-z0-9][a-z0-9-]{0,99}", domain.slug_of(name))
