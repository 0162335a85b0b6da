"""Rules of identity, without a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estore.services.identity import domain
from estore.services.identity.domain import EmailInvalid, MemberChange, PasswordTooCommon, SigningKey, email_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PERIOD = timedelta(days=30)
LISTS = st.dictionaries(
    st.sampled_from("vw"), st.dictionaries(st.sampled_from("abc"), st.sampled_from(["owner", "catalog"]))
)


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("Ada@Example.COM", "ada@example.com"),
        (" ada+shop@example.com ", "ada+shop@example.com"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
        ("ada@bücher。example", "ada@xn--bcher-kva.example"),
    ],
)
def test_an_address_has_one_spelling(typed: str, normal: str) -> None:
    assert email_of(typed) == normal


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@localhost",
        "a b@example.com",
        "ada@exa mple.com",
        "ada@a@b.c\n",
        "ada\x00@b.c",
        "straße@example.com",
        ".ada@example.com",
        "ada..b@example.com",
        "a" * 65 + "@example.com",
        "ada@" + "a." * 130 + "com",
    ],
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(EmailInvalid):
        email_of(typed)


@given(st.text(max_size=40))
def test_the_normal_form_is_its_own_normal_form(text: str) -> None:
    try:
        normal = email_of(text + "@Example.com")
    except EmailInvalid:
        return
    assert normal == email_of(normal)


@pytest.mark.parametrize(
    "password",
    [
        "1234567890",
        "0987654321",
        "aaaaaaaaaa",
        "abcabcabcabc",
        "qwertyuiop",
        "password123",
        "P@ssw0rd2024",
        "Welcome12345",
        "iloveyou!!",
        "passwordpassword",
        "1q2w3e4r5t",
        "estore2026!!",
        "ada@example.com",
        "lovelace99",
    ],
)
def test_the_commonest_passwords_are_refused(password: str) -> None:
    with pytest.raises(PasswordTooCommon):
        domain.check_password(password, "ada@example.com", "lovelace")


@pytest.mark.parametrize(
    "password", ["a plum falls far", "demo-marketplace", "vK4!mmpq0z", "пароль от дома", "🌵🌵 two cacti"]
)
def test_other_passwords_are_not(password: str) -> None:
    domain.check_password(password, "ada@example.com", "Ada Lovelace")


def key(begins: datetime, until: datetime | None = None, kid: str = "k") -> SigningKey:
    return SigningKey(
        kid=kid, jwk={}, sealed=b"", created_at=begins, signs_from=begins, trusted_until=until or begins + 3 * PERIOD
    )


def test_the_first_key_signs_at_once() -> None:
    assert domain.successor([], NOW, PERIOD, early=False) == NOW


def test_the_next_key_is_made_before_the_period_ends_and_signs_when_it_does() -> None:
    early, late = NOW + PERIOD - domain.PUBLISH_AHEAD - timedelta(seconds=1), NOW + PERIOD - domain.PUBLISH_AHEAD

    assert domain.successor([key(NOW)], early, PERIOD, early=False) is None
    assert domain.successor([key(NOW)], late, PERIOD, early=False) == NOW + PERIOD


def test_a_key_that_is_late_still_gives_everyone_time_to_hear_of_it() -> None:
    late = NOW + PERIOD + timedelta(days=5)

    assert domain.successor([key(NOW)], late, PERIOD, early=False) == late + domain.PUBLISH_AHEAD


@given(st.lists(st.integers(0, 40 * 24 * 60), min_size=1, max_size=60))
def test_whenever_the_job_runs_there_is_a_key_that_signs_and_everyone_has_heard_of_it(steps: list[int]) -> None:
    keys: list[SigningKey] = []
    told: dict[str, datetime] = {}
    now = NOW
    for number, step in enumerate([0, *steps]):
        now += timedelta(minutes=step)
        keys = [one for one in keys if one.trusted_until > now]
        begins = domain.successor(keys, now, PERIOD, early=False)
        if begins is not None:
            fresh = key(begins, begins + 2 * PERIOD + domain.AFTERGLOW, f"k{number}")
            keys = [
                one
                if one.trusted_until <= begins + domain.AFTERGLOW
                else key(one.signs_from, begins + domain.AFTERGLOW, one.kid)
                for one in keys
            ] + [fresh]
            told[fresh.kid] = now
        signs = domain.signer(keys, now)

        assert signs is not None
        assert signs.kid in {one.kid for one in domain.published(keys, now)}
        assert told[signs.kid] <= now - domain.PUBLISH_AHEAD or len(keys) == 1


@given(LISTS, LISTS)
def test_the_changes_lead_from_one_state_of_members_to_the_other(before: dict, after: dict) -> None:
    changes = domain.member_changes(before, after)

    state = {vendor: dict(before.get(vendor, {})) for vendor in after}
    for change in changes:
        if change.role is None:
            del state[change.vendor_id][change.email]
        else:
            state[change.vendor_id][change.email] = change.role
    assert state == after


def test_a_role_that_stays_is_no_change() -> None:
    before = {"v": {"a": "owner", "b": "catalog", "c": "owner"}}
    after = {"v": {"a": "owner", "b": "finance", "d": "owner"}}

    expected = [MemberChange("v", "b", "finance"), MemberChange("v", "c", None), MemberChange("v", "d", "owner")]
    assert domain.member_changes(before, after) == expected


def test_of_several_lists_the_highest_version_counts_in_whatever_order() -> None:
    lists = [("v", 2, {"a": "owner"}), ("v", 3, {"b": "owner"}), ("v", 1, {})]

    assert domain.newest_lists(lists) == {"v": (3, {"b": "owner"})}
