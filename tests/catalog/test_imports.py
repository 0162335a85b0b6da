"""Imports: every format, dry runs, errors row by row, cancelling, dying and going on."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from typing import Any

import httpx
import pytest

from catalog.factories import HOLZIG, JSON, TONWERK, Shop, eur
from estore.contracts.catalog import ProductArchived, ProductChanged, ProductPublished, ProductStockImported
from estore.services.catalog import store
from estore.services.catalog.jobs import ImportWork
from estore.services.catalog.service import Importer

KINDS = {"jsonl": "application/x-ndjson", "shopify_csv": "text/csv", "dummyjson": "application/json"}


def line(**values: Any) -> JSON:
    return {
        "slug": "oat-mug",
        "title": "Oat Mug",
        "category": "mugs",
        "variants": [{"sku": "OAT-1", "price": eur(2400), "stock": 5}],
    } | values


def lines(*records: JSON) -> bytes:
    return "\n".join(json.dumps(record) for record in records).encode()


def numbered(count: int, **values: Any) -> bytes:
    return lines(
        *(
            line(slug=f"mug-{n}", title=f"Mug {n}", variants=[{"sku": f"M-{n}", "price": eur(100 + n)}], **values)
            for n in range(count)
        )
    )


def shopify(*rows: dict[str, str]) -> bytes:
    columns = ["Handle", "Title", "Body (HTML)", "Vendor", "Type", "Tags", "Published", "Option1 Name", "Option1 Value"]
    columns += [
        "Option2 Name",
        "Option2 Value",
        "Variant SKU",
        "Variant Grams",
        "Variant Inventory Qty",
        "Variant Price",
    ]
    columns += ["Variant Barcode", "Image Src", "Image Alt Text", "Status"]
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def work(shop: Shop, chunk: int = 100) -> ImportWork:
    service = shop.world.service("catalog")
    return ImportWork(service.db, service.clock, Importer("EUR"), chunk=chunk)


async def send(
    shop: Shop, body: bytes, form: str = "jsonl", client: httpx.AsyncClient | None = None, query: str = ""
) -> JSON:
    client = client or shop.tonwerk
    response = await client.post(
        f"/v1/imports?format={form}{query}", content=body, headers={"content-type": KINDS[form]}
    )
    assert response.status_code == 202, response.text
    assert response.headers["location"] == f"/v1/imports/{response.json()['id']}"
    return dict(response.json())


async def done(
    shop: Shop,
    body: bytes,
    form: str = "jsonl",
    client: httpx.AsyncClient | None = None,
    query: str = "",
    chunk: int = 100,
) -> JSON:
    """Send a file, let the timer work, and return the import and its errors."""
    client = client or shop.tonwerk
    sent = await send(shop, body, form, client, query)
    await work(shop, chunk).run()
    found = (await client.get(f"/v1/imports/{sent['id']}")).json()
    errors = (await client.get(f"/v1/imports/{sent['id']}/errors?limit=100")).json()["data"]
    return dict(found) | {"errors": errors}


def counts(found: JSON) -> tuple[int, ...]:
    return tuple(found[name] for name in ("total", "done", "created", "changed", "unchanged", "failed"))


async def test_json_lines_become_products(shop: Shop) -> None:
    found = await done(shop, lines(line(), line(slug="b", title="B", status="draft", variants=[{"sku": "B"}])))
    product = (await shop.guest.get("/v1/products/oat-mug")).json()
    events = await shop.events()

    assert found["status"] == "done"
    assert counts(found) == (2, 2, 2, 0, 0, 0)
    assert product["variants"][0]["price"] == eur(2400)
    assert await shop.listed("?status=draft", shop.tonwerk) == ["B"]
    assert [type(e) for e in events] == [ProductPublished, ProductStockImported]
    assert [(level.sku, level.quantity) for level in events[1].levels] == [("OAT-1", 5)]
    assert (events[1].vendor_id, events[1].import_id) == (TONWERK, found["id"])


async def test_the_same_file_again_changes_nothing(shop: Shop) -> None:
    body = lines(line(), line(slug="b", title="B", variants=[{"sku": "B", "price": eur(1)}]))
    await done(shop, body)
    events = len(await shop.events())
    before = await shop.world.fetch("catalog", "SELECT * FROM product ORDER BY id")
    again = await done(shop, body)

    assert counts(again) == (2, 2, 0, 0, 2, 0)
    assert len(await shop.events()) == events
    assert await shop.world.fetch("catalog", "SELECT * FROM product ORDER BY id") == before


async def test_what_differs_is_changed(shop: Shop) -> None:
    await done(shop, lines(line(), line(slug="b", title="B", variants=[{"sku": "B", "price": eur(1)}])))
    changed = line(title="Oatmeal Mug", variants=[{"sku": "OAT-1", "price": eur(2400), "stock": 9}])
    found = await done(shop, lines(changed, line(slug="b", title="B", variants=[{"sku": "B", "price": eur(1)}])))
    events = (await shop.events())[3:]

    assert counts(found) == (2, 2, 0, 1, 1, 0)
    assert [type(e) for e in events] == [ProductChanged, ProductStockImported]
    assert events[1].levels[0].quantity == 9


async def test_a_dry_run_tells_all_and_changes_nothing(shop: Shop) -> None:
    body = lines(line(), line(), line(slug="c", category="nowhere"), line(slug="d", variants=[]))
    found = await done(shop, body, query="&dry_run=true")

    assert (found["status"], counts(found)) == ("done", (4, 4, 1, 0, 0, 3))
    assert [(e["row"], e["code"]) for e in found["errors"]] == [
        (2, "catalog.import_twice"),
        (2, "catalog.sku_taken"),
        (3, "catalog.sku_taken"),
        (4, "catalog.import_field"),
    ]
    assert await shop.world.fetch("catalog", "SELECT id FROM product") == []
    assert await shop.events() == []


async def test_a_dry_run_says_what_the_run_then_does(shop: Shop) -> None:
    body = lines(
        line(),
        line(slug="b", title="B", variants=[{"sku": "OAT-1", "price": eur(1)}]),
        line(slug="c", title="C", variants=[{"sku": "C", "price": {"amount": 1, "currency": "USD"}}]),
        line(slug="d", title="D", variants=[{"sku": "D"}]),
    )
    dry = await done(shop, body, query="&dry_run=true")
    real = await done(shop, body)

    assert counts(dry) == counts(real) == (4, 4, 1, 0, 0, 3)
    assert dry["errors"] == real["errors"]
    assert [(e["row"], e["code"], e["field"]) for e in real["errors"]] == [
        (2, "catalog.sku_taken", "/variants/0/sku"),
        (3, "catalog.product_invalid", "/variants/0/price/currency"),
        (4, "catalog.not_publishable", "/variants/0/price"),
    ]


@pytest.mark.parametrize(
    ("bad", "code", "field"),
    [
        (b"{", "catalog.import_not_json", ""),
        (b"[1]", "catalog.import_field", ""),
        (b"\xff\xfe{}", "catalog.import_encoding", ""),
        (b"[" * 5000, "catalog.import_not_json", ""),
        (b'{"title": "\\ud800"}', "catalog.import_not_json", ""),
        (lines(line(colour="red")), "catalog.import_field", "/colour"),
        (lines(line(title="x" * 201)), "catalog.import_field", "/title"),
        (lines(line(title="a\x00")), "catalog.import_field", "/title"),
        (lines(line(description="x" * 20_001)), "catalog.import_field", "/description"),
        (lines(line(description="x" * 1_100_000)), "catalog.import_record_too_long", ""),
        (lines(line(variants=[{"sku": "A", "price": 9.99}])), "catalog.import_field", "/variants/0/price"),
        (
            lines(line(variants=[{"sku": "A", "price": eur(1), "stock": -1}])),
            "catalog.import_field",
            "/variants/0/stock",
        ),
        (lines(line(pictures=[{"url": "http://example.com/a.jpg"}])), "catalog.product_invalid", "/pictures/0/url"),
        (lines(line(category="nowhere")), "catalog.category_unknown", "/category"),
    ],
)
async def test_a_bad_line_spoils_itself_only(open_shop: Shop, bad: bytes, code: str, field: str) -> None:
    good = lines(line(slug="good", title="Good", variants=[{"sku": "GOOD", "price": eur(1)}]))
    found = await done(
        open_shop,
        b"\xef\xbb\xbf" + good.replace(b"ood", b"reat").replace(b"GOOD", b"GREAT") + b"\r\n\r\n" + bad + b"\n" + good,
    )

    assert (found["total"], found["failed"]) == (3, 1)
    assert [(e["row"], e["code"], e["field"]) for e in found["errors"]] == [(3, code, field)]


async def test_a_slug_of_another_vendor_gets_the_vendors_name(shop: Shop) -> None:
    await done(shop, lines(line()))
    theirs = lines(line(variants=[{"sku": "HOLZ-1", "price": eur(9)}]))
    found = await done(shop, theirs, client=shop.holzig)
    again = await done(shop, theirs, client=shop.holzig)
    product = (await shop.guest.get("/v1/products/oat-mug-holzig")).json()

    assert counts(found) == (1, 1, 1, 0, 0, 0)
    assert counts(again) == (1, 1, 0, 0, 1, 0)
    assert product["vendor"]["id"] == HOLZIG


async def test_a_sku_of_another_vendor_is_refused(shop: Shop) -> None:
    await done(shop, lines(line()))
    found = await done(shop, lines(line(slug="mine")), client=shop.holzig)

    assert [(e["row"], e["code"]) for e in found["errors"]] == [(1, "catalog.sku_taken")]


async def test_what_a_file_withdraws_is_archived(shop: Shop) -> None:
    await done(shop, lines(line()))
    found = await done(shop, lines(line(status="draft")))
    again = await done(shop, lines(line(status="draft")))

    assert (counts(found), counts(again)) == ((1, 1, 0, 1, 0, 0), (1, 1, 0, 0, 1, 0))
    assert isinstance((await shop.events())[-1], ProductArchived)


async def test_operators_imports_make_missing_categories(shop: Shop) -> None:
    body = lines(
        line(category="tea-cups"), line(slug="b", category="tea-cups", variants=[{"sku": "B", "price": eur(1)}])
    )
    dry = await done(shop, body, client=shop.operator, query=f"&vendor_id={TONWERK}&dry_run=true")
    missing = await shop.guest.get("/v1/categories/tea-cups")
    found = await done(shop, body, client=shop.operator, query=f"&vendor_id={TONWERK}")

    assert counts(dry) == counts(found) == (2, 2, 2, 0, 0, 0)
    assert missing.status_code == 404
    assert (await shop.guest.get("/v1/categories/tea-cups")).json()["name"] == "Tea cups"


async def test_an_unapproved_vendors_file_may_hold_drafts(shop: Shop) -> None:
    applicant = shop.world.http("catalog", shop.world.token("acc_new", vendors={"vnd_01NEW": "owner"}))
    body = lines(line(status="draft"), line(slug="b", variants=[{"sku": "B", "price": eur(1)}]))
    found = await done(shop, body, client=applicant)

    assert counts(found) == (2, 2, 1, 0, 0, 1)
    assert found["errors"][0]["code"] == "catalog.not_publishable"


# --- Shopify ------------------------------------------------------------------------------------------------

MUG = {
    "Handle": "Classic-Mug",
    "Title": "Classic  Mug",
    "Body (HTML)": "<p>Two <b>bold</b> lines &amp; more</p><script>alert(1)</script><ul><li>one</li></ul>",
    "Vendor": "Tonwerk",
    "Type": "Mugs",
    "Tags": "clay, hand made",
    "Published": "TRUE",
    "Option1 Name": "Colour",
    "Option1 Value": "Oat",
    "Option2 Name": "Size",
    "Option2 Value": "L",
    "Variant SKU": "'0042",
    "Variant Grams": "390.0",
    "Variant Inventory Qty": "-3",
    "Variant Price": "24.90",
    "Variant Barcode": "'0123",
    "Image Src": "https://cdn.example.com/oat.jpg?v=1",
    "Image Alt Text": "Oat",
    "Status": "active",
}
MOSS = {
    "Handle": "Classic-Mug",
    "Option1 Value": "Moss",
    "Option2 Value": "L",
    "Variant SKU": "MOSS",
    "Variant Price": "25",
}
PICTURE = {"Handle": "Classic-Mug", "Image Src": "//cdn.example.com/moss.jpg"}


async def test_shopifys_rows_become_one_product(shop: Shop) -> None:
    body = shopify(MUG, MOSS | {"Variant Inventory Qty": "7"}, PICTURE)
    found = await done(shop, body, "shopify_csv")
    again = await done(shop, body, "shopify_csv")
    product = (await shop.guest.get("/v1/products/classic-mug")).json()
    levels = next(e for e in await shop.events() if isinstance(e, ProductStockImported)).levels

    assert (counts(found), counts(again)) == ((1, 1, 1, 0, 0, 0), (1, 1, 0, 0, 1, 0)), found["errors"]
    assert product["title"] == "Classic Mug"
    assert product["description"] == "Two bold lines & more\n\n- one"
    assert [(v["sku"], v["price"]["amount"], v["options"]) for v in product["variants"]] == [
        ("0042", 2490, {"Colour": "Oat", "Size": "L"}),
        ("MOSS", 2500, {"Colour": "Moss", "Size": "L"}),
    ]
    assert (product["variants"][0]["weight_grams"], product["variants"][0]["barcode"]) == (390, "0123")
    assert [p["url"] for p in product["pictures"]] == [
        "https://cdn.example.com/oat.jpg?v=1",
        "https://cdn.example.com/moss.jpg",
    ]
    assert product["attributes"]["tags"] == "clay, hand made"
    assert {level.sku: level.quantity for level in levels} == {"0042": 0, "MOSS": 7}


async def test_shopifys_rows_without_sku_get_one_that_stays(shop: Shop) -> None:
    plain = {
        "Option1 Name": "Title",
        "Option1 Value": "Default Title",
        "Option2 Name": "",
        "Option2 Value": "",
        "Variant SKU": "",
    }
    body = shopify(MUG | plain)
    await done(shop, body, "shopify_csv")
    again = await done(shop, body, "shopify_csv")
    product = (await shop.guest.get("/v1/products/classic-mug")).json()

    assert counts(again) == (1, 1, 0, 0, 1, 0)
    assert [(v["sku"], v["options"]) for v in product["variants"]] == [("TONWERK-CLASSIC-MUG", {})]


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"Variant Price": "24,90"}, "catalog.import_price", "Variant Price"),
        ({"Variant Price": "24.999"}, "catalog.import_price", "Variant Price"),
        ({"Variant Price": "NaN"}, "catalog.import_price", "Variant Price"),
        ({"Variant Price": "1e400"}, "catalog.import_price", "Variant Price"),
        ({"Variant Price": "0.00"}, "catalog.import_field", "Variant Price"),
        ({"Variant Price": ""}, "catalog.not_publishable", "Variant Price"),
        ({"Variant Grams": "heavy"}, "catalog.import_number", "Variant Grams"),
        ({"Variant SKU": "A B"}, "catalog.import_sku", "Variant SKU"),
        ({"Title": ""}, "catalog.import_title_missing", "Title"),
        ({"Handle": "茶"}, "catalog.import_handle", "Handle"),
        ({"Type": "Spoons"}, "catalog.category_unknown", "Type"),
        ({"Body (HTML)": "x" * 30_000}, "catalog.import_field", "Body (HTML)"),
        ({"Image Src": "http://example.com/a.jpg"}, "catalog.product_invalid", "Image Src"),
    ],
)
async def test_a_wrong_cell_is_named_by_its_column(
    open_shop: Shop, wrong: dict[str, str], code: str, field: str
) -> None:
    other = MUG | {"Handle": "other", "Variant SKU": "OTHER"}
    found = await done(open_shop, shopify(MUG | wrong, other), "shopify_csv")

    assert (found["total"], found["failed"]) == (2, 1), found["errors"]
    assert [(e["row"], e["code"], e["field"]) for e in found["errors"]] == [(2, code, field)]


async def test_rows_that_cannot_be_read_spoil_their_own_product_only(shop: Shop) -> None:
    good = [MUG | {"Handle": f"mug-{n}", "Title": f"Mug {n}", "Variant SKU": f"M{n}"} for n in range(4)]
    head, *rows = shopify(*good).split(b"\r\n")
    body = b"\r\n".join([
        head,
        rows[0],
        b'bad-1,"Never closed,,,,,,,,,,,,,,,,,',
        rows[1],
        b"bad-2,\xff\xfe,,,,,,,,,,,,,,,,,",
        rows[2],
        b"bad-3,too,few",
        b'bad-4,"a"b,,,,,,,,,,,,,,,,,',
        rows[3],
        b",,,,,,,,,,,,,,,,,,",
        b"mug-3,\xff,,,,,,,,,,,,,,,,,",
    ])  # fmt: skip
    found = await done(shop, body, "shopify_csv")
    expected = [
        (3, "catalog.import_quoting"),
        (5, "catalog.import_encoding"),
        (7, "catalog.import_cells"),
        (8, "catalog.import_quoting"),
        (9, "catalog.import_encoding"),
    ]

    assert [(e["row"], e["code"]) for e in found["errors"]] == expected
    assert counts(found) == (8, 8, 3, 0, 0, 5)


async def test_a_scattered_handle_is_an_error_and_loses_no_variant(shop: Shop) -> None:
    other = MUG | {"Handle": "other", "Variant SKU": "OTHER"}
    found = await done(shop, shopify(MUG, other, MOSS | {"Title": "Classic Mug", "Type": "Mugs"}), "shopify_csv")

    assert [(e["row"], e["code"]) for e in found["errors"]] == [(4, "catalog.import_twice")]


@pytest.mark.parametrize("body", [b"a,b\n1,2", "Handle,Title\n".encode("utf-16"), b'Handle,"Title', b"\n\n", b"\xff\n"])
async def test_a_file_that_is_none_fails_with_a_reason(open_shop: Shop, body: bytes) -> None:
    found = await done(open_shop, body, "shopify_csv")

    assert found["status"] == "failed"
    assert found["detail"]


async def test_semicolons_and_todays_names_of_columns_are_understood(shop: Shop) -> None:
    body = "\ufeffURL handle;Title;Type;SKU;Price;Published on online store\nbowl;Bowl;Mugs;BOWL;9.50;TRUE\n".encode()
    found = await done(shop, body, "shopify_csv")

    assert counts(found) == (1, 1, 1, 0, 0, 0), found["errors"]


# --- DummyJSON ----------------------------------------------------------------------------------------------

PHONE = {
    "id": 1,
    "title": "Essence Phone",
    "description": "A phone &amp; more",
    "category": "smart-phones",
    "price": 19.99,
    "stock": 99,
    "tags": ["phone", "new"],
    "sku": "PHO-ESS-001",
    "weight": 4,
    "dimensions": {"width": 15.14, "height": 13.08, "depth": 22.99},
    "warrantyInformation": "1 week",
    "meta": {"barcode": "5784719087687"},
    "images": ["https://cdn.example.com/1.webp"],
}


async def test_dummyjsons_items_become_products(shop: Shop) -> None:
    body = json.dumps([PHONE, PHONE | {"sku": "P2", "price": 0.1, "brand": "Apple"}]).encode()
    found = await done(shop, body, "dummyjson", shop.operator, f"&vendor_id={TONWERK}")
    again = await done(
        shop, json.dumps({"products": json.loads(body)}).encode(), "dummyjson", shop.operator, f"&vendor_id={TONWERK}"
    )
    product = (await shop.guest.get("/v1/products/essence-phone")).json()

    assert (counts(found), counts(again)) == ((2, 2, 2, 0, 0, 0), (2, 2, 0, 0, 2, 0)), found["errors"]
    assert product["variants"][0]["price"] == eur(1999)
    assert (product["brand"], product["description"]) == (None, "A phone & more")
    assert product["category"]["name"] == "Smart phones"
    assert product["attributes"]["dimensions"] == "15.14 x 13.08 x 22.99"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"nonsense", "not a JSON list"),
        (b'[{"sku": "A"}', "breaks off"),
        (b'[{"sku": }]', "not JSON"),
        (b'[{"sku": "\xff"}]', "UTF-8"),
        (b"[" + b"[" * 100_000, "nested"),
    ],
)
async def test_a_broken_list_fails_with_a_reason(open_shop: Shop, body: bytes, detail: str) -> None:
    found = await done(open_shop, body, "dummyjson")

    assert found["status"] == "failed"
    assert detail in found["detail"]


async def test_items_that_are_wrong_are_named(shop: Shop) -> None:
    items: list[Any] = [1, {"sku": "A"}, PHONE | {"price": "x", "sku": "B"}, PHONE | {"sku": "C", "stock": 1.5}]
    found = await done(shop, json.dumps(items).encode(), "dummyjson", shop.operator, f"&vendor_id={TONWERK}")

    assert [(e["row"], e["field"]) for e in found["errors"]] == [(1, ""), (2, "/price"), (3, "/price"), (4, "/stock")]


async def test_a_list_as_long_as_the_public_one_is_imported_whole(shop: Shop) -> None:
    """Eight of ten have a brand, some names are there twice, some prices end in a zero: as in the public one."""
    items = [
        PHONE
        | {
            "id": n,
            "sku": f"DUM-{n:03}",
            "title": f"Article {n % 190}",
            "price": n * 137 % 10_000 / 100,
            "stock": n % 100,
        }
        | ({"brand": f"Brand {n % 17}"} if n % 5 else {})
        | {"category": f"category-{n % 24}", "images": [f"https://cdn.example.com/{n}/{m}.webp" for m in range(n % 4)]}
        for n in range(1, 195)
    ]
    body = json.dumps({"products": items}).encode()
    found = await done(shop, body, "dummyjson", shop.operator, f"&vendor_id={TONWERK}")
    again = await done(shop, body, "dummyjson", shop.operator, f"&vendor_id={TONWERK}")

    assert (counts(found), counts(again)) == ((194, 194, 194, 0, 0, 0), (194, 194, 0, 0, 194, 0)), found["errors"]


# --- the job ------------------------------------------------------------------------------------------------


async def test_an_import_that_died_goes_on_where_it_was(shop: Shop) -> None:
    sent = await send(shop, numbered(50) + b"\n" + numbered(1))
    dying = work(shop, chunk=10)
    steps = 0
    step = dying._step

    async def dies(*args: Any) -> None:
        nonlocal steps
        steps += 1
        if steps == 3:
            raise asyncio.CancelledError
        await step(*args)

    dying._step = dies  # type: ignore[method-assign]
    with pytest.raises(asyncio.CancelledError):
        await dying.run()
    half = (await shop.tonwerk.get(f"/v1/imports/{sent['id']}")).json()
    await work(shop).run()
    waiting = (await shop.tonwerk.get(f"/v1/imports/{sent['id']}")).json()
    await expire(shop)
    await work(shop, chunk=7).run()
    found = (await shop.tonwerk.get(f"/v1/imports/{sent['id']}")).json()

    assert counts(half) == counts(waiting) == (51, 20, 20, 0, 0, 0)
    assert (found["status"], counts(found)) == ("done", (51, 51, 50, 0, 0, 1))
    assert len([e for e in await shop.events() if isinstance(e, ProductPublished)]) == 50


async def expire(shop: Shop) -> None:
    """Let the claim of a process that died run out."""
    async with shop.world.service("catalog").db.transaction() as tx:
        await tx.execute("UPDATE import_job SET claimed_until = now() - interval '1 second'")


async def test_two_workers_with_the_same_import_do_it_once(shop: Shop) -> None:
    sent = await send(shop, numbered(60))
    one, other = work(shop, chunk=5), work(shop, chunk=5)
    first = asyncio.create_task(one.run())
    await asyncio.sleep(0.05)
    await expire(shop)
    await asyncio.gather(first, other.run())
    found = (await shop.tonwerk.get(f"/v1/imports/{sent['id']}")).json()

    assert counts(found) == (60, 60, 60, 0, 0, 0)
    assert len(await shop.world.fetch("catalog", "SELECT id FROM product")) == 60


async def test_a_cancelled_import_stops(shop: Shop) -> None:
    sent = await send(shop, numbered(30))
    foreign = await shop.holzig.post(f"/v1/imports/{sent['id']}/cancel")
    answer = await shop.tonwerk.post(f"/v1/imports/{sent['id']}/cancel")
    again = await shop.tonwerk.post(f"/v1/imports/{sent['id']}/cancel")
    await work(shop).run()
    finished = await done(shop, numbered(1))
    late = await shop.tonwerk.post(f"/v1/imports/{finished['id']}/cancel")

    assert (foreign.status_code, answer.json()["status"], again.status_code, late.status_code) == (
        404,
        "cancelled",
        200,
        409,
    )
    assert len(await shop.world.fetch("catalog", "SELECT id FROM product")) == 1


async def test_an_import_is_cancelled_between_two_chunks(shop: Shop) -> None:
    sent = await send(shop, numbered(30))
    working = work(shop, chunk=10)
    step = working._step

    async def cancels(job: Any, at: int, *rest: Any) -> None:
        if at == 10:
            await shop.tonwerk.post(f"/v1/imports/{sent['id']}/cancel")
        await step(job, at, *rest)

    working._step = cancels  # type: ignore[method-assign]
    await working.run()
    found = (await shop.tonwerk.get(f"/v1/imports/{sent['id']}")).json()

    assert (found["status"], counts(found)) == ("cancelled", (30, 10, 10, 0, 0, 0))


async def test_a_sku_that_is_taken_meanwhile_is_an_error_of_its_row(shop: Shop) -> None:
    importer, taken = Importer("EUR"), []
    known = importer._known

    async def late(*args: Any) -> Any:
        found = await known(*args)
        if not taken:
            taken.append(await shop.draft(shop.holzig, variants=[{"sku": "M-1", "price": eur(1)}]))
        return found

    importer._known = late  # type: ignore[method-assign]
    sent = await send(shop, numbered(3))
    service = shop.world.service("catalog")
    await ImportWork(service.db, service.clock, importer, chunk=10).run()
    found = (await shop.tonwerk.get(f"/v1/imports/{sent['id']}")).json()

    assert counts(found) == (3, 3, 2, 0, 0, 1)


async def test_the_same_key_and_file_start_one_import(shop: Shop) -> None:
    async def post(body: bytes) -> httpx.Response:
        head = {"content-type": KINDS["jsonl"], "idempotency-key": "k1"}
        return await shop.tonwerk.post("/v1/imports?format=jsonl", content=body, headers=head)

    first, again, other = await post(numbered(2)), await post(numbered(2)), await post(numbered(3))

    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert other.status_code == 422


async def test_others_see_no_import_of_a_vendor(shop: Shop) -> None:
    sent = await send(shop, numbered(1))
    paths = (f"/v1/imports/{sent['id']}", f"/v1/imports/{sent['id']}/errors")
    foreign = [(await shop.holzig.get(path)).status_code for path in paths]
    lists = [len((await c.get("/v1/imports")).json()["data"]) for c in (shop.tonwerk, shop.holzig, shop.operator)]

    assert foreign == [404, 404]
    assert lists == [1, 0, 1]


async def test_errors_have_pages(shop: Shop) -> None:
    found = await done(shop, b"\n".join([b"{"] * 5))
    url, rows = f"/v1/imports/{found['id']}/errors?limit=2", []
    while url:
        response = await shop.tonwerk.get(url)
        rows += [e["row"] for e in response.json()["data"]]
        url = response.headers.get("link", "").partition(">")[0].removeprefix("<")

    assert rows == [1, 2, 3, 4, 5]


async def test_bad_uploads_are_refused(shop: Shop) -> None:
    async def post(query: str, kind: str, body: bytes = b"{}", client: httpx.AsyncClient | None = None) -> int:
        head = {"content-type": kind} if kind else {}
        return (await (client or shop.tonwerk).post(f"/v1/imports{query}", content=body, headers=head)).status_code

    assert await post("?format=jsonl", "application/x-ndjson", b"") == 400
    assert await post("?format=jsonl", "text/csv") == 415
    assert await post("?format=jsonl", "") == 415
    assert await post("?format=xml", "text/csv") == 400
    assert await post("", "text/csv") == 400
    assert await post(f"?format=jsonl&vendor_id={HOLZIG}", "application/x-ndjson") == 404
    assert await post("?format=jsonl", "application/x-ndjson", client=shop.guest) == 401
    assert await post("?format=jsonl", "application/x-ndjson", client=shop.operator) == 422
    assert await post("?format=jsonl", "application/x-ndjson", b"x" * (65 * 1024 * 1024)) == 413


async def test_files_that_nobody_needs_are_deleted(shop: Shop) -> None:
    await done(shop, numbered(1))
    cancelled = await send(shop, numbered(1))
    await shop.tonwerk.post(f"/v1/imports/{cancelled['id']}/cancel")
    waiting = await send(shop, numbered(1))
    shop.world.clock.advance(minutes=11)
    (tidy,) = [job for job in shop.world.service("catalog").jobs if job.name == "tidy-imports"]
    await tidy.run()
    rows = await shop.world.fetch("catalog", "SELECT j.id FROM upload u JOIN import_job j ON j.upload_id = u.id")

    assert rows == [{"id": waiting["id"]}]
    assert len(await shop.world.fetch("catalog", "SELECT id FROM upload")) == 1


async def test_a_large_file_is_imported_in_a_few_statements_per_chunk(shop: Shop) -> None:
    found = await done(shop, numbered(1000), chunk=500)
    async with shop.world.service("catalog").db.read() as tx:
        listed = await store.listed_after(tx, "", 5000)

    assert counts(found) == (1000, 1000, 1000, 0, 0, 0)
    assert len(listed) == 1000
