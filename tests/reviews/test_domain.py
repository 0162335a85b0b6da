"""Rules that need no database."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estore.contracts.reviews import mean_of
from estore.kit.errors import Failure
from estore.services.reviews.domain import Limits, Recent, bursts, picture_addresses
from estore.services.reviews.domain.holding import found_in


@given(st.lists(st.integers(1, 5), min_size=1, max_size=300))
def test_a_mean_is_the_decimal_one_rounded_half_up(stars: list[int]) -> None:
    exact = Decimal(sum(stars)) / len(stars)

    assert mean_of(sum(stars), len(stars)) == str(exact.quantize(Decimal("0.01"), ROUND_HALF_UP))


def test_there_is_no_mean_of_nothing() -> None:
    assert mean_of(0, 0) is None


@pytest.mark.parametrize(
    "text",
    [
        "better at https://cheap.example",
        "see www.cheap.example",
        "cheap-mugs.com has it for less",
        "look at mugs.party/now",
        "write to me@example.org",
        "ＣＨＥＡＰ．ｃｏｍ",
        "cheap。com",
        "che\u00adap\u200b.com",
        "en tazas-baratas.es, tazzine.it y CHAVENAS.PT",
    ],
)
def test_links_and_addresses_are_found(text: str) -> None:
    assert "link" in found_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "this is fucking useless",
        "what a piece of sh1t",
        "what a piece of sh\u200bit",
        "f u c k this",
        "Du Arschloch",
        "puta mierda",
        "quelle merde, connard",
        "kurwa",
        "cazzo",
    ],
)
def test_profanity_is_found_in_the_languages_of_the_marketplace(text: str) -> None:
    assert found_in("Nice", text) == ("profanity",)


@pytest.mark.parametrize(
    "text",
    [
        "Das Glas ist dick und schwer.",
        "The cockpit of this model plane is lovely, we assess it at 5 stars.",
        "Sent from Scunthorpe. A cocktail glass in Dickens style.",
        "It sucks in the crumbs. Nest box for great tits and cock pheasants.",
        "Good.It arrived. Ok.Es ist gut.No problem. A 10.000 Kč mug, n.º 3, co. too. Nice...it is.",
        "Good.It arrived on 24.12.2025, i.e. early, 3.5 kg. Size XL/XXL and/or M.",
        "Ein geiles Messer, sehr scharf! Bitte nicht in die Spülmaschine. Die Rosette ist nackt.",
        "La tasse est très belle, la pédale aussi. Il manico è duro, da montare. Een mooie pot, kan goed zuigen.",
        "El martillo y la concha. Podstawka na jajko. Uma torneira de cerveja.",
        "",
    ],
)
def test_honest_reviews_are_let_through(text: str) -> None:
    assert found_in(text) == ()


def test_a_burst_is_one_more_than_the_limit() -> None:
    limits = Limits(account=2, product=3, vendor=4)

    assert bursts(Recent(1, 2, 3), limits) == ()
    assert bursts(Recent(2, 3, 4), limits) == ("burst_of_account", "burst_of_product", "burst_of_vendor")


@pytest.mark.parametrize(
    "address",
    [
        "http://example.org/a.jpg",
        "javascript:alert(1)",
        "https://user:secret@example.org/a.jpg",
        "https://user@example.org/a.jpg",
        "https:///a.jpg",
        "https://example.org/a b.jpg",
        "https://example.org/\x00",
        "https://example.org:99999/a.jpg",
        "https://[::1/a.jpg",
        'https://example.org/"onerror',
        "//example.org/a.jpg",
        "https:\\\\example.org",
    ],
)
def test_pictures_are_https_addresses_without_credentials(address: str) -> None:
    with pytest.raises(Failure) as refused:
        picture_addresses(["https://example.org/good.jpg", address])

    assert refused.value.code == "reviews.picture_invalid"
    assert [fault.pointer for fault in refused.value.errors] == ["/pictures/1"]


def test_a_picture_is_shown_once() -> None:
    with pytest.raises(Failure):
        picture_addresses(["https://example.org/a.jpg"] * 2)
