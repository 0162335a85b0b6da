"""What readers, vendors and moderators do."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from estore.contracts.reviews import ReviewPublished
from reviews.factories import HOLZIG, MUG, TONWERK, Desk, key


async def test_a_vote_counts_once_and_can_be_taken_back(desk: Desk) -> None:
    made = await desk.reviewed("acc_ada")
    path, bob = f"/v1/reviews/{made['id']}/helpful", desk.buyer("acc_bob")
    votes = [(await bob.put(path)).json() for _ in range(2)]
    back = [(await bob.delete(path)).status_code for _ in range(2)]
    shown = await desk.guest.get(f"/v1/reviews/{made['id']}")

    assert votes == [{"review_id": made["id"], "helpful": 1}] * 2
    assert back == [204, 204]
    assert shown.json()["helpful"] == 0
    assert shown.json()["version"] == made["version"]
    assert shown.headers["etag"] == f'"v1.{shown.json()["revision"]}"'


async def test_nobody_votes_for_or_reports_their_own(desk: Desk) -> None:
    made = await desk.reviewed("acc_ada")
    own, path = desk.buyer("acc_ada"), f"/v1/reviews/{made['id']}"
    answers = [await own.put(f"{path}/helpful"), await own.post(f"{path}/reports", json={"reason": "spam"})]
    guest = await desk.guest.put(f"{path}/helpful")
    program = desk.world.http("reviews", desk.world.token("key_01", vendors={TONWERK: "catalog"}))

    assert [(one.status_code, one.json()["code"]) for one in answers] == [(409, "reviews.own_review")] * 2
    assert guest.status_code == 401
    assert (await program.put(f"{path}/helpful")).status_code == 403


async def test_votes_are_exact_whatever_happens_at_once(desk: Desk) -> None:
    made = await desk.reviewed("acc_ada")
    path = f"/v1/reviews/{made['id']}/helpful"

    async def live(number: int) -> None:
        client = desk.buyer(f"acc_{number // 2}")
        await client.put(path)
        if number % 6 == 0:
            await client.delete(path)
            await client.put(path)

    await asyncio.gather(*(live(number) for number in range(24)))

    assert (await desk.guest.get(f"/v1/reviews/{made['id']}")).json()["helpful"] == 12


async def test_a_vendor_replies_once_and_changes_its_reply(desk: Desk) -> None:
    made = await desk.reviewed("acc_ada", 2)
    path = f"/v1/reviews/{made['id']}/reply"
    first = await desk.tonwerk.put(path, json={"text": "We are sorry."})
    desk.world.clock.advance(hours=1)
    second = await desk.tonwerk.put(path, json={"text": "We send you another one."})
    shown = (await desk.listed())[0]["reply"]

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json()["reply"]["edited_at"] is None
    assert shown == second.json()["reply"]
    assert shown["text"] == "We send you another one."
    assert shown["replied_at"] == first.json()["reply"]["replied_at"] < shown["edited_at"]
    assert second.json()["version"] == made["version"]
    assert await desk.told() == [(1, 2, 1)]


async def test_a_program_of_the_vendor_replies_with_its_scope(desk: Desk) -> None:
    made = await desk.reviewed("acc_ada")

    def with_scopes(scopes: str) -> httpx.AsyncClient:
        return desk.world.http("reviews", desk.world.token("key_01", vendors={TONWERK: scopes}))

    path = f"/v1/reviews/{made['id']}/reply"
    answers = [await with_scopes(s).put(path, json={"text": "Thanks!"}) for s in ("finance", "fulfilment catalog")]

    assert [one.status_code for one in answers] == [404, 200]


async def test_only_the_vendor_replies_and_only_vendor_or_operator_remove_it(desk: Desk) -> None:
    made = await desk.reviewed("acc_ada")
    path = f"/v1/reviews/{made['id']}/reply"
    finance = desk.member(TONWERK, "finance")
    refused = [
        (await client.put(path, json={"text": "Ha!"})).status_code
        for client in (desk.guest, desk.buyer("acc_bob"), desk.holzig, finance, desk.operator)
    ]
    await desk.tonwerk.put(path, json={"text": "Thanks!"})
    removed = [(await client.delete(path)).status_code for client in (desk.holzig, desk.operator, desk.tonwerk)]

    assert refused == [401, 403, 404, 404, 404]
    assert removed == [404, 204, 404]
    assert (await desk.listed())[0]["reply"] is None


@pytest.mark.parametrize("text", ["", "  ", "x" * 2001, "see www.shop.example", "fucking liar", "nul\x00"])
async def test_a_reply_is_checked(desk: Desk, text: str) -> None:
    made = await desk.reviewed("acc_ada")
    answer = await desk.tonwerk.put(f"/v1/reviews/{made['id']}/reply", json={"text": text})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/text"


# --- held back ------------------------------------------------------------------------------------------------------


async def test_what_is_held_is_seen_by_its_author_and_operators_only(desk: Desk) -> None:
    made = await desk.reviewed("acc_ada", 1, text="Cheaper at www.example.org")
    path = f"/v1/reviews/{made['id']}"
    clients = (desk.buyer("acc_ada"), desk.operator, desk.guest, desk.buyer("acc_bob"), desk.tonwerk)
    seen = [(await client.get(path)).status_code for client in clients]
    mine = (await desk.buyer("acc_ada").get("/v1/reviews/mine")).json()["data"]
    [waiting] = (await desk.operator.get("/v1/reviews/queue?state=held")).json()["data"]

    assert made["status"] == "held"
    assert seen == [200, 200, 404, 404, 404]
    assert mine[0]["review"]["status"] == "held"
    assert (waiting["review"]["id"], waiting["reasons"]) == (made["id"], ["link"])
    assert await desk.listed() == []
    assert (await desk.buyer("acc_bob").put(f"{path}/helpful")).status_code == 404
    assert (await desk.summary())["count"] == 0
    assert await desk.told() == []
    assert await desk.world.emitted("reviews", ReviewPublished) == []


async def test_what_a_moderator_lets_through_counts(desk: Desk) -> None:
    made = await desk.reviewed("acc_ada", 4, title="Damn fucking good")
    approved = await desk.approve(made)
    again = await desk.approve(made)

    assert (approved.json()["status"], again.json()["status"]) == ("published", "published")
    assert (approved.json()["version"], again.json()["version"]) == (2, 2)
    assert await desk.told() == [(1, 4, 1)]
    assert (await desk.operator.get("/v1/reviews/queue")).json()["data"] == []


async def test_what_a_moderator_refuses_tells_its_author_why(desk: Desk) -> None:
    made = await desk.reviewed("acc_ada", 1)
    await desk.reviewed("acc_bob", 5)
    refused = await desk.reject(made, "It is about the carrier")
    seen = (await desk.buyer("acc_ada").get(f"/v1/reviews/{made['id']}")).json()

    assert refused.status_code == 200
    assert (seen["status"], seen["rejection"]) == ("rejected", "It is about the carrier")
    assert (await desk.guest.get(f"/v1/reviews/{made['id']}")).status_code == 404
    assert (await desk.summary())["mean"] == "5.00"


async def test_what_was_refused_comes_back_through_a_moderator_only(desk: Desk) -> None:
    made = await desk.reviewed("acc_ada", 1)
    refused = (await desk.reject(made)).json()
    edited = (await desk.edit("acc_ada", refused, text="It broke.")).json()
    await desk.buyer("acc_ada").delete(f"/v1/reviews/{made['id']}")
    anew = (await desk.post("acc_ada", made["line_id"], 1)).json()
    reasons = [row["reasons"] for row in (await desk.operator.get("/v1/reviews/queue")).json()["data"]]

    assert (edited["status"], edited["rejection"], anew["status"]) == ("held", None, "held")
    assert reasons == [["deleted_before"]]


async def test_a_new_text_with_a_link_takes_a_review_back(desk: Desk) -> None:
    made = await desk.reviewed("acc_ada", 5)
    edited = (await desk.edit("acc_ada", made, text="https://example.org is cheaper")).json()
    cleaned = (await desk.edit("acc_ada", edited, text="It is fine")).json()

    assert (edited["status"], cleaned["status"]) == ("held", "held")
    assert await desk.told() == [(0, 0, 2), (1, 5, 1)]


async def test_a_moderator_decides_about_what_they_saw(desk: Desk) -> None:
    made = await desk.reviewed("acc_ada", text="www.example.org")
    await desk.edit("acc_ada", made, text="www.example.com")
    headers = key() | {"if-match": '"v1"'}
    stale = await desk.operator.post(f"/v1/reviews/{made['id']}/approve", headers=headers)

    assert stale.status_code == 412


async def test_a_burst_of_one_account_waits(desk: Desk) -> None:
    made = [await desk.reviewed("acc_ada", sku="MUG-RED") for _ in range(6)]
    desk.world.clock.advance(hours=2)
    later = await desk.reviewed("acc_ada")

    assert [one["status"] for one in (*made, later)] == ["published"] * 5 + ["held", "published"]
    [waiting] = (await desk.operator.get("/v1/reviews/queue")).json()["data"]
    assert waiting["reasons"] == ["burst_of_account"]


async def test_a_burst_of_one_account_at_once_is_counted_exactly(desk: Desk) -> None:
    lines = [await desk.arrived("acc_ada") for _ in range(9)]
    answers = await asyncio.gather(*(desk.post("acc_ada", line_id) for line_id in lines))

    assert sorted(one.json()["status"] for one in answers) == ["held"] * 4 + ["published"] * 5


async def test_reports_reach_the_moderators_and_silence_nobody(desk: Desk) -> None:
    made = await desk.reviewed("acc_ada")
    path = f"/v1/reviews/{made['id']}/reports"
    for account_id, reason in (("acc_bob", "spam"), ("acc_bob", "offensive"), ("acc_cyd", "other")):
        answer = await desk.buyer(account_id).post(path, json={"reason": reason, "text": "Look"}, headers=key())
        assert answer.status_code == 201
    queue = (await desk.operator.get("/v1/reviews/queue?state=reported")).json()["data"]
    kept = await desk.approve(made)
    await desk.buyer("acc_bob").post(path, json={"reason": "spam"}, headers=key())

    assert [(row["review"]["id"], row["open_reports"]) for row in queue] == [(made["id"], 2)]
    assert [one["reason"] for one in queue[0]["reports"]] == ["spam", "other"]
    assert kept.json()["status"] == "published"
    assert (await desk.operator.get("/v1/reviews/queue")).json()["data"] == []
    assert await desk.told() == [(1, 5, 1)]


async def test_only_operators_moderate(desk: Desk) -> None:
    made = await desk.reviewed("acc_ada")
    for client, status in ((desk.guest, 401), (desk.buyer("acc_ada"), 403), (desk.tonwerk, 403)):
        answers = [
            await client.get("/v1/reviews/queue"),
            await client.post(f"/v1/reviews/{made['id']}/approve"),
            await client.post(f"/v1/reviews/{made['id']}/reject", json={"reason": "Because"}),
        ]

        assert {one.status_code for one in answers} == {status}
    assert (await desk.operator.get(f"/v1/reviews?product={MUG}&vendor={HOLZIG}")).json()["data"] == []


async def test_the_queue_is_paged_and_filtered_by_vendor(desk: Desk) -> None:
    for number in range(3):
        await desk.reviewed(f"acc_{number}", text="www.example.org")
    await desk.reviewed("acc_x", sku="POT", text="www.example.org")
    first = (await desk.operator.get("/v1/reviews/queue?limit=3")).json()
    rest = (await desk.operator.get(f"/v1/reviews/queue?limit=3&cursor={first['next_cursor']}")).json()
    pots = (await desk.operator.get(f"/v1/reviews/queue?vendor={HOLZIG}")).json()["data"]
    wrong = await desk.operator.get("/v1/reviews/queue?cursor=WyJ4Il0")

    assert (len(first["data"]), len(rest["data"]), rest["next_cursor"]) == (3, 1, None)
    assert pots == rest["data"]
    assert wrong.status_code == 400


async def test_what_does_not_exist_is_a_404_for_everybody(desk: Desk) -> None:
    for review_id in ("rev_unknown", "x", "%00", "a" * 300):
        path = f"/v1/reviews/{review_id}"
        answers = [
            await desk.guest.get(path),
            await desk.buyer("acc_ada").put(f"{path}/helpful"),
            await desk.tonwerk.put(f"{path}/reply", json={"text": "Thanks"}),
            await desk.operator.post(f"{path}/reject", json={"reason": "Because"}),
        ]

        assert all(400 <= one.status_code < 500 for one in answers), [one.status_code for one in answers]
