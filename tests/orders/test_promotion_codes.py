"""Codes by hand and in batches."""

from __future__ import annotations

import asyncio
import csv
import re
from collections import Counter
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estore.kit.db import statements
from estore.services.orders import store
from estore.services.orders.domain.promotions import LETTERS, bits_of, bytes_for, codes_of, letters_of
from orders.factories import Shop, key
from orders.promoting import operator, promotion, revision, vendor, with_code

# --- one by hand ----------------------------------------------------------------------------------------------------


async def test_a_code_is_one_in_any_case(shop: Shop) -> None:
    client = operator(shop)
    made = await promotion(client)
    url = f"/v1/promotions/{made['id']}/codes"
    answer = await client.post(url, json={"code": "welcome-10", "max_uses": 500}, headers=key())
    again = await client.post(url, json={"code": "Welcome-10"}, headers=key())
    elsewhere = await vendor(shop).post(
        f"/v1/promotions/{(await promotion(vendor(shop)))['id']}/codes", json={"code": "WELCOME-10"}, headers=key()
    )
    (shown,) = (await client.get(answer.headers["location"])).json()["data"]

    assert (answer.status_code, answer.json()) == (201, shown)
    assert (shown["code"], shown["max_uses"], shown["uses"], shown["disabled"]) == ("WELCOME-10", 500, 0, False)
    for taken in (again, elsewhere):
        assert (taken.status_code, taken.json()["code"]) == (409, "orders.promotion_code_taken")
        assert taken.json()["errors"][0]["pointer"] == "/code"


@pytest.mark.parametrize("code", ["AB", "A" * 41, "-AB", "A B", "ÄBC", "ABC\n", "", None, 7])
async def test_what_is_no_code_is_refused(standing_shop: Shop, code: object) -> None:
    client = operator(standing_shop)
    made = await promotion(client)
    answer = await client.post(f"/v1/promotions/{made['id']}/codes", json={"code": code}, headers=key())

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/code")


async def test_a_code_made_twice_at_once_is_made_once(shop: Shop) -> None:
    makers = [operator(shop), vendor(shop), vendor(shop, "vnd_2")]
    made = [await promotion(client) for client in makers]
    answers = await asyncio.gather(
        *(
            client.post(f"/v1/promotions/{own['id']}/codes", json={"code": "SALE"}, headers=key())
            for client, own in zip(makers, made, strict=True)
            for _ in range(3)
        )
    )

    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 8]


async def test_a_disabled_code_stays_so_and_raises_the_revision(shop: Shop) -> None:
    client = operator(shop)
    made = await with_code(client, "LEAKED")
    before = await revision(shop)
    url = f"/v1/promotions/{made['id']}/codes"
    first = await client.post(f"{url}/leaked/disable", headers=key())
    again = await client.post(f"{url}/LEAKED/disable", headers=key())
    unknown = [await client.post(f"{url}/{code}/disable", headers=key()) for code in ("NONE", "%00", "A" * 60)]

    assert first.json() == again.json()
    assert first.json()["disabled"] is True
    assert await revision(shop) == before + 1
    assert {(answer.status_code, answer.json()["code"]) for answer in unknown} == {
        (404, "orders.promotion_code_not_found")
    }


async def test_codes_are_found_with_their_promotion_whatever_its_state(shop: Shop) -> None:
    client = operator(shop)
    active, archived = await with_code(client, "ACTIVE"), await with_code(client, "GONE")
    await client.post(f"/v1/promotions/{archived['id']}/archive", headers=key())
    await client.post(f"/v1/promotions/{active['id']}/codes/ACTIVE/disable", headers=key())
    with statements(at_most=1):
        async with shop.world.service("orders").db.read() as tx:
            found = (await store.load_facts(tx, ["ACTIVE", "GONE", "NONE"], [], [], [])).codes

    assert {
        code: (one.promotion.promotion_id, one.promotion.status, one.code.disabled) for code, one in found.items()
    } == {
        "ACTIVE": (active["id"], "active", True),
        "GONE": (archived["id"], "archived", False),
    }


# --- batches --------------------------------------------------------------------------------------------------------


@given(random=st.binary(max_size=400), length=st.integers(8, 20), prefix=st.sampled_from(["", "SPRING-"]))
def test_codes_are_made_of_letters_that_nobody_mixes_up(random: bytes, length: int, prefix: str) -> None:
    letters = letters_of(random)
    codes = codes_of(letters, prefix, length)

    assert not set(letters) & set("0O1IL2Z5S8B")
    assert len(letters) == sum(byte < 250 for byte in random)
    assert all(re.fullmatch(f"{prefix}[{LETTERS.decode()}]{{{length}}}", code) for code in codes)
    assert len(codes) <= len(letters) // length


def test_every_letter_is_as_likely_as_every_other() -> None:
    counted = Counter(letters_of(bytes(range(256))))

    assert set(counted.values()) == {10}
    assert len(counted) == len(LETTERS) == 25


@given(count=st.integers(1, 5000), length=st.integers(8, 40))
def test_enough_is_drawn_at_once_to_be_done_soon(count: int, length: int) -> None:
    drawn = bytes_for(count, length)

    assert count * length <= drawn * 250 // 256 <= count * length + 2 * length + 1


def test_the_shortest_codes_have_37_bits_and_the_usual_ones_55() -> None:
    assert [bits_of(length) for length in (8, 12)] == [37, 55]


async def test_a_batch_is_as_it_was_asked_for(shop: Shop) -> None:
    client = operator(shop)
    made = await promotion(client)
    url, before = f"/v1/promotions/{made['id']}/code-batches", await revision(shop)
    answer = await client.post(url, json={"count": 250, "prefix": "spring-", "max_uses": 2}, headers=key())
    batch = answer.json()
    seen, page_url = [], f"{batch['codes']}&limit=100"
    while page_url:
        page = await client.get(page_url)
        seen += page.json()["data"]
        page_url = page.links["next"]["url"] if "next" in page.links else ""

    assert answer.status_code == 201, answer.text
    assert (await client.get(answer.headers["location"])).json() == batch
    assert (await client.get(url)).json()["data"] == [batch]
    assert (batch["count"], batch["prefix"], batch["length"], batch["bits"]) == (250, "SPRING-", 12, 55)
    assert len({code["code"] for code in seen}) == 250
    assert all(re.fullmatch(r"SPRING-[A-Z0-9]{12}", code["code"]) for code in seen)
    assert {(code["batch_id"], code["max_uses"], code["uses"]) for code in seen} == {(batch["id"], 2, 0)}
    assert await revision(shop) == before, "nothing was priced with codes that were not there"


async def test_a_batch_is_a_file_of_all_its_codes(shop: Shop) -> None:
    client = operator(shop)
    made = await with_code(client, "BY-HAND")
    url = f"/v1/promotions/{made['id']}"
    batch = (await client.post(f"{url}/code-batches", json={"count": 5001}, headers=key())).json()
    answer = await client.get(f"{batch['codes']}&format=csv")
    rows = list(csv.DictReader(answer.text.splitlines()))
    everything = await client.get(f"{url}/codes?format=csv")

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert batch["id"] in answer.headers["content-disposition"]
    assert len({row["code"] for row in rows}) == 5001
    assert {(row["max_uses"], row["uses"], row["disabled"]) for row in rows} == {("1", "0", "false")}
    assert len(everything.text.splitlines()) == 5003


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"count": 0}, "/count"),
        ({"count": 100_001}, "/count"),
        ({"count": 1, "length": 7}, "/length"),
        ({"count": 1, "length": 41}, "/length"),
        ({"count": 1, "length": 20, "prefix": "A" * 21}, "/length"),
        ({"count": 1, "prefix": "-A"}, "/prefix"),
        ({"count": 1, "prefix": "A" * 33}, "/prefix"),
        ({"count": 1, "max_uses": 0}, "/max_uses"),
    ],
)
async def test_a_batch_that_cannot_be_is_refused(standing_shop: Shop, body: dict[str, object], pointer: str) -> None:
    client = operator(standing_shop)
    made = await promotion(client)
    answer = await client.post(f"/v1/promotions/{made['id']}/code-batches", json=body, headers=key())

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    assert (await client.get(f"/v1/promotions/{made['id']}/codes")).json()["data"] == []


async def test_a_large_batch_is_made_once_by_its_key_and_its_answer_is_small(shop: Shop) -> None:
    client, once = operator(shop), key()
    made = await promotion(client)
    url = f"/v1/promotions/{made['id']}/code-batches"
    body = {"count": 100_000, "length": 8}
    with statements(at_most=24):
        first = await client.post(url, json=body, headers=once)
    at_once = await asyncio.gather(*(client.post(url, json=body, headers=once) for _ in range(3)))
    counted = await shop.world.fetch("orders", "SELECT count(DISTINCT code) AS codes FROM promotion_code")
    kept = await shop.world.fetch("orders", "SELECT length(response) AS size FROM once WHERE response IS NOT NULL")

    assert first.status_code == 201, first.text
    assert {answer.text for answer in at_once} == {first.text}
    assert {answer.headers["idempotency-replayed"] for answer in at_once} == {"true"}
    assert counted == [{"codes": 100_000}]
    assert max(row["size"] for row in kept) < 2000


async def test_codes_that_are_taken_are_drawn_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source of randomness that begins by repeating itself."""
    client = operator(shop)
    made = await promotion(client)
    url = f"/v1/promotions/{made['id']}/code-batches"
    counted = iter(range(1, 100))

    def repeating(size: int) -> bytes:
        number = next(counted)
        return bytes((number // 3 * 7 + at // 8 + at * (number // 3 + 1)) % 250 for at in range(size))

    # There only: ids are drawn from the same source.
    monkeypatch.setattr("estore.services.orders.service.promotions.codes.os", SimpleNamespace(urandom=repeating))
    for _ in range(2):
        answer = await client.post(url, json={"count": 5, "length": 8}, headers=key())
        assert answer.status_code == 201, answer.text
    monkeypatch.undo()
    codes = (await client.get(f"/v1/promotions/{made['id']}/codes")).json()["data"]

    assert len({code["code"] for code in codes}) == 10
    assert Counter(code["batch_id"] for code in codes).most_common()[-1][1] == 5
