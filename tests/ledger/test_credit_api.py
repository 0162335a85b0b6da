"""Gift cards and store credit over HTTP: codes shown once, guessed never; who may give, see and redeem."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from ledger.credit import BUYER, JSON, Credit, by_account, by_card, eur
from ledger.factories import VENDOR, Ledger

CODE = re.compile(r"^([0-9A-HJKMNP-TV-Z]{4}-){4}[0-9A-HJKMNP-TV-Z]{4}$")
MAKE = {"amount": eur(2_500), "funding": "promotion", "note": "Christmas"}


@pytest.fixture
async def credit(ledger: Ledger) -> AsyncIterator[Credit]:
    yield Credit(ledger)


async def all_of(credit: Credit, path: str, **how: Any) -> list[JSON]:
    """All pages of a list."""
    found: list[JSON] = []
    cursor: JSON = {}
    while True:
        page = (await credit.ledger.ask("GET", path, params={"limit": 2} | cursor, **how)).json()
        found += page["data"]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


async def test_a_code_is_shown_once_and_again_to_the_same_request(credit: Credit) -> None:
    first = await credit.made("/v1/gift-cards", MAKE, key="k")
    again = await credit.made("/v1/gift-cards", MAKE, key="k")
    other = await credit.made("/v1/gift-cards", MAKE, key="l")

    assert first == again
    assert CODE.match(first["code"])
    assert first["code"] != other["code"]
    assert first["card"] | {"version": 1} == await credit.seen(first["card"]["id"])
    kept = await credit.ledger.fetch(
        "SELECT (SELECT string_agg(g::text, '') FROM gift_card g) AS cards,"
        " (SELECT string_agg(encode(response, 'escape'), '') FROM once) AS answers"
    )
    bare = first["code"].replace("-", "")
    assert not any(code in text for text in kept[0].values() for code in (first["code"], bare))


@pytest.mark.parametrize("spelling", ["json", "csv"])
async def test_a_batch_shows_all_its_codes_once(credit: Credit, spelling: str) -> None:
    body = {"count": 7, "amount": eur(1_000), "funding": "sold", "note": "for a company"}
    answer = await credit.post(f"/v1/gift-cards/batches?format={spelling}", body, key="k")
    again = await credit.post(f"/v1/gift-cards/batches?format={spelling}", body, key="k")

    assert (answer.status_code, again.content) == (201, answer.content)
    if spelling == "json":
        cards = answer.json()["cards"]
        assert answer.json()["amount"] == eur(1_000)
    else:
        cards = list(csv.DictReader(io.StringIO(answer.text)))
        assert {(row["amount"], row["currency"], row["expires_at"]) for row in cards} == {("10.00", "EUR", "")}
    assert len({card["code"] for card in cards}) == 7
    (batch,) = {card["batch_id"] for card in await all_of(credit, "/v1/gift-cards")}
    assert len(await all_of(credit, f"/v1/gift-cards?batch={batch}")) == 7
    left = await credit.made("/v1/gift-cards/balance", {"code": cards[3]["code"]}, 200, who={"account_id": BUYER})
    assert left == {"status": "active", "balance": eur(1_000), "expires_at": None}


async def test_what_a_code_is_worth_does_not_depend_on_how_it_is_typed(credit: Credit) -> None:
    _, code = await credit.card(1_000)
    typed = f" {code.lower().replace('-', ' – ')} "
    left = await credit.made("/v1/gift-cards/balance", {"code": typed}, 200, who={"account_id": BUYER})

    assert left["balance"] == eur(1_000)


async def test_a_guess_is_told_nothing(credit: Credit) -> None:
    await credit.card()
    answers = [
        await credit.post("/v1/gift-cards/balance", {"code": guess}, who={"account_id": BUYER})
        for guess in ("x", "0000-0000-0000-0000-0000", "é", " ", "' OR 1=1 --")
    ]
    said = {tuple((k, v) for k, v in each.json().items() if k in ("code", "title", "detail")) for each in answers}

    assert {each.status_code for each in answers} == {404}
    assert len(said) == 1
    redeemed = await credit.redeem("0000-0000-0000-0000-0000")
    assert (redeemed.status_code, redeemed.json()["code"]) == (404, "ledger.gift_card_unknown")


@pytest.mark.parametrize(
    ("path", "how", "code", "pointer"),
    [
        ("gift-cards", {"amount": eur(0)}, "request.invalid", "/amount/amount"),
        ("gift-cards", {"amount": eur(10**12)}, "request.invalid", "/amount/amount"),
        ("gift-cards", {"amount": {"amount": 5, "currency": "JPY"}}, "ledger.currency_unknown", "/amount/currency"),
        ("gift-cards", {"funding": "air"}, "request.invalid", "/funding"),
        ("gift-cards", {"expires_at": "2020-01-01T00:00:00Z"}, "ledger.gift_card_expiry_invalid", "/expires_at"),
        ("gift-cards", {"expires_at": "9999-12-31T23:59:59-01:00"}, "ledger.gift_card_expiry_invalid", "/expires_at"),
        ("gift-cards", {"expires_at": "0001-01-01T00:00:00+01:00"}, "ledger.gift_card_expiry_invalid", "/expires_at"),
        (
            "gift-cards",
            {"funding": "sold", "expires_at": "2999-01-01T00:00:00Z"},
            "ledger.gift_card_expiry_invalid",
            "/expires_at",
        ),
        ("gift-cards/batches", {"count": 0}, "request.invalid", "/count"),
        ("gift-cards/batches", {"count": 1_001}, "request.invalid", "/count"),
        ("store-credit", {"amount": eur(0)}, "ledger.amount_invalid", "/amount/amount"),
        ("store-credit", {"amount": {"amount": 5, "currency": "JPY"}}, "ledger.currency_unknown", "/amount/currency"),
        ("store-credit", {"account_id": "somebody"}, "request.invalid", "/account_id"),
        ("store-credit", {"reason": ""}, "request.invalid", "/reason"),
    ],
)
async def test_what_cannot_be_given_is_refused(credit: Credit, path: str, how: JSON, code: str, pointer: str) -> None:
    bodies: dict[str, JSON] = {
        "gift-cards": MAKE,
        "gift-cards/batches": MAKE | {"count": 2},
        "store-credit": {"account_id": BUYER, "amount": eur(5), "reason": "sorry", "funding": "goodwill"},
    }
    answer = await credit.post(f"/v1/{path}", bodies[path] | how)

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert await credit.ledger.fetch("SELECT 1 FROM entry") == []


async def test_all_that_is_left_is_redeemed_once(credit: Credit) -> None:
    card, code = await credit.card(1_000)
    await credit.ledger.hear(credit.asked(by_card(code, 400)))
    await credit.grant(50)
    first = await credit.redeem(code)
    second = await credit.redeem(code, "acc_02")
    seen = await credit.seen(card)

    assert first.json() == {"amount": eur(600), "balance": eur(650)}
    assert (second.status_code, second.json()["reason"]) == (409, "redeemed")
    assert (seen["status"], seen["redeemed_by"], seen["balance"]["amount"]) == ("redeemed", BUYER, 0)
    assert (await credit.purse(), await credit.purse("acc_02")) == (650, 0)


async def test_a_card_that_cannot_be_used_cannot_be_redeemed(credit: Credit) -> None:
    soon = (credit.ledger.clock.now() + timedelta(hours=1)).isoformat()
    (_, late), (blocked, disabled), (_, empty) = (
        await credit.card(expires_at=soon),
        await credit.card(),
        await credit.card(),
    )
    await credit.made(f"/v1/gift-cards/{blocked}/disable", status=200)
    await credit.ledger.hear(credit.asked(by_card(empty, 1_000)))
    credit.ledger.clock.advance(hours=1)
    answers = [await credit.redeem(code) for code in (late, disabled, empty)]

    assert [(each.status_code, each.json()["reason"]) for each in answers] == [
        (409, "expired"),
        (409, "disabled"),
        (409, "empty"),
    ]
    assert await credit.purse() == 0


async def test_what_was_granted_can_be_taken_back_but_no_more(credit: Credit) -> None:
    await credit.grant(500)
    await credit.ledger.hear(credit.asked(by_account(200)))
    body = {"account_id": BUYER, "reason": "a mistake", "funding": "goodwill"}
    much = await credit.post("/v1/store-credit", body | {"amount": eur(-301)})
    taken = await credit.made("/v1/store-credit", body | {"amount": eur(-300)}, key="k")
    again = await credit.made("/v1/store-credit", body | {"amount": eur(-300)}, key="k")

    assert (much.status_code, much.json()["code"]) == (409, "ledger.credit_insufficient")
    assert (taken["balance"], again) == (eur(0), taken)
    assert await credit.purse() == 0


async def test_the_lines_of_card_and_account_explain_their_balances(credit: Credit) -> None:
    card, code = await credit.card(1_000)
    asked = credit.asked(by_card(code, 700))
    back = credit.back(asked.order_id, 300)
    await credit.ledger.hear(asked, back)
    await credit.redeem(code)
    await credit.grant(25)
    of_card = await all_of(credit, f"/v1/gift-cards/{card}/lines")
    of_account = await all_of(credit, "/v1/store-credit/lines", who={"account_id": BUYER})

    assert [(line["kind"], line["amount"]["amount"], line["balance"]["amount"]) for line in of_card] == [
        ("card_redeemed", -600, 0),
        ("credit_back", 300, 600),
        ("credit", -700, 300),
        ("card_issued", 1_000, 1_000),
    ]
    assert [
        (line["kind"], line["amount"]["amount"], line["balance"]["amount"], line["note"]) for line in of_account
    ] == [
        ("credit_granted", 25, 625, "sorry"),
        ("card_redeemed", 600, 600, ""),
    ]
    assert (of_card[1]["order_id"], of_card[1]["ref"]) == (asked.order_id, back.refund_id)
    assert of_account == await all_of(credit, f"/v1/store-credit/lines?account={BUYER}")


async def test_nobody_sees_or_gives_what_is_not_theirs(credit: Credit) -> None:
    card, _ = await credit.card()
    await credit.grant(500)
    ask = credit.ledger.ask
    stranger: JSON = {"account_id": "acc_02", "vendors": {VENDOR: "owner"}}

    for path in ("store-credit", "store-credit/lines"):
        answer = await ask("GET", f"/v1/{path}?account={BUYER}", who=stranger)
        assert (answer.status_code, answer.json()["code"]) == (404, "ledger.account_unknown")
        assert (await ask("GET", f"/v1/{path}?account={BUYER}")).status_code == 200
    for path in ("gift-cards", f"gift-cards/{card}", f"gift-cards/{card}/lines"):
        assert (await ask("GET", f"/v1/{path}", who=stranger)).status_code == 403
    grant = {"account_id": "acc_02", "amount": eur(5), "reason": "me", "funding": "goodwill"}
    for path, body in (("gift-cards", MAKE), ("gift-cards/batches", MAKE | {"count": 1}), ("store-credit", grant)):
        assert (await credit.post(f"/v1/{path}", body, who=stranger)).status_code == 403
    assert (await credit.post(f"/v1/gift-cards/{card}/disable", who=stranger)).status_code == 403
    async with credit.ledger.world.http("ledger") as guest:
        assert (await guest.get("/v1/store-credit")).status_code == 401
        assert (await guest.post("/v1/gift-cards/redeem", json={"code": "x"})).status_code == 401
        assert (await guest.post("/v1/gift-cards/balance", json={"code": "x"})).status_code == 404


@pytest.mark.parametrize("path", ["", "/lines"])
async def test_a_card_that_is_none(credit: Credit, path: str) -> None:
    answer = await credit.ledger.ask("GET", f"/v1/gift-cards/gft_none{path}")

    assert (answer.status_code, answer.json()["code"]) == (404, "ledger.gift_card_unknown")
