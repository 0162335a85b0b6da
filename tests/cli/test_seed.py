"""The seeds: a demo marketplace that the store's own use cases make, and catalogues of any size."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from estore.cli import doctor
from estore.cli.compose import SERVICES, build
from estore.cli.seed import DEMO_LOGINS, DEMO_PASSWORD, OPERATOR, SeedFailed, bulk, command, purchases
from estore.cli.seed.api import eventually
from estore.cli.seed.command import Options, Summary, opened, seed
from estore.cli.seed.files import FOLDER, demo, synonyms, word_lists
from estore.cli.seed.generate import MAX_SEED, Catalogue, generate
from estore.contracts.inventory import StockAvailabilityChanged
from estore.kit.bus import base
from estore.kit.bus.base import Subscription
from estore.kit.context import system_context
from estore.kit.db import Tx
from estore.kit.service import Job, Service
from estore.kit.settings import SettingError, Settings
from support.databases import Databases
from support.waiting import until
from support.world import migrate_services, settings_for

DEMO = demo()
STATE = {
    ("pm_ok", "none"): "confirmed",
    ("pm_ok", "ship"): "shipped",
    ("pm_ok", "deliver"): "delivered",
    ("pm_ok", "ship_partly"): "partly_shipped",
    ("pm_ok", "ship_some"): "partly_shipped",
    ("pm_ok", "settle"): "delivered",
    ("pm_ok", "return"): "delivered",
    ("pm_ok", "ask_return"): "delivered",
    ("pm_ok", "goodwill"): "delivered",
    ("pm_disputed", "deliver"): "delivered",
    ("pm_ok", "cancel"): "cancelled",
    ("pm_declined", "none"): "cancelled",
    ("pm_requires_action", "none"): "awaiting_payment",
}
# A job completes what nobody can return any more; it may not have come to it yet.
SOON = {"completed": "delivered"}
GIVEN_BACK = {"return", "goodwill"}
MONEY = {
    ("delivered", "pm_disputed"): "captured",
    ("confirmed", "pm_ok"): "captured",
    ("shipped", "pm_ok"): "captured",
    ("delivered", "pm_ok"): "captured",
    ("partly_shipped", "pm_ok"): "captured",
    ("cancelled", "pm_ok"): "refunded",
    ("cancelled", "pm_declined"): "failed",
    ("awaiting_payment", "pm_requires_action"): "requires_action",
}
QUIET = Options(quiet=True)


def cheap(dsn: str) -> Settings:
    """Settings in which a password hash costs next to nothing."""
    quick = {"ESTORE_IDENTITY_ARGON2_MEMORY": "8", "ESTORE_IDENTITY_ARGON2_PASSES": "1"}
    return settings_for(dsn, SERVICES, ESTORE_LOG_LEVEL="error", **quick)


async def migrated(dsn: str) -> None:
    await migrate_services(dsn, SERVICES)


async def sown(dsn: str) -> None:
    await migrated(dsn)
    await seed(cheap(dsn), QUIET)


@pytest.fixture
async def empty(databases: Databases) -> AsyncIterator[Settings]:
    dsn = await databases.fresh(await databases.template("all services", migrated))
    yield cheap(dsn)
    await databases.drop(dsn)


@pytest.fixture
async def marketplace(databases: Databases) -> AsyncIterator[Settings]:
    """A store with the demo marketplace, seeded once for all tests."""
    dsn = await databases.fresh(await databases.template("demo marketplace", sown))
    yield cheap(dsn)
    await databases.drop(dsn)


@pytest.fixture
def late_approvals(empty: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalog hears that shops may sell when one has tried to already."""
    real = base.handle

    async def late(subscription: Subscription, *given: Any) -> Any:
        async def tried() -> bool:
            return bool(await fetch(empty, "SELECT 1 FROM catalog.import_job WHERE failed > 0"))

        if subscription.queue == "catalog.vendors":
            await until("a shop has tried to sell", tried)
        return await real(subscription, *given)

    monkeypatch.setattr(base, "handle", late)


async def fetch(settings: Settings, sql: str, *values: object) -> list[asyncpg.Record]:
    conn = await asyncpg.connect(settings.database_url)
    try:
        return await conn.fetch(sql, *values)
    finally:
        await conn.close()


async def counts(settings: Settings) -> dict[str, int]:
    """Rows by table, but for sessions, keys, looks at unsettled payments, and what only messages leave behind.

    Nor disputes, which a bank opens some seconds later, nor what the index is still to be told of, nor the sums of
    promotions, which a timer adds up.

    The ledger's are not counted: its jobs add up days and seal blocks of what is there, whenever a process runs.
    """
    tables = await fetch(
        settings,
        "SELECT table_schema || '.' || table_name AS name FROM information_schema.tables WHERE table_schema = ANY($1)"
        " AND table_name NOT IN ('session', 'attempt', 'outbox', 'once', 'delivery', 'signing_key', 'trusted_key',"
        " 'key_set', 'payment_history', 'sandbox_dispute', 'sandbox_webhook', 'dispute', 'pending', 'sold',"
        " 'promotion_sum')",
        [service for service in SERVICES if service != "ledger"],
    )
    return {row["name"]: (await fetch(settings, f"SELECT count(*) FROM {row['name']}"))[0][0] for row in tables}


async def broken(settings: Settings) -> list[tuple[str, str, Any]]:
    findings = await doctor.examine(settings, grace=timedelta(0))
    assert len(findings) > len(SERVICES)
    return [(f.service, f.name, f.broken) for f in findings if not f.holds]


# --- the demo marketplace -----------------------------------------------------------------------------------------


async def test_everything_in_the_files_is_in_the_store(marketplace: Settings) -> None:
    there = await counts(marketplace)
    members = sum(len(vendor.members) for vendor in DEMO.vendors)

    assert there["identity.account"] == 1 + members + len(DEMO.customers)
    assert there["identity.address"] == sum(len(customer.addresses) for customer in DEMO.customers)
    assert (there["vendors.vendor"], there["vendors.member"]) == (len(DEMO.vendors), members)
    assert there["catalog.category"] == len(DEMO.categories)
    assert there["catalog.product"] == len(DEMO.products)
    variants = sum(len(product.variants) for product in DEMO.products)
    assert (
        there["catalog.variant"] == there["inventory.sku"] == there["orders.offer"] == there["cart.offer"] == variants
    )
    assert there["orders.purchase_order"] == len(DEMO.orders)
    assert there["reviews.review"] == len(DEMO.reviews)
    assert there["reviews.vote"] == sum(len(review.helpful_to) for review in DEMO.reviews)


async def test_the_operators_synonyms_are_those_of_the_file(marketplace: Settings) -> None:
    [row] = await fetch(marketplace, "SELECT body, version FROM search.vocabulary WHERE name = 'synonyms'")

    assert json.loads(row["body"]) == synonyms()["groups"]
    assert row["version"] == 2


async def test_every_piece_in_the_files_was_received_where_the_file_says(marketplace: Settings) -> None:
    rows = await fetch(
        marketplace,
        "SELECT m.sku, l.code, m.delta FROM inventory.movement m JOIN inventory.location l ON l.id = m.location_id"
        " WHERE m.kind = 'received'",
    )

    received = {(row["sku"], row["code"]): row["delta"] for row in rows}
    assert len(rows) == len(received)
    assert received == {
        (variant.sku, code): quantity
        for product in DEMO.products
        for variant in product.variants
        for code, quantity in variant.stock.items()
        if quantity
    }


async def test_every_purchase_is_in_the_state_that_its_script_says(marketplace: Settings) -> None:
    rows = await fetch(
        marketplace,
        "SELECT o.email, o.status, o.payment_status, o.payment_method, o.shipping_method,"
        " (SELECT jsonb_agg(jsonb_build_object('sku', l.sku, 'quantity', l.quantity)) FROM orders.order_line l"
        "  WHERE l.order_id = o.order_id)::text AS lines FROM orders.purchase_order o",
    )

    played = Counter(
        (
            r["email"],
            purchases.signature(json.loads(r["lines"])),
            r["shipping_method"],
            r["payment_method"],
            SOON.get(r["status"], r["status"]),
            r["payment_status"],
        )
        for r in rows
    )
    scripts = Counter(
        (
            order.customer,
            purchases.signature([{"sku": line.sku, "quantity": line.quantity} for line in order.lines]),
            order.shipping_method,
            order.payment_method,
            STATE[order.payment_method, order.then],
            "partially_refunded"
            if order.then in GIVEN_BACK
            else MONEY[STATE[order.payment_method, order.then], order.payment_method],
        )
        for order in DEMO.orders
    )
    assert played == scripts


async def test_promotions_are_there_and_used_by_the_purchases_that_name_them(marketplace: Settings) -> None:
    made = await fetch(marketplace, "SELECT body->>'title' AS title, status FROM orders.promotion")
    codes = await fetch(marketplace, "SELECT code FROM orders.promotion_code")
    used = await fetch(
        marketplace, "SELECT code, amount, platform FROM orders.promotion_use WHERE released_at IS NULL ORDER BY code"
    )

    assert {row["title"]: row["status"] for row in made} == {p.rules["title"]: "active" for p in DEMO.promotions}
    assert {row["code"] for row in codes} == {code for p in DEMO.promotions for code in p.codes}
    named = Counter(code for order in DEMO.orders for code in order.promotion_codes)
    assert Counter(row["code"] for row in used if row["code"]) == named
    # One of four bags of coffee, half of it borne by the marketplace; 15 % of three pots, borne by their maker.
    assert [(row["code"], row["amount"], row["platform"]) for row in used][:2] == [("", 990, 495), ("POTS15", 1751, 0)]


async def test_vendors_were_paid_what_they_asked_for_and_returns_wait_for_an_answer(marketplace: Settings) -> None:
    async with opened(marketplace) as (_, api):
        payouts = (await api.get("/v1/payouts", by=OPERATOR))["data"]
        returns = (await api.get("/v1/returns", by=OPERATOR))["data"]
        vendors = {row["id"]: row["slug"] async for row in api.pages("/v1/vendors", by=OPERATOR)}

    # On Mondays a timer pays out as well, soon after a process has started.
    asked = [payout for payout in payouts if not payout["scheduled"]]
    paid = {vendors[payout["vendor_id"]]: (payout["amount"]["amount"], payout["status"]) for payout in asked}
    assert paid == {vendor.slug: (vendor.payout, "paid") for vendor in DEMO.vendors if vendor.payout}
    wanted = Counter("requested" if o.then == "ask_return" else "refunded" for o in DEMO.orders if "return" in o.then)
    assert Counter(row["status"] for row in returns) == wanted


async def test_when_it_returns_nothing_is_on_its_way_and_every_sum_is_right(marketplace: Settings) -> None:
    for service in SERVICES:
        assert await fetch(marketplace, f"SELECT * FROM {service}.outbox WHERE published_at IS NULL") == []
        assert await fetch(marketplace, f"SELECT * FROM {service}.delivery") == []

    assert await broken(marketplace) == []


async def test_a_timer_that_rings_until_the_end_leaves_nothing_on_its_way(
    empty: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung, real = 0, base.handle

    async def slow(subscription: Subscription, *given: Any) -> Any:
        await asyncio.sleep(0.2)
        return await real(subscription, *given)

    def ringing(settings: Settings) -> list[Service]:
        services = build(settings)
        [inventory] = [service for service in services if service.name == "inventory"]

        async def ring() -> None:
            nonlocal rung
            rung += 1
            async with inventory.db.transaction() as tx:
                tx.emit(StockAvailabilityChanged(sku="MUG", available=1, version=rung), system_context())

        inventory.jobs = (*inventory.jobs, Job("rings", 0.001, ring))
        return services

    async def often() -> bool:
        return rung > 20

    monkeypatch.setattr(base, "handle", slow)
    monkeypatch.setattr(command, "build", ringing)
    async with opened(empty):
        await until("it has rung", often)

    assert await fetch(empty, "SELECT * FROM inventory.outbox WHERE published_at IS NULL") == []
    for service in SERVICES:
        assert await fetch(empty, f"SELECT * FROM {service}.delivery") == []


async def test_seeding_again_makes_nothing_twice(marketplace: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    before = await counts(marketplace)

    summary = await seed(marketplace, Options())

    assert not summary.made
    assert "nothing was made twice" in capsys.readouterr().err
    assert await counts(marketplace) == before


async def test_what_people_changed_since_stays_as_they_left_it(marketplace: Settings) -> None:
    slug = DEMO.products[0].slug
    async with opened(marketplace) as (_, api):
        product = await api.get(f"/v1/products/{slug}")
        await api.post(f"/v1/products/{product['id']}/archive", by=OPERATOR)

    await seed(marketplace, QUIET)

    assert await fetch(marketplace, "SELECT status FROM catalog.product WHERE slug = $1", slug) == [("archived",)]


@pytest.mark.usefixtures("late_approvals")
async def test_a_seeding_that_was_stopped_half_way_is_finished_by_the_next(
    empty: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stopped(*_: object) -> None:
        raise SeedFailed("stopped")

    with monkeypatch.context() as patch:
        patch.setattr(purchases, "_go_on", stopped)
        with pytest.raises(SeedFailed, match="stopped"):
            await seed(empty, QUIET)

    await seed(empty, QUIET)

    rows = await fetch(empty, "SELECT payment_method, status FROM orders.purchase_order")
    seen = Counter(SOON.get(row["status"], row["status"]) for row in rows)
    assert seen == Counter(STATE[o.payment_method, o.then] for o in DEMO.orders)
    assert await broken(empty) == []


async def test_the_demo_logins_work_and_are_what_they_say(marketplace: Settings) -> None:
    async with opened(marketplace) as (_, api):
        who = {}
        for role, email, password in DEMO_LOGINS:
            assert password == DEMO_PASSWORD
            who[role] = await api.get("/v1/me", by=email)

    assert who["operator"]["roles"] == ["operator"]
    assert list(who["vendor"]["vendors"].values()) == ["owner"]
    assert (who["customer"]["roles"], who["customer"]["vendors"]) == ([], {})


async def test_a_store_for_real_money_gets_no_accounts_with_known_passwords(empty: Settings) -> None:
    real = Settings(database_url=empty.database_url, secret="s", sandbox=False, environment=empty.environment)

    with pytest.raises(SettingError, match="ESTORE_SANDBOX"):
        await seed(real, QUIET)


# --- large catalogues ---------------------------------------------------------------------------------------------


async def with_products(settings: Settings, n: int, random_seed: int = 7) -> Summary:
    return await seed(settings, Options(products=n, random_seed=random_seed, quiet=True))


async def test_a_large_catalogue_is_the_same_in_every_service_and_can_be_bought(marketplace: Settings) -> None:
    summary = await with_products(marketplace, 500)

    assert summary.generated == 500
    assert await broken(marketplace) == []
    product = next(p for p in generate(500, 7) if p.variants[0].stock > 2)
    variant = product.variants[0]
    async with opened(marketplace) as (_, api):
        shown = await api.get(f"/v1/products/{product.slug}")
        assert (shown["title"], shown["variants"][0]["available"]) == (product.title, variant.stock)
        bought = await buy(api, variant.sku, 2)
        left = await api.get(f"/v1/stock/{variant.sku}")
    assert (bought["status"], bought["lines"][0]["unit_price"]["amount"]) == ("confirmed", variant.price)
    assert left["available"] == variant.stock - 2


async def buy(api: Any, sku: str, quantity: int) -> Any:
    customer = DEMO.customers[0]
    order = {
        "lines": [{"sku": sku, "quantity": quantity}],
        "email": customer.email,
        "shipping_address": customer.addresses[0],
        "payment_method": "pm_ok",
    }
    placed = await api.post("/v1/orders", order, by=customer.email, key="one")

    async def settled() -> Any:
        found = await api.get(f"/v1/orders/{placed['id']}", by=customer.email, wait=5)
        return None if found["status"] in ("placed", "awaiting_payment") else found

    return await eventually(settled, "the payment")


async def test_a_catalogue_is_not_made_twice_but_grows(marketplace: Settings) -> None:
    await with_products(marketplace, 300)

    again = await with_products(marketplace, 300)
    more = await with_products(marketplace, 420)
    other = await with_products(marketplace, 50, random_seed=8)

    assert (again.generated, more.generated, other.generated) == (0, 120, 50)
    there = await counts(marketplace)
    assert there["catalog.product"] == len(DEMO.products) + 420 + 50
    assert await broken(marketplace) == []


async def test_a_catalogue_that_one_service_could_not_take_is_completed_by_the_next_run(
    marketplace: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(tx: Any, rows: Any, *_: object) -> None:
        next(rows)
        raise ValueError("no space left")

    with monkeypatch.context() as patch:
        patch.setitem(bulk.COPIES, "cart", refused)
        with pytest.raises(ValueError, match="no space left"):
            await with_products(marketplace, 3000)

    await with_products(marketplace, 3000)

    there = await counts(marketplace)
    assert there["catalog.product"] == len(DEMO.products) + 3000
    assert await broken(marketplace) == []


async def test_indexes_and_keys_that_a_large_load_sets_aside_are_there_again_afterwards(
    marketplace: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def structure() -> set[tuple[Any, ...]]:
        indexes = await fetch(marketplace, "SELECT schemaname, tablename, indexname, indexdef FROM pg_indexes")
        keys = await fetch(
            marketplace,
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint",
        )
        return {tuple(row) for row in (*indexes, *keys)}

    before, dropped = await structure(), []
    original = Tx.execute

    async def watched(tx: Tx, sql: str, *values: Any) -> str:
        dropped.extend([sql] if sql.startswith("DROP INDEX") else [])
        return await original(tx, sql, *values)

    monkeypatch.setattr(bulk, "_MANY", 1000)
    monkeypatch.setattr(Tx, "execute", watched)
    await with_products(marketplace, 1500)

    assert len(dropped) > 10
    assert await structure() == before


# --- the generator ------------------------------------------------------------------------------------------------


def test_the_same_seed_makes_the_same_products_and_another_makes_others() -> None:
    assert list(generate(200, 7)) == list(generate(200, 7))
    assert not {p.slug for p in generate(200, 7)} & {p.slug for p in generate(200, 8)}


def test_a_product_does_not_depend_on_how_many_there_are() -> None:
    assert list(generate(300, 7))[:100] == list(generate(100, 7))
    assert list(generate(300, 7, first=250)) == list(generate(300, 7))[250:]


@pytest.mark.parametrize("random_seed", [0, MAX_SEED])
def test_titles_slugs_skus_and_ids_are_distinct(random_seed: int) -> None:
    products = list(generate(10_000, random_seed))
    variants = [variant for product in products for variant in product.variants]

    assert len({p.title for p in products}) == len({p.slug for p in products}) == len(products)
    assert len({v.sku for v in variants}) == len({v.barcode for v in variants}) == len(variants)
    assert [p.product_id for p in products] == sorted({p.product_id for p in products})


def test_every_product_is_one_that_a_shop_would_list() -> None:
    words = word_lists().categories
    leaves = {c.slug for c in DEMO.categories} - {c.parent for c in DEMO.categories}
    shops = {(p.category, p.vendor) for p in DEMO.products}
    seen = set()
    for product in generate(5_000, 3):
        seen.add(product.category)
        limits = words[product.category]
        assert re.fullmatch("[a-z0-9-]{1,100}", product.slug)
        assert "{" not in product.title and "%s" not in product.title
        assert (product.category, product.vendor) in shops
        assert 2 <= sum(feature in product.description for feature in limits.features) <= 3
        assert (FOLDER / product.picture.lstrip("/")).is_file()
        assert 1 <= len(product.variants) <= 3
        assert len({v.options for v in product.variants}) == len(product.variants)
        for variant in product.variants:
            assert re.fullmatch("[A-Za-z0-9._-]{1,64}", variant.sku)
            assert variant.price % 100 == 90 and variant.price <= limits.price.max + 100
            assert variant.stock >= 0 and variant.weight_grams > 0
            assert ean_is_right(variant.barcode)

    assert seen == leaves


def ean_is_right(barcode: str) -> bool:
    weighed = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(barcode))
    return len(barcode) == 13 and barcode.startswith("20") and weighed % 10 == 0


def test_the_last_of_a_million_is_as_good_as_the_first() -> None:
    catalogue = Catalogue(1)

    numbers = [*range(500_000, 500_500), *range(999_500, 1_000_000)]
    titles = {catalogue.product(number).title for number in numbers}

    assert len(titles) == len(numbers)


def test_a_seed_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=f"between 0 and {MAX_SEED}"):
        Catalogue(MAX_SEED + 1)


# --- the command line ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ("--products", "0"),
        ("--products", "1000001"),
        ("--products", "many"),
        ("--products=-5",),
        ("--random-seed", "x"),
        ("--random-seed", "32768"),
    ],
)
def test_a_wrong_number_is_refused_in_one_line(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    from estore.cli.main import app

    with pytest.raises(SystemExit) as ended:
        app(["seed", *arguments], standalone_mode=False)

    said = capsys.readouterr().err
    assert (ended.value.code, said.count("\n")) == (2, 1)
    assert arguments[0].partition("=")[0] in said
