"""What authors do."""

from __future__ import annotations

import asyncio

import pytest

from estore.contracts.reviews import ReviewPublished
from estore.kit.db import statements
from reviews.factories import HOLZIG, MUG, POT, TONWERK, Desk, key, published


async def test_a_delivered_line_is_reviewed_and_everybody_reads_it(desk: Desk) -> None:
    line_id = await desk.arrived("acc_ada")
    pictures = ["https://pictures.example/1.jpg"]
    answer = await desk.post("acc_ada", line_id, 4, author="Ada L.", pictures=pictures)
    made = answer.json()
    shown = (await desk.guest.get(f"/v1/reviews/{made['id']}")).json()

    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v1/reviews/{made['id']}"
    assert (made["status"], made["line_id"], made["version"]) == ("published", line_id, 1)
    assert shown == made | {"line_id": None}
    assert (shown["product_id"], shown["vendor_id"], shown["sku"]) == (MUG, TONWERK, "MUG-BLUE")
    assert (shown["author"], shown["stars"], shown["pictures"]) == ("Ada L.", 4, pictures)
    assert await desk.listed() == [shown]
    assert await desk.listed(f"vendor={TONWERK}") == [shown]
    assert await desk.listed(f"product={MUG}&vendor={HOLZIG}") == []
    [event] = await desk.world.emitted("reviews", ReviewPublished)
    assert (event.review_id, event.product_id, event.stars, event.version) == (made["id"], MUG, 4, 1)
    assert await desk.told() == [(1, 4, 1)]


async def test_an_author_who_says_no_name_is_anonymous(desk: Desk) -> None:
    assert (await desk.reviewed("acc_ada"))["author"] == "Anonymous"


async def test_the_summary_counts_variants_together(desk: Desk) -> None:
    for number, stars in enumerate((5, 5, 4, 1)):
        await desk.reviewed(f"acc_{number}", stars, sku="MUG-RED" if number % 2 else "MUG-BLUE")

    assert await desk.summary() == {
        "product_id": MUG,
        "count": 4,
        "mean": "3.75",
        "histogram": {"1": 1, "2": 0, "3": 0, "4": 1, "5": 2},
    }
    assert await desk.summary(POT) == {
        "product_id": POT,
        "count": 0,
        "mean": None,
        "histogram": {"1": 0, "2": 0, "3": 0, "4": 0, "5": 0},
    }


async def test_a_line_is_reviewed_once(desk: Desk) -> None:
    made = await desk.reviewed("acc_ada")
    again = await desk.post("acc_ada", made["line_id"], 1)

    assert again.status_code == 409
    assert (again.json()["code"], again.json()["review_id"]) == ("reviews.already_reviewed", made["id"])
    assert await desk.told() == [(1, 5, 1)]


async def test_only_who_received_it_reviews_it(desk: Desk) -> None:
    line_id = await desk.arrived("acc_ada")
    guests = await desk.arrived(None)
    others = [
        await desk.post("acc_bob", line_id),
        await desk.post("acc_bob", guests),
        await desk.post("acc_bob", "lin_unheard_of"),
    ]
    guest = await desk.guest.post("/v1/reviews", json={"line_id": line_id, "stars": 5, "title": "Mine"})
    program = desk.world.http("reviews", desk.world.token("key_01", vendors={TONWERK: "catalog"}))
    by_key = await program.post("/v1/reviews", json={"line_id": line_id, "stars": 5, "title": "Mine"})

    assert {(one.status_code, one.json()["code"]) for one in others} == {(404, "reviews.line_not_delivered")}
    assert {one.json()["errors"][0]["pointer"] for one in others} == {"/line_id"}
    assert (guest.status_code, by_key.status_code) == (401, 403)


async def test_members_of_the_vendor_do_not_review_its_products(desk: Desk) -> None:
    line_id = await desk.arrived("acc_member")
    own = await desk.tonwerk.post("/v1/reviews", json={"line_id": line_id, "stars": 5, "title": "Best mug"})
    others = await desk.holzig.post("/v1/reviews", json={"line_id": line_id, "stars": 5, "title": "Best mug"})

    assert (own.status_code, own.json()["code"]) == (403, "reviews.own_product")
    assert others.status_code == 201


async def test_a_product_that_is_heard_of_late_can_be_reviewed_then(desk: Desk) -> None:
    line_id = await desk.arrived("acc_ada", "LATE")
    early = await desk.post("acc_ada", line_id)
    await desk.hear(published("prd_late", "LATE"))
    later = await desk.post("acc_ada", line_id)

    assert (early.status_code, early.json()["code"]) == (503, "reviews.product_unheard")
    assert (later.status_code, later.json()["product_id"]) == (201, "prd_late")


async def test_a_repeated_request_is_answered_again(desk: Desk) -> None:
    line_id = await desk.arrived("acc_ada")
    body, headers = {"line_id": line_id, "stars": 3, "title": "Fine"}, key()
    client = desk.buyer("acc_ada")
    first = await client.post("/v1/reviews", json=body, headers=headers)
    second = await client.post("/v1/reviews", json=body, headers=headers)

    assert first.json() == second.json()
    assert second.headers["idempotency-replayed"] == "true"
    assert await desk.told() == [(1, 3, 1)]


async def test_an_author_edits_within_the_window(desk: Desk) -> None:
    made = await desk.reviewed("acc_ada", 2)
    desk.world.clock.advance(days=30)
    edited = await desk.edit("acc_ada", made, stars=5, title="Better than I thought")
    stale = await desk.edit("acc_ada", made, stars=1)
    blind = await desk.buyer("acc_ada").patch(f"/v1/reviews/{made['id']}", json={"stars": 1})
    foreign = await desk.edit("acc_bob", edited.json(), stars=1)
    same = await desk.edit("acc_ada", edited.json(), stars=5)
    desk.world.clock.advance(seconds=1)
    late = await desk.edit("acc_ada", edited.json(), stars=1)

    assert edited.status_code == 200
    assert (edited.json()["stars"], edited.json()["text"], edited.json()["version"]) == (5, "Keeps warm.", 2)
    assert edited.json()["published_at"] == made["published_at"]
    assert [one.status_code for one in (stale, blind, foreign, same, late)] == [412, 428, 404, 422, 409]
    assert late.json()["code"] == "reviews.edit_window_over"
    assert await desk.told() == [(1, 2, 1), (1, 5, 2)]
    assert [e.version for e in await desk.world.emitted("reviews", ReviewPublished)] == [1, 2]


async def test_words_alone_leave_the_rating_alone(desk: Desk) -> None:
    made = await desk.reviewed("acc_ada", 2)
    await desk.edit("acc_ada", made, text="It leaks.")

    assert await desk.told() == [(1, 2, 1)]


async def test_a_deleted_review_is_gone_and_its_line_can_be_reviewed_again(desk: Desk) -> None:
    made = await desk.reviewed("acc_ada", 1)
    await desk.buyer("acc_bob").put(f"/v1/reviews/{made['id']}/helpful")
    foreign = await desk.buyer("acc_bob").delete(f"/v1/reviews/{made['id']}")
    gone = await desk.buyer("acc_ada").delete(f"/v1/reviews/{made['id']}")
    after = await desk.guest.get(f"/v1/reviews/{made['id']}")
    again = await desk.post("acc_ada", made["line_id"], 3)

    assert [one.status_code for one in (foreign, gone, after, again)] == [404, 204, 404, 201]
    assert again.json()["status"] == "published"
    assert await desk.told() == [(0, 0, 2), (1, 1, 1), (1, 3, 3)]


async def test_lists_are_sorted_filtered_and_paged_without_gaps(desk: Desk) -> None:
    for number, stars in enumerate((3, 5, 1, 5, 2, 4)):
        await desk.reviewed(f"acc_{number}", stars)
        desk.world.clock.advance(seconds=10)
    first, second = (await desk.listed())[-1], (await desk.listed())[-2]
    for reader in ("acc_x", "acc_y"):
        await desk.buyer(reader).put(f"/v1/reviews/{second['id']}/helpful")
    await desk.buyer("acc_x").put(f"/v1/reviews/{first['id']}/helpful")

    async def pages(query: str) -> list[tuple[int, int]]:
        found, cursor = [], ""
        while True:
            answer = (await desk.guest.get(f"/v1/reviews?product={MUG}&limit=2{query}{cursor}")).json()
            found += [(row["stars"], row["helpful"]) for row in answer["data"]]
            if answer["next_cursor"] is None:
                return found
            cursor = f"&cursor={answer['next_cursor']}"

    assert [stars for stars, _ in await pages("&sort=newest")] == [4, 2, 5, 1, 5, 3]
    assert [stars for stars, _ in await pages("&sort=highest")] == [5, 5, 4, 3, 2, 1]
    assert [stars for stars, _ in await pages("&sort=lowest")] == [1, 2, 3, 4, 5, 5]
    assert (await pages("&sort=helpful"))[:3] == [(5, 2), (3, 1), (4, 0)]
    assert await pages("&stars=5") == [(5, 0), (5, 2)]


async def test_an_author_sees_what_can_be_reviewed(desk: Desk) -> None:
    made = await desk.reviewed("acc_ada")
    desk.world.clock.advance(hours=1)
    line_id = await desk.arrived("acc_ada", "POT", HOLZIG)
    client = desk.buyer("acc_ada")
    rows = (await client.get("/v1/reviews/mine")).json()["data"]
    first = (await client.get("/v1/reviews/mine?limit=1")).json()
    rest = (await client.get(f"/v1/reviews/mine?limit=1&cursor={first['next_cursor']}")).json()
    left = (await client.get("/v1/reviews/mine?open=true")).json()["data"]

    assert [(row["line_id"], row["product_id"]) for row in rows] == [(line_id, POT), (made["line_id"], MUG)]
    assert [row["review"] for row in rows] == [None, made]
    assert first["data"] + rest["data"] == rows
    assert rest["next_cursor"] is None
    assert left == rows[:1]
    assert (await desk.buyer("acc_bob").get("/v1/reviews/mine")).json()["data"] == []
    assert (await desk.guest.get("/v1/reviews/mine")).status_code == 401


GOOD = {"line_id": "lin_1", "stars": 5, "title": "Fine"}


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"stars": 0}, "/stars"),
        ({"stars": 6}, "/stars"),
        ({"stars": 4.5}, "/stars"),
        ({"stars": "5"}, "/stars"),
        ({"title": ""}, "/title"),
        ({"title": " padded"}, "/title"),
        ({"title": "two\nlines"}, "/title"),
        ({"title": "x" * 121}, "/title"),
        ({"text": "x" * 5001}, "/text"),
        ({"text": "nul\x00"}, "/text"),
        ({"author": ""}, "/author"),
        ({"author": "x" * 41}, "/author"),
        ({"author": "ada@example.com"}, "/author"),
        ({"pictures": ["https://a.example/1"] * 9}, "/pictures"),
        ({"pictures": ["http://a.example/1"]}, "/pictures/0"),
        ({"pictures": [None]}, "/pictures/0"),
        ({"line_id": "a b"}, "/line_id"),
        ({"line_id": None}, "/line_id"),
        ({"verified": True}, "/verified"),
    ],
)
async def test_bad_input_is_refused_with_a_pointer(open_desk: Desk, fields: dict[str, object], pointer: str) -> None:
    answer = await open_desk.buyer("acc_ada").post("/v1/reviews", json=GOOD | fields)

    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/reviews",
        "/v1/reviews?product=a%00b",
        "/v1/reviews?product=prd_mug&stars=6",
        "/v1/reviews?product=prd_mug&sort=best",
        "/v1/reviews?product=prd_mug&cursor=x",
        "/v1/reviews?product=prd_mug&cursor=WyJuZXdlc3QiLC0xLCJyZXZfMSJd",
        "/v1/reviews?product=prd_mug&cursor=WyJuZXdlc3QiLDk5OTk5OTk5OTk5OTk5OTk5OTk5LCJyZXZfMSJd",
        "/v1/reviews?product=prd_mug&page=2",
        "/v1/reviews/summary",
        "/v1/reviews/mine?open=perhaps",
        "/v1/reviews/mine?cursor=WzEsIlx1MDAwMCJd",
    ],
)
async def test_bad_queries_are_refused(open_desk: Desk, path: str) -> None:
    answer = await open_desk.buyer("acc_ada").get(path)

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


async def test_use_cases_stay_within_their_statements(desk: Desk) -> None:
    made = await desk.reviewed("acc_ada")
    line_id = await desk.arrived("acc_bob")
    with statements(at_most=10):
        await desk.post("acc_bob", line_id)
    with statements(at_most=6):
        await desk.edit("acc_ada", made, stars=1)
    with statements(at_most=5):
        await desk.buyer("acc_bob").put(f"/v1/reviews/{made['id']}/helpful")
    for path in (f"/v1/reviews?product={MUG}&stars=5", f"/v1/reviews/summary?product={MUG}", "/v1/reviews/mine"):
        with statements(at_most=1):
            await desk.buyer("acc_ada").get(path)


# --- at once --------------------------------------------------------------------------------------------------------


async def test_of_many_reviews_of_one_line_at_once_one_is_kept(desk: Desk) -> None:
    line_id = await desk.arrived("acc_ada")
    answers = await asyncio.gather(*(desk.post("acc_ada", line_id, stars) for stars in (1, 2, 3, 4, 5, 5, 4, 3)))

    assert sorted(one.status_code for one in answers) == [201] + [409] * 7
    assert (await desk.summary())["count"] == 1


async def test_a_rating_is_exact_whatever_happens_at_once(desk: Desk) -> None:
    lines = {f"acc_{n}": await desk.arrived(f"acc_{n}") for n in range(20)}

    async def live(number: int, account_id: str) -> None:
        made = (await desk.post(account_id, lines[account_id], number % 5 + 1)).json()
        if number % 3 == 0:
            await desk.edit(account_id, made, stars=5)
        if number % 4 == 1:
            await desk.reject(made)
        if number % 4 == 2:
            await desk.buyer(account_id).delete(f"/v1/reviews/{made['id']}")

    await asyncio.gather(*(live(number, account_id) for number, account_id in enumerate(lines)))
    left = await desk.listed(f"product={MUG}&limit=100")
    told = await desk.told()

    found = await desk.summary()
    assert found["count"] == len(left) == 10
    assert found["histogram"] == {str(s): sum(r["stars"] == s for r in left) for s in range(1, 6)}
    by_version = sorted(told, key=lambda one: one[2])
    assert [version for _, _, version in by_version] == list(range(1, len(told) + 1))
    assert by_version[-1][:2] == (len(left), sum(row["stars"] for row in left))
