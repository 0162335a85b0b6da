"""Rules of vendors, without a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estore.contracts.vendors import Member, Plan, Rate
from estore.kit.errors import Failure
from estore.services.vendors import domain
from estore.services.vendors.domain import (
    AcceptedTerms,
    Address,
    ChecklistIncomplete,
    LastOwner,
    NotSubmitted,
    RateBegun,
    RateInPast,
    RateMissing,
    RateTwice,
    StatusForbids,
    TaxIdInvalid,
    Vendor,
    amended,
    general_rate,
    tax_id_of,
    usual_rates,
    with_general,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)

ALLOWED = {
    ("applied", "approve"): "approved",
    ("applied", "reject"): "rejected",
    ("rejected", "approve"): "approved",
    ("applied", "submit"): "applied",
    ("rejected", "submit"): "applied",
    ("approved", "suspend"): "suspended",
    ("suspended", "reinstate"): "approved",
}
STEPS = {
    "approve": lambda vendor: vendor.approve(NOW, None, None),
    "submit": lambda vendor: vendor.submit(NOW, None),
    "reject": lambda vendor: vendor.reject("why"),
    "suspend": lambda vendor: vendor.suspend("why"),
    "reinstate": lambda vendor: vendor.reinstate(),
}


def rate(category: str | None = None, bps: int = 1250, fixed: int = 0, valid_from: datetime = NOW - 30 * DAY) -> Rate:
    return Rate(category=category, bps=bps, fixed=fixed, valid_from=valid_from)


def vendor(status: str = "applied", *members: Member, **values: Any) -> Vendor:
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
        plan=Plan(rates=(rate(),)),
        version=1,
        applied_by=None,
        applied_at=datetime(2026, 1, 1, tzinfo=UTC),
        members=members or (Member("a@x.example", "owner"),),
        **values,
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


COMPLETE: dict[str, Any] = {
    "registration_number": "HRB 1",
    "tax_id": "DE136695976",
    "registered_address": Address(line1="Ring 1", city="Leipzig", country="DE"),
    "postal_address": Address(line1="Ring 1", city="Leipzig", country="DE"),
    "bank_token": "bat_1",
    "terms": AcceptedTerms("1", NOW, "acc_1"),
}
BLANK: dict[str, Any] = {"registration_number": "", "tax_id": ""}


@given(st.sets(st.sampled_from(sorted(COMPLETE))))
def test_the_checklist_names_what_is_missing_and_only_a_complete_one_is_submitted_and_approved(
    given_: set[str],
) -> None:
    one = vendor(**{name: value if name in given_ else BLANK.get(name) for name, value in COMPLETE.items()})
    names = {"bank_token": "bank_account"}
    missing = {names.get(name, name) for name in set(COMPLETE) - given_}
    items = one.checklist("1")

    assert {name for item in items for name in item.missing} == missing
    assert [item.done for item in items] == [not item.missing for item in items]
    if missing:
        for step in (lambda: one.submit(NOW, "1"), lambda: one.approve(NOW, None, "1")):
            with pytest.raises(ChecklistIncomplete):
                step()
    else:
        with pytest.raises(NotSubmitted):
            one.approve(NOW, None, "1")
        assert one.submit(NOW, "1").approve(NOW, None, "1").status == "approved"


def test_terms_of_before_are_to_be_accepted_again() -> None:
    missing = [name for item in vendor(**COMPLETE).checklist("2") for name in item.missing]

    assert missing == ["terms"]


def test_an_application_that_was_submitted_is_not_submitted_again_and_a_rejected_one_is() -> None:
    submitted = vendor().submit(NOW, None)

    assert submitted.submit(NOW + DAY, None) is submitted
    assert submitted.reject("why").submit(NOW + DAY, None).submitted_at == NOW + DAY


# --- tax ids --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("country", "given_", "kept"),
    [
        ("DE", "de 136 695 976", "DE136695976"),
        ("DE", "136695976", "DE136695976"),
        ("GR", "EL 094259216", "EL094259216"),
        ("AT", "ATU13585627", "ATU13585627"),
        ("GB", "GB 980 7806 84", "980780684"),
        ("US", "12-3456789", "123456789"),
    ],
)
def test_a_tax_id_is_that_of_its_country(country: str, given_: str, kept: str) -> None:
    assert tax_id_of(given_, country) == kept


@pytest.mark.parametrize(
    ("country", "given_"), [("DE", "DE136695975"), ("DE", "ATU13585627"), ("FR", "X"), ("US", "!!!!")]
)
def test_what_is_no_tax_id_of_the_country_is_refused(country: str, given_: str) -> None:
    with pytest.raises(TaxIdInvalid):
        tax_id_of(given_, country)


@given(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=4, max_size=30),
    st.one_of(st.sampled_from(["DE", "GR", "EU", "IN", "IS", "XI"]), st.from_regex("[A-Z]{2}", fullmatch=True)),
)
def test_whatever_is_typed_a_tax_id_is_kept_in_one_form_or_refused(given_: str, country: str) -> None:
    try:
        kept = tax_id_of(given_, country)
    except TaxIdInvalid:
        return

    assert tax_id_of(kept, country) == kept


def test_a_new_country_needs_a_new_tax_id() -> None:
    with pytest.raises(TaxIdInvalid):
        vendor(tax_id="DE136695976").describe(country="AT")

    moved = vendor(tax_id="DE136695976").describe(country="AT", tax_id="U13585627")
    assert (moved.country, moved.tax_id) == ("AT", "ATU13585627")


# --- plans ----------------------------------------------------------------------------------------------------------


def test_what_has_begun_stays_whether_it_is_sent_or_not() -> None:
    plan = Plan(rates=(rate(), rate("books", 800), rate("toys", 900, valid_from=NOW + DAY)))
    new = rate("books", 700, 30, NOW)

    after = amended(plan, [rate(), new], 1900, NOW, told=True)

    assert after == Plan(rates=(rate(), rate("books", 800), new), tax_bps=1900)


@pytest.mark.parametrize(
    ("rates", "failure", "pointer"),
    [
        ([rate(bps=1)], RateBegun, "/rates/0"),
        ([rate(), rate("books", 1, valid_from=NOW - DAY)], RateInPast, "/rates/1/valid_from"),
        ([rate("books", 1, valid_from=NOW), rate("books", 2, valid_from=NOW)], RateTwice, "/rates/1"),
    ],
)
def test_history_is_not_rewritten(rates: list[Rate], failure: type[Failure], pointer: str) -> None:
    with pytest.raises(failure) as raised:
        amended(Plan(rates=(rate(),)), rates, 0, NOW, told=True)

    assert raised.value.errors[0].pointer == pointer


def test_before_anybody_sold_the_plan_is_free_but_has_a_rate_for_everything() -> None:
    plan = Plan(rates=(rate(),))

    assert amended(plan, [rate(bps=1)], 0, NOW, told=False).rates == (rate(bps=1),)
    for rates in ([], [rate("books")], [rate(valid_from=NOW + DAY)]):
        with pytest.raises(RateMissing):
            amended(plan, rates, 0, NOW, told=False)


RATES = st.builds(
    rate,
    st.sampled_from([None, "books", "toys"]),
    st.integers(0, 10_000),
    st.integers(0, 100),
    st.integers(-3, 3).map(lambda days: NOW + days * DAY),
)


@given(st.lists(st.tuples(st.integers(0, 2), st.lists(RATES, max_size=4), st.booleans()), max_size=8))
def test_whatever_is_changed_what_applied_once_is_found_again(
    steps: list[tuple[int, list[Rate], bool]],
) -> None:
    plan, now = Plan(rates=(rate(),)), NOW
    for days, rates, general in steps:
        now += days * DAY
        before = plan
        try:
            plan = with_general(plan, len(rates), now) if general else amended(plan, rates, 0, now, told=True)
        except Failure:
            assert plan is before
            continue

        assert [r for r in before.rates if r.valid_from < now] == [r for r in plan.rates if r.valid_from < now]
        assert general_rate(plan, now).valid_from <= now
        assert len({(r.category, r.valid_from) for r in plan.rates}) == len(plan.rates)


def test_the_usual_rates_are_read_from_a_setting() -> None:
    assert usual_rates("books=800, mugs=1500+30,") == (("books", 800, 0), ("mugs", 1500, 30))
    assert usual_rates("") == ()
    for wrong in ("books", "books=10001", "books=1,books=2", "Bücher=1", "books=-1"):
        with pytest.raises(ValueError, match="is not"):
            usual_rates(wrong)
