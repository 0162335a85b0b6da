"""Read models and quotes: what can be bought, and for how much, whatever the order in which it was heard."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from estore.contracts.cart import CartChanged, CartLine
from estore.contracts.catalog import NewPrice, PriceChanged, ProductArchived, ProductChanged
from estore.contracts.vendors import VendorPlanChanged, VendorSuspended
from estore.kit.db import statements
from estore.kit.money import Money
from estore.kit.settings import SettingError
from estore.services.orders.app import load_tables
from estore.services.orders.store import copy_offers
from orders.factories import Shop, approved, key, product, published, variant

OFFERS = """
SELECT sku, product_id, vendor_id, title, price, tax_class, weight_grams, status FROM offer WHERE product_id = 'prd_9'
ORDER BY sku
"""


async def quote(shop: Shop, *lines: tuple[str, int], **values: Any) -> Any:
    body = {
        "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines],
        "shipping_address": {"country": "DE"},
    }
    return await shop.guest.post("/v1/quotes", json=body | values)


async def test_a_quote_is_what_an_order_will_cost(shop: Shop) -> None:
    await quote(shop, ("MUG", 1))
    with statements(at_most=1):
        answer = await quote(shop, ("MUG", 1), ("BOOK", 2), ("MUG", 1), ("LAMP", 1))

    quoted = answer.json()
    assert answer.status_code == 200, answer.text
    assert [line["quantity"] for line in quoted["lines"]] == [1, 2, 1, 1]
    assert [(p["vendor_id"], p["lines"], p["shipping"]["amount"]) for p in quoted["parcels"]] == [
        ("vnd_1", [0, 1, 2], 0),
        ("vnd_2", [3], 0),
    ]
    order = await shop.place(("MUG", 1), ("BOOK", 2), ("MUG", 1), ("LAMP", 1), expected_total=quoted["expected_total"])
    assert order["totals"] == quoted["totals"]


async def test_every_line_that_cannot_be_bought_is_pointed_at(standing_shop: Shop) -> None:
    answer = await quote(standing_shop, ("NOPE", 1), ("MUG", 1), ("GONE", 1))

    assert answer.json()["code"] == "orders.not_sellable"
    assert [e["pointer"] for e in answer.json()["errors"]] == ["/lines/0/sku", "/lines/2/sku"]


@pytest.mark.parametrize(
    ("values", "status", "pointer"),
    [
        ({"shipping_address": {}}, 422, "/shipping_address/country"),
        ({"shipping_address": {"country": "DE\n"}}, 422, "/shipping_address/country"),
        ({"lines": [{"sku": "MUG\n", "quantity": 1}]}, 422, "/lines/0/sku"),
        ({"shipping_address": {"country": "de"}}, 422, "/shipping_address/country"),
        ({"shipping_address": {"country": "QQ"}}, 422, "/shipping_address/country"),
        ({"shipping_method": "EXPRESS"}, 422, "/shipping_method"),
        ({"shipping_method": "drone"}, 422, "/shipping_method"),
        ({"promotion_codes": ["A B"]}, 422, "/promotion_codes/0"),
        ({"lines": [{"sku": "MUG"}]}, 422, "/lines/0/quantity"),
        ({"lines": [{"sku": "MUG", "quantity": -1}]}, 422, "/lines/0/quantity"),
    ],
)
async def test_a_wrong_quote_is_pointed_at(
    standing_shop: Shop, values: dict[str, Any], status: int, pointer: str
) -> None:
    answer = await quote(standing_shop, ("MUG", 1), **values)

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (status, pointer)


async def test_events_of_a_product_end_the_same_in_any_order(shop: Shop) -> None:
    events = [
        published("prd_9", variant("A", 100), variant("B", 200)),
        PriceChanged(product_id="prd_9", prices=(NewPrice("A", Money(111, "EUR")),), version=2),
        ProductChanged(
            product_id="prd_9", product=product("prd_9", variant("A", 111), variant("C", 300), title="New"), version=3
        ),
        PriceChanged(
            product_id="prd_9", prices=(NewPrice("A", Money(144, "EUR")), NewPrice("C", Money(333, "EUR"))), version=4
        ),
    ]
    ends = set()
    for order in itertools.permutations(events):
        async with shop.world.service("orders").db.transaction() as tx:
            await tx.execute("DELETE FROM offer WHERE product_id = 'prd_9'")
            await tx.execute("DELETE FROM product_heard WHERE product_id = 'prd_9'")
        await shop.hear(*order, *order)
        rows = await shop.world.fetch("orders", OFFERS)
        ends.add(tuple((row["sku"], row["title"], row["price"], row["status"]) for row in rows if row["sku"] != "B"))
        assert [row["status"] for row in rows if row["sku"] == "B"] in ([], ["archived"])

    assert ends == {(("A", "New", 144, "active"), ("C", "New", 333, "active"))}


async def test_a_product_archived_before_it_was_heard_of_stays_so(shop: Shop) -> None:
    await shop.hear(ProductArchived(product_id="prd_9", skus=("A",), version=2), published("prd_9", variant("A")))

    assert (await quote(shop, ("A", 1))).status_code == 422


async def test_a_batch_of_products_costs_as_many_statements_as_one(shop: Shop) -> None:
    with statements() as single:
        await shop.world.deliver_batch("orders", [published("prd_9", variant("A0"))])
    with statements(at_most=single.count):
        await shop.world.deliver_batch("orders", [published(f"prd_{n}", variant(f"A{n}")) for n in range(10, 60)])

    assert (await quote(shop, ("A0", 1), ("A59", 1))).status_code == 200


@pytest.mark.parametrize("turned", [False, True])
async def test_vendors_sell_while_they_are_approved(shop: Shop, turned: bool) -> None:
    events = [VendorSuspended(vendor_id="vnd_1", reason="no", version=2), approved("vnd_1", 900, version=3)]
    await shop.hear(*(reversed(events) if turned else events))
    assert (await quote(shop, ("MUG", 1))).status_code == 200

    await shop.hear(VendorSuspended(vendor_id="vnd_1", reason="no", version=4), approved("vnd_1", 900, version=3))
    assert (await quote(shop, ("MUG", 1))).status_code == 422


async def test_a_new_plan_counts_for_new_orders(shop: Shop) -> None:
    await shop.place()
    await shop.hear(VendorPlanChanged(vendor_id="vnd_1", commission_bps=2000, version=5))
    await shop.hear(VendorPlanChanged(vendor_id="vnd_1", commission_bps=100, version=4))
    await shop.place()

    rows = await shop.world.fetch("orders", "SELECT commission FROM order_line ORDER BY order_id")
    assert [row["commission"] for row in rows] == [300, 480]


async def test_offers_of_the_large_seed_can_be_bought(shop: Shop) -> None:
    rows = [
        (f"S{n}", f"prd_s{n}", "vnd_1", f"Thing {n}", 100 + n, "EUR", "standard", 200, "home/things")
        for n in range(1000)
    ]
    async with shop.world.service("orders").db.transaction() as tx:
        await copy_offers(tx, rows)

    assert (await quote(shop, ("S0", 1), ("S999", 1))).json()["totals"]["items"]["amount"] == 1199


def test_wrong_tables_stop_the_start_with_one_line(tmp_path: Any) -> None:
    wrong = tmp_path / "tables.toml"
    wrong.write_text("currency = 1")
    for path, currency, part in (
        (str(wrong), "EUR", "currency"),
        ("/nowhere.toml", "EUR", "nowhere"),
        ("", "JPY", "JPY"),
    ):
        with pytest.raises(SettingError) as caught:
            load_tables(path, currency)
        assert part in str(caught.value)
        assert str(caught.value).startswith("ESTORE_ORDERS_TABLES")
        assert "\n" not in str(caught.value)


async def test_carts_that_nobody_touches_are_forgotten(shop: Shop) -> None:
    lines = (CartLine(sku="MUG", quantity=1),)

    def cart(name: str, account_id: str | None, *content: CartLine, version: int = 1) -> CartChanged:
        secret = None if account_id else "00"
        return CartChanged(cart_id=name, account_id=account_id, secret_hash=secret, lines=content, version=version)

    await shop.hear(
        cart("crt_guest", None, *lines),
        cart("crt_kept", "acc_1", *lines),
        cart("crt_empty", "acc_2"),
        cart("crt_back", None, *lines),
    )
    shop.world.clock.advance(days=44)
    await shop.hear(cart("crt_back", None, *lines, version=2))
    left = []
    for _ in range(2):
        for job in shop.world.service("orders").jobs:
            await job.run()
        rows = await shop.world.fetch("orders", "SELECT cart_id FROM cart ORDER BY 1")
        left.append([row["cart_id"] for row in rows])
        shop.world.clock.advance(days=2)

    assert left == [["crt_back", "crt_empty", "crt_guest", "crt_kept"], ["crt_back", "crt_kept"]]
    gone = await shop.guest.post("/v1/orders", json=shop.body(lines=None, cart_id="crt_guest"), headers=key())
    assert gone.json()["code"] == "orders.cart_unknown"
