"""The tree of categories."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from catalog.factories import Shop, version
from estore.contracts.catalog import ProductChanged, ProductPublished
from estore.services.catalog.domain import MAX_DEPTH, Category, CategoryCycle, CategoryLimit, placed


async def test_the_tree_is_read_whole_and_one_by_one(shop: Shop) -> None:
    tree = (await shop.guest.get("/v1/categories")).json()["data"]
    mugs = (await shop.guest.get("/v1/categories/mugs")).json()
    kitchen = (await shop.guest.get("/v1/categories/kitchen")).json()

    assert {c["slug"]: [k["slug"] for k in c["children"]] for c in tree} == {"kitchen": ["mugs", "pots"], "garden": []}
    assert [c["slug"] for c in mugs["path"]] == ["kitchen", "mugs"]
    assert [c["slug"] for c in kitchen["children"]] == ["mugs", "pots"]


async def test_siblings_stand_in_their_order(shop: Shop) -> None:
    garden = (await shop.guest.get("/v1/categories/garden")).json()
    kitchen = (await shop.guest.get("/v1/categories/kitchen")).json()
    await shop.operator.patch("/v1/categories/kitchen", json={"position": 2}, headers=version(kitchen))
    await shop.operator.patch("/v1/categories/garden", json={"position": 1}, headers=version(garden))
    tree = (await shop.guest.get("/v1/categories")).json()["data"]

    assert [c["slug"] for c in tree] == ["garden", "kitchen"]


async def test_a_category_cannot_lie_within_itself(shop: Shop) -> None:
    kitchen = (await shop.guest.get("/v1/categories/kitchen")).json()
    under_child = await shop.operator.patch("/v1/categories/kitchen", json={"parent": "mugs"}, headers=version(kitchen))
    under_self = await shop.operator.patch(
        "/v1/categories/kitchen", json={"parent": "kitchen"}, headers=version(kitchen)
    )

    assert [a.json()["code"] for a in (under_child, under_self)] == ["catalog.category_cycle"] * 2


async def test_two_moves_at_once_make_no_cycle(shop: Shop) -> None:
    a, b = await shop.category("A"), await shop.category("B")
    answers = await asyncio.gather(
        shop.operator.patch("/v1/categories/a", json={"parent": "b"}, headers=version(a)),
        shop.operator.patch("/v1/categories/b", json={"parent": "a"}, headers=version(b)),
    )

    assert sorted(x.status_code for x in answers) == [200, 409]


async def test_moving_takes_all_below_along_and_tells_the_others(shop: Shop) -> None:
    await shop.product(title="Mug", category="mugs")
    await shop.draft(title="Draft", category="mugs")
    kitchen = (await shop.guest.get("/v1/categories/kitchen")).json()
    moved = await shop.operator.patch("/v1/categories/kitchen", json={"parent": "garden"}, headers=version(kitchen))
    await shop.settle()
    events = await shop.events()

    assert [c["slug"] for c in moved.json()["path"]] == ["garden", "kitchen"]
    assert await shop.listed("?category=garden") == ["Mug"]
    assert [type(e) for e in events] == [ProductPublished, ProductChanged]
    assert events[1].product.category_path == ("garden", "kitchen", "mugs")
    assert events[1].version > events[0].version


async def test_moving_back_to_the_root(shop: Shop) -> None:
    mugs = (await shop.guest.get("/v1/categories/mugs")).json()
    moved = await shop.operator.patch("/v1/categories/mugs", json={"parent": None}, headers=version(mugs))

    assert moved.json()["parent_id"] is None
    assert moved.json()["version"] == mugs["version"] + 1


async def test_renaming_keeps_the_slug_unique(shop: Shop) -> None:
    mugs = (await shop.guest.get("/v1/categories/mugs")).json()
    taken = await shop.operator.patch("/v1/categories/mugs", json={"slug": "pots"}, headers=version(mugs))
    again = await shop.operator.post("/v1/categories", json={"name": "Pots"})
    nameless = await shop.operator.post("/v1/categories", json={"name": "茶碗"})
    renamed = await shop.operator.patch(
        "/v1/categories/mugs", json={"name": "Cups", "slug": "cups"}, headers=version(mugs)
    )

    assert [a.status_code for a in (taken, again, nameless, renamed)] == [409, 409, 422, 200]
    assert (await shop.guest.get("/v1/categories/mugs")).status_code == 404


async def test_only_an_empty_category_is_deleted(shop: Shop) -> None:
    await shop.draft(category="pots")
    answers = []
    for slug in ("kitchen", "pots", "mugs"):
        found = (await shop.guest.get(f"/v1/categories/{slug}")).json()
        answers.append((await shop.operator.delete(f"/v1/categories/{slug}", headers=version(found))).status_code)

    assert answers == [409, 409, 204]


async def test_only_operators_change_the_tree(shop: Shop) -> None:
    mugs = (await shop.guest.get("/v1/categories/mugs")).json()
    answers = [
        await shop.tonwerk.post("/v1/categories", json={"name": "Mine"}),
        await shop.tonwerk.patch("/v1/categories/mugs", json={"name": "Mine"}, headers=version(mugs)),
        await shop.guest.delete("/v1/categories/mugs", headers=version(mugs)),
        await shop.operator.patch("/v1/categories/mugs", json={"name": "Mine"}),
        await shop.operator.patch("/v1/categories/mugs", json={"name": "Mine"}, headers={"if-match": '"v99"'}),
        await shop.operator.post("/v1/categories", json={"name": "Mine", "parent": "nowhere"}),
    ]

    assert [a.status_code for a in answers] == [403, 403, 401, 428, 412, 422]


async def test_the_tree_is_not_too_deep(shop: Shop) -> None:
    parent = "mugs"
    for depth in range(3, MAX_DEPTH + 1):
        parent = (await shop.category(f"Level {depth}", parent))["slug"]
    too_deep = await shop.operator.post("/v1/categories", json={"name": "Deeper", "parent": parent})
    kitchen = (await shop.guest.get("/v1/categories/kitchen")).json()
    moved = await shop.operator.patch("/v1/categories/kitchen", json={"parent": "garden"}, headers=version(kitchen))

    assert (too_deep.status_code, moved.json()["code"]) == (409, "catalog.category_limit")


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=30))
def test_no_moves_whatever_make_a_cycle(moves: list[tuple[int, int]]) -> None:
    parents: dict[int, int | None] = dict.fromkeys(range(8))

    def path(node: int) -> tuple[str, ...]:
        above = parents[node]
        return (*(path(above) if above is not None else ()), f"c{node}")

    def category(node: int) -> Category:
        return Category(id=f"c{node}", slug=f"c{node}", name="x", path=path(node))

    for node, parent in moves:
        try:
            moved = placed(category(node), category(parent))
        except (CategoryCycle, CategoryLimit):
            continue
        parents[node] = parent

        assert moved.path == path(node)
        assert len(set(moved.path)) == len(moved.path)
