"""What categories declare of attributes, and what products make of it."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.factories import JSON, Shop, boolean, eur, number, text, version
from catalog.test_imports import done, line, lines
from estore.contracts.catalog import CategoryChanged, CategoryDeleted
from estore.services.catalog.domain import Attribute, Declared, Product, Variant, attribute_faults, canonical

MATERIAL = text("material", "clay", "glass", required=True)


async def of_categories(shop: Shop) -> list[Any]:
    return [e for e in await shop.world.emitted("catalog") if isinstance(e, (CategoryChanged, CategoryDeleted))]


def faults(answer: httpx.Response) -> list[str]:
    return [fault["pointer"] for fault in answer.json()["errors"]]


async def change(shop: Shop, product: JSON, **body: Any) -> httpx.Response:
    return await shop.tonwerk.patch(f"/v1/products/{product['id']}", json=body, headers=version(product))


# --- declaring ----------------------------------------------------------------------------------------------


async def test_a_category_shows_what_it_declares_and_inherits(shop: Shop) -> None:
    await shop.declare("kitchen", number("capacity_ml", unit="ml"))
    await shop.declare("mugs", MATERIAL, boolean("handmade", filterable=False))
    mugs = (await shop.guest.get("/v1/categories/mugs")).json()
    tree = (await shop.guest.get("/v1/categories")).json()["data"]

    assert [(a["code"], a["kind"], a["required"], a["filterable"], a["choices"]) for a in mugs["attributes"]] == [
        ("material", "text", True, True, ["clay", "glass"]),
        ("handmade", "boolean", False, False, []),
    ]
    assert [(a["code"], a["unit"], a["category"]) for a in mugs["inherited"]] == [("capacity_ml", "ml", "kitchen")]
    assert [a["code"] for a in tree[1]["attributes"]] == ["capacity_ml"]
    assert [a["code"] for a in tree[1]["children"][0]["attributes"]] == ["material", "handmade"]


async def test_a_new_category_declares_as_well(shop: Shop) -> None:
    await shop.declare("kitchen", MATERIAL)
    body = {"name": "Jugs", "parent": "kitchen", "attributes": [number("capacity_ml")], "only_declared": True}
    made = await shop.operator.post("/v1/categories", json=body)
    contradicting = await shop.operator.post("/v1/categories", json=body | {"name": "X", "attributes": [MATERIAL]})

    assert (made.status_code, made.json()["only_declared"]) == (201, True)
    assert [a["code"] for a in made.json()["inherited"]] == ["material"]
    assert (contradicting.status_code, faults(contradicting)) == (422, ["/attributes/0/code"])


@pytest.mark.parametrize(
    ("attributes", "pointer"),
    [
        ([text("size"), number("size")], "/attributes/1/code"),
        ([text("blade-length"), text("blade_length")], "/attributes/1/code"),
        ([text("size", unit="ml")], "/attributes/0/unit"),
        ([number("size", choices=["1"])], "/attributes/0/choices"),
        ([text("size", "S", "S")], "/attributes/0/choices"),
        ([text("Size")], "/attributes/0/code"),
        ([text("s" * 41)], "/attributes/0/code"),
        ([text("size") | {"kind": "date"}], "/attributes/0/kind"),
        ([text("size") | {"searchable": True}], "/attributes/0/searchable"),
        ([text("size", "")], "/attributes/0/choices/0"),
        ([text(f"a{n}", *(f"{c:079}-" for c in range(200))) for n in range(5)], "/attributes"),
        ([text(f"a{n}") for n in range(61)], "/attributes"),
    ],
)
async def test_a_declaration_that_makes_no_sense_is_refused(shop: Shop, attributes: list[JSON], pointer: str) -> None:
    mugs = (await shop.guest.get("/v1/categories/mugs")).json()
    answer = await shop.operator.patch("/v1/categories/mugs", json={"attributes": attributes}, headers=version(mugs))

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert faults(answer)[0] in (pointer, pointer.rpartition("/")[0])
    assert (await shop.guest.get("/v1/categories/mugs")).json() == mugs


async def test_a_branch_declares_a_code_once(shop: Shop) -> None:
    mugs = await shop.declare("mugs", text("size"))
    await shop.declare("garden", number("size"))
    above = await shop.operator.patch(
        "/v1/categories/kitchen", json={"attributes": [number("size")]}, headers={"if-match": '"v1"'}
    )
    moved = await shop.operator.patch("/v1/categories/mugs", json={"parent": "garden"}, headers=version(mugs))
    around = await shop.operator.patch(
        "/v1/categories/kitchen", json={"parent": "garden"}, headers={"if-match": '"v1"'}
    )
    both = await shop.operator.patch(
        "/v1/categories/mugs", json={"parent": "garden", "attributes": [boolean("nice")]}, headers=version(mugs)
    )

    assert [a.status_code for a in (above, moved, around, both)] == [422, 422, 422, 200]
    assert [faults(a) for a in (above, moved, around)] == [["/attributes/0/code"], ["/parent"], ["/parent"]]
    assert [a["code"] for a in both.json()["inherited"]] == ["size"]


async def test_a_branch_declares_so_many_at_most(shop: Shop) -> None:
    await shop.declare("kitchen", *(text(f"k{n}") for n in range(40)))
    await shop.declare("mugs", *(text(f"m{n}") for n in range(20)))
    kitchen = (await shop.guest.get("/v1/categories/kitchen")).json()
    body = {"attributes": [text(f"k{n}") for n in range(41)]}
    more = await shop.operator.patch("/v1/categories/kitchen", json=body, headers=version(kitchen))

    assert (more.status_code, faults(more)) == (422, ["/attributes"])


async def test_two_declarations_at_once_do_not_contradict(shop: Shop) -> None:
    answers = await asyncio.gather(
        *(
            shop.operator.patch(
                f"/v1/categories/{slug}", json={"attributes": [text("size")]}, headers={"if-match": '"v1"'}
            )
            for slug in ("kitchen", "mugs")
        )
    )

    assert sorted(a.status_code for a in answers) == [200, 422]


async def test_a_repeated_request_declares_once(shop: Shop) -> None:
    body = {"name": "Jugs", "attributes": [MATERIAL]}
    first, second = [
        await shop.operator.post("/v1/categories", json=body, headers={"idempotency-key": "one"}) for _ in range(2)
    ]

    assert (first.status_code, second.status_code, first.json()) == (201, 201, second.json())
    assert [e.slug for e in await of_categories(shop)].count("jugs") == 1


async def test_others_are_told_of_the_tree_and_of_what_it_declares(shop: Shop) -> None:
    mugs = await shop.declare("mugs", number("capacity_ml", unit="ml", required=True))
    await shop.operator.patch("/v1/categories/mugs", json={"parent": "garden"}, headers=version(mugs))
    pots = (await shop.guest.get("/v1/categories/pots")).json()
    await shop.operator.delete("/v1/categories/pots", headers=version(pots))
    *made, declared, moved, deleted = await of_categories(shop)
    ids = {e.slug: e.category_id for e in made}

    assert [(e.slug, e.parent_id) for e in made] == [
        ("kitchen", None),
        ("mugs", ids["kitchen"]),
        ("pots", ids["kitchen"]),
        ("garden", None),
    ]
    assert [(a.code, a.kind, a.unit, a.filterable, a.required) for a in declared.attributes] == [
        ("capacity_ml", "number", "ml", True, True)
    ]
    assert (moved.parent_id, moved.attributes, moved.version) == (ids["garden"], declared.attributes, 3)
    assert (type(deleted), deleted.category_id, deleted.version) == (CategoryDeleted, ids["pots"], 2)


async def test_others_are_told_of_what_old_code_made(shop: Shop) -> None:
    told = len(await of_categories(shop))
    async with shop.world.service("catalog").db.transaction() as tx:
        await tx.execute(
            "INSERT INTO category (id, slug, name, parent_id, path, created_at, updated_at)"
            " VALUES ('cat_old', 'old', 'Old', NULL, '{cat_old}', now(), now())"
        )
        await tx.execute("UPDATE category SET name = 'Cups', version = version + 1 WHERE slug = 'mugs'")
    for job in shop.world.service("catalog").jobs:
        if job.name == "tell-categories":
            await job.run()
            await job.run()
    told_since = (await of_categories(shop))[told:]

    assert sorted((e.slug, e.name, e.version) for e in told_since) == [("mugs", "Cups", 2), ("old", "Old", 1)]


# --- products -----------------------------------------------------------------------------------------------


async def test_a_product_has_what_its_category_declares(shop: Shop) -> None:
    await shop.declare("kitchen", number("capacity_ml"), boolean("handmade"))
    await shop.declare("mugs", MATERIAL)
    made = await shop.product(attributes={"material": "clay", "capacity_ml": 320.0, "handmade": True, "Note": "a/b"})

    assert made["attributes"] == {"material": "clay", "capacity_ml": "320", "handmade": "true", "Note": "a/b"}


@pytest.mark.parametrize(
    ("attributes", "pointers"),
    [
        ({}, ["/attributes/material"]),
        ({"material": ""}, ["/attributes/material"]),
        ({"material": "wood"}, ["/attributes/material"]),
        ({"Material": "wood"}, ["/attributes/Material"]),
        ({"material": "clay", "capacity_ml": "much"}, ["/attributes/capacity_ml"]),
        ({"material": "clay", "capacity_ml": True}, ["/attributes/capacity_ml"]),
        ({"material": "clay", "capacity_ml": 10**15}, ["/attributes/capacity_ml"]),
        ({"material": "clay", "handmade": "perhaps"}, ["/attributes/handmade"]),
        ({"material": "x", "handmade": 1, "capacity_ml": "1,5"}, ["/attributes/capacity_ml", "/attributes/handmade"]),
    ],
)
async def test_a_product_that_differs_from_it_is_refused(shop: Shop, attributes: JSON, pointers: list[str]) -> None:
    await shop.declare("kitchen", number("capacity_ml"), boolean("handmade"))
    await shop.declare("mugs", MATERIAL)
    answer = await shop.tonwerk.post("/v1/products", json=shop.body(attributes=attributes))

    assert (answer.status_code, answer.json()["code"]) == (422, "catalog.attributes_invalid")
    assert faults(answer)[: len(pointers)] == pointers


async def test_an_option_of_its_variants_is_an_attribute(shop: Shop) -> None:
    await shop.declare("mugs", text("colour", "Oat", "Moss", required=True))
    good = await shop.tonwerk.post("/v1/products", json=shop.body())
    variants = [{"sku": "RED", "options": {"Colour": "Red"}, "price": eur(100)}]
    bad = await shop.tonwerk.post("/v1/products", json=shop.body(variants=variants))

    assert (good.status_code, bad.status_code, faults(bad)) == (201, 422, ["/variants/0/options/Colour"])


async def test_a_category_may_take_no_other_attributes(shop: Shop) -> None:
    await shop.declare("kitchen", only_declared=True)
    await shop.declare("mugs", MATERIAL)
    other = {"material": "clay", "~note/": "x"}
    answer = await shop.tonwerk.post("/v1/products", json=shop.body(attributes=other))
    elsewhere = await shop.tonwerk.post("/v1/products", json=shop.body(attributes=other, category="garden"))

    assert (answer.status_code, faults(answer)) == (422, ["/attributes/~0note~1"])
    assert elsewhere.status_code == 201


async def test_products_of_before_stay_and_comply_when_they_are_changed(shop: Shop) -> None:
    old = await shop.product(attributes={"material": "wood"})
    await shop.declare("mugs", MATERIAL)
    same = await change(shop, old, title=old["title"])
    refused = await change(shop, old, title="New")
    price = await shop.tonwerk.put(f"/v1/products/{old['id']}/variants/{old['variants'][0]['sku']}/price", json=eur(5))
    archived = await shop.tonwerk.post(f"/v1/products/{old['id']}/archive")
    again = await shop.tonwerk.post(f"/v1/products/{old['id']}/publish")
    mended = await change(shop, archived.json(), title="New", attributes={"material": "clay"})

    assert [a.status_code for a in (same, refused, price, archived, again, mended)] == [200, 422, 200, 200, 422, 200]
    assert faults(refused) == faults(again) == ["/attributes/material"]
    assert (await shop.tonwerk.post(f"/v1/products/{old['id']}/publish")).status_code == 200


async def test_a_product_that_moves_complies_with_where_it_goes(shop: Shop) -> None:
    await shop.declare("garden", number("height_cm", required=True))
    made = await shop.product()
    refused = await change(shop, made, category="garden")
    moved = await change(shop, made, category="garden", attributes={"height_cm": "12.50"})

    assert (refused.status_code, faults(refused)) == (422, ["/attributes/height_cm"])
    assert (moved.status_code, moved.json()["attributes"]) == (200, {"height_cm": "12.5"})


async def test_products_written_while_the_category_changes_are_whole(shop: Shop) -> None:
    made = [await shop.product() for _ in range(4)]
    writes = [change(shop, one, description="New") for one in made]
    declared, *answers = await asyncio.gather(shop.declare("mugs", MATERIAL), *writes)
    late = [await change(shop, one, description="Late") for one in made]
    rows = await shop.world.fetch("catalog", "SELECT id, version, description FROM product")
    found = {row["id"]: (row["version"], row["description"]) for row in rows}

    assert [a["code"] for a in declared["attributes"]] == ["material"]
    assert {a.status_code for a in answers} <= {200, 422}
    assert [found[one["id"]] for one in made] == [
        (one["version"] + 1, "New") if answer.status_code == 200 else (one["version"], one["description"])
        for one, answer in zip(made, answers, strict=True)
    ]
    assert {a.status_code for a in late} <= {412, 422}


# --- imports ------------------------------------------------------------------------------------------------


async def test_an_import_leaves_out_what_differs_from_what_is_declared(shop: Shop) -> None:
    await shop.declare("mugs", MATERIAL, number("capacity_ml"))
    variants = [{"sku": "B", "price": eur(100)}]
    good = line(attributes={"material": "clay", "capacity_ml": "320.0"})
    bad = line(slug="bad", title="Bad", variants=variants, attributes={"material": "wood", "capacity_ml": "x"})
    job = await done(shop, lines(good, bad))
    again = await done(shop, lines(good))

    assert (job["created"], job["failed"]) == (1, 1)
    assert [(e["row"], e["field"], e["code"]) for e in job["errors"]] == [
        (2, "/attributes/material", "catalog.attributes_invalid"),
        (2, "/attributes/capacity_ml", "catalog.attributes_invalid"),
    ]
    assert again["unchanged"] == 1


async def test_an_import_that_changes_nothing_or_only_archives_may_differ(shop: Shop) -> None:
    await done(shop, lines(line()))
    await shop.declare("mugs", MATERIAL)
    same = await done(shop, lines(line()))
    changed = await done(shop, lines(line(title="New")))
    archived = await done(shop, lines(line(status="archived")))

    assert (same["unchanged"], changed["failed"], archived["changed"]) == (1, 1, 1)
    assert [e["field"] for e in changed["errors"]] == ["/attributes/material"]


async def test_metafields_of_a_shopify_file_are_attributes(shop: Shop) -> None:
    await shop.declare("mugs", text("material", "clay", "glass", required=True))
    header = "Handle,Title,Type,Variant Price,Material (product.metafields.custom.material)"
    file = "\n".join((header, "a,A,Mugs,10,clay", "b,B,Mugs,10,tin")).encode()
    job = await done(shop, file, "shopify_csv")
    made = (await shop.guest.get("/v1/products/a")).json()

    assert (job["created"], job["failed"], made["attributes"]) == (1, 1, {"material": "clay"})
    assert [e["field"] for e in job["errors"]] == ["/attributes/material"]


# --- the rules alone ----------------------------------------------------------------------------------------


def product(attributes: dict[str, str], options: dict[str, str] | None = None) -> Product:
    variant = Variant(sku="A", title="A", options=tuple((options or {}).items()))
    pairs = tuple(attributes.items())
    return Product(id="p", vendor_id="v", category_id="c", slug="s", title="t", attributes=pairs, variants=(variant,))


@given(st.decimals(min_value=-(10**14), max_value=10**14, places=6, allow_nan=False, allow_infinity=False))
def test_a_number_is_kept_in_one_way_and_stays_the_same_number(value: Any) -> None:
    declared = Declared(attributes=(Attribute(code="n", name="N", kind="number"),))
    kept = canonical(product({"n": format(value, "f")}), declared)
    [(_, text_kept)] = kept.attributes

    assert value == type(value)(text_kept)
    assert canonical(kept, declared) == kept
    assert attribute_faults(kept, declared) == []
    assert not text_kept.endswith(".") and not (("." in text_kept) and text_kept.endswith("0"))


@given(st.dictionaries(st.sampled_from(["size", "Size", "colour", "x"]), st.sampled_from(["", "S", "7", "true"])))
def test_what_is_declared_decides_alone_whether_a_product_is_right(attributes: dict[str, str]) -> None:
    declared = Declared(
        attributes=(
            Attribute(code="size", name="Size", kind="number", required=True),
            Attribute(code="colour", name="Colour", kind="text", choices=("S", "7")),
        ),
        only=True,
    )
    sizes = [value for name, value in attributes.items() if name.lower() == "size"]
    right = (
        any(sizes)
        and all(size == "7" for size in sizes)
        and attributes.get("colour", "S") in ("S", "7")
        and "x" not in attributes
    )

    assert (attribute_faults(product(attributes), declared) == []) == right
