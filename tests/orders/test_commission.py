"""Commission: of the rates of a plan the right one, rounded as Decimal would, and never more than the sale."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from estore.contracts.catalog import ProductChanged
from estore.contracts.orders import OrderConfirmed, OrderPlaced
from estore.contracts.vendors import Plan, Rate, VendorPlanChanged
from estore.kit.db import statements
from estore.services.orders import domain
from orders.factories import Shop, approved, key, product, variant

NOW = datetime(2026, 5, 4, tzinfo=UTC)
PATH = ("home", "kitchen", "mugs")

slugs = st.sampled_from([None, *PATH, "garden"])
rates = st.builds(
    lambda category, bps, fixed, days: Rate(
        category=category, bps=bps, fixed=fixed, valid_from=NOW + timedelta(days=days)
    ),
    slugs,
    st.integers(0, 10_000),
    st.integers(0, 500),
    st.integers(-3, 3),
)
plans = st.builds(lambda rates, tax: Plan(rates=tuple(rates), tax_bps=tax), st.lists(rates), st.integers(0, 10_000))


def rate(category: str | None, bps: int, days: int = -1, fixed: int = 0) -> Rate:
    return Rate(category=category, bps=bps, fixed=fixed, valid_from=NOW + timedelta(days=days))


def half_up(value: Decimal) -> int:
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def kept(plan: Plan, total: int = 10_000, quantity: int = 1, otherwise: int = 1000) -> tuple[int, int]:
    return domain.commission_of(total, quantity, domain.rates_for(plan, PATH), otherwise, plan.tax_bps, NOW)


def test_the_most_specific_category_wins_and_then_the_latest() -> None:
    plan = Plan(
        rates=(
            rate(None, 1500, -1),
            rate("home", 1400, -2),
            rate("kitchen", 1300, -30),
            rate("kitchen", 1200, -20),
            rate("kitchen", 1100, +1),
            rate("garden", 100),
        )
    )

    assert kept(plan) == (1200, 0)
    assert domain.rates_for(plan, ("garden",))[0].bps == 100
    assert [r.bps for r in domain.rates_for(plan, ())] == [1500]


def test_a_rate_counts_from_its_very_moment() -> None:
    assert kept(Plan(rates=(rate(None, 700, 0), rate(None, 900, -5)))) == (700, 0)


def test_where_no_rate_has_begun_the_old_commission_counts() -> None:
    assert kept(Plan(rates=(rate(None, 700, +1),), tax_bps=1900), otherwise=800) == (800, 152)


def test_a_fixed_fee_is_for_each_piece_and_never_more_than_the_sale() -> None:
    assert kept(Plan(rates=(rate(None, 1000, fixed=35),), tax_bps=1900), total=5000, quantity=3) == (605, 115)
    assert kept(Plan(rates=(rate(None, 1000, fixed=900),), tax_bps=1900), total=1000, quantity=2) == (840, 160)
    assert kept(Plan(rates=(rate(None, 1000, fixed=900),), tax_bps=1900), total=0, quantity=2) == (0, 0)


@given(plan=plans, total=st.integers(0, 10**6), quantity=st.integers(1, 50), otherwise=st.integers(0, 10_000))
def test_integers_say_what_decimals_do_and_the_vendor_never_owes(
    plan: Plan, total: int, quantity: int, otherwise: int
) -> None:
    begun = [r for r in plan.rates if r.valid_from <= NOW and r.category in (None, *PATH)]
    depth = {None: 0} | {slug: place for place, slug in enumerate(PATH, 1)}
    best = max(enumerate(begun), key=lambda one: (depth[one[1].category], one[1].valid_from, one[0]), default=None)
    bps, fixed = (best[1].bps, best[1].fixed) if best is not None else (otherwise, 0)
    wanted = half_up(Decimal(total) * bps / 10_000) + fixed * quantity
    tax = half_up(Decimal(wanted) * plan.tax_bps / 10_000)
    commission, commission_tax = kept(plan, total, quantity, otherwise)

    assert commission_tax == half_up(Decimal(commission) * plan.tax_bps / 10_000)
    assert 0 <= commission + commission_tax <= total
    if wanted + tax <= total:
        assert (commission, commission_tax) == (wanted, tax)
    else:
        one_more = commission + 1
        assert one_more + half_up(Decimal(one_more) * plan.tax_bps / 10_000) > total


# --- through the service ------------------------------------------------------------------------------------


def planned(version: int, *rates: Rate, tax_bps: int = 1900) -> VendorPlanChanged:
    return VendorPlanChanged(
        vendor_id="vnd_1", commission_bps=1250, version=version, plan=Plan(rates=rates, tax_bps=tax_bps)
    )


def moved_to(*path: str, version: int) -> ProductChanged:
    content = product("prd_1", variant("MUG", 2400))
    values = {name: getattr(content, name) for name in content.__struct_fields__} | {"category_path": path}
    return ProductChanged(product_id="prd_1", product=type(content)(**values), version=version)


async def test_a_plan_is_frozen_on_lines_parcels_and_events(shop: Shop) -> None:
    begun = shop.world.clock.now() - timedelta(days=1)
    rates = (
        Rate(category=None, bps=1500, fixed=0, valid_from=begun),
        Rate(category="kitchen", bps=1000, fixed=35, valid_from=begun),
    )
    await shop.hear(moved_to("home", "kitchen", "mugs", version=2), planned(2, *rates))
    order = await shop.confirmed(("MUG", 2), ("BOOK", 1))
    await shop.hear(planned(3, Rate(category=None, bps=0, fixed=0, valid_from=begun)))
    [placed] = await shop.world.emitted("orders", OrderPlaced)
    [confirmed] = await shop.world.emitted("orders", OrderConfirmed)
    client = shop.client(shop.world.token("acc_1", vendors={"vnd_1": "owner"}))
    [parcel] = (await client.get("/v1/parcels")).json()["data"]

    # 48.00 at 10 % and 0.35 a piece: 5.50; 10.00 at 15 %: 1.50; 19 % on each.
    assert [(line.commission, line.commission_tax) for line in placed.lines] == [(550, 105), (150, 29)]
    assert placed.lines[0].category_path == ("home", "kitchen", "mugs")
    assert placed.lines[1].category_path == ("mugs",)
    assert confirmed.lines == placed.lines
    assert [(p.commission, p.commission_tax) for p in confirmed.parcels] == [(700, 134)]
    assert (parcel["commission"]["amount"], parcel["commission_tax"]["amount"]) == (700, 134)
    assert parcel["payable"]["amount"] == parcel["total"]["amount"] - 834
    assert [line["commission_tax"]["amount"] for line in parcel["lines"]] == [105, 29]
    assert order["totals"]["total"]["amount"] == parcel["total"]["amount"]


async def test_an_announced_rate_counts_from_its_moment_without_another_word_or_query(shop: Shop) -> None:
    now = shop.world.clock.now()
    await shop.hear(
        planned(
            2,
            Rate(category=None, bps=1000, fixed=0, valid_from=now - timedelta(days=1)),
            Rate(category=None, bps=2000, fixed=0, valid_from=now + timedelta(minutes=5)),
            tax_bps=0,
        )
    )
    await shop.place()
    with statements(at_most=1):
        await shop.place()
    shop.world.clock.advance(minutes=5)
    with statements(at_most=1):
        await shop.place()

    placed = await shop.world.emitted("orders", OrderPlaced)
    assert [event.lines[0].commission for event in placed] == [240, 240, 480]


async def test_an_older_plan_never_overwrites_a_newer_one(shop: Shop) -> None:
    begun = shop.world.clock.now()
    newer = planned(7, Rate(category=None, bps=100, fixed=0, valid_from=begun), tax_bps=0)
    older = planned(6, Rate(category=None, bps=9000, fixed=0, valid_from=begun), tax_bps=0)
    await shop.hear(newer, older, newer, approved("vnd_1", 5000, version=5))
    await shop.place()

    [event] = await shop.world.emitted("orders", OrderPlaced)
    assert event.lines[0].commission == 24


async def test_an_order_priced_by_a_plan_that_has_changed_meanwhile_is_priced_anew(shop: Shop) -> None:
    """Another process heard of the plan: this one's memory is old, and the guard finds it out."""
    await shop.place()
    async with shop.world.service("orders").db.transaction() as tx:
        plan: Any = Plan(rates=(Rate(category=None, bps=0, fixed=0, valid_from=shop.world.clock.now()),))
        await tx.execute("UPDATE vendor SET plan = $1, revision = revision + 1 WHERE vendor_id = 'vnd_1'", plan)
    answer = await shop.guest.post("/v1/orders", json=shop.body(), headers=key())

    assert answer.status_code == 202
    assert [e.lines[0].commission for e in await shop.world.emitted("orders", OrderPlaced)] == [300, 0]
