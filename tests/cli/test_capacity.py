"""The capacity calculator: more never needs less, units hold together, and bad input is told in one line."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from bench.capacity.__main__ import main as capacity  # noqa: E402
from bench.capacity.demand import PRESETS, RANGES, Absurd, Demand, demand, option, preset  # noqa: E402
from bench.capacity.parts import figures  # noqa: E402
from bench.capacity.plan import Plan, plan  # noqa: E402

from estore.cli.compose import SERVICES  # noqa: E402

FIGURES = figures()


def told(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What the command says, asked in this process: to start one takes as long as forty answers."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = capacity(arguments)
        except SystemExit as ended:
            code = int(ended.code or 0)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def told_outside(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The same from a process of its own."""
    command = [sys.executable, "-m", "bench.run", "capacity", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def at(rate: float, **fields: Any) -> Plan:
    return plan(Demand(orders_per_second=rate, **fields), FIGURES)


@given(st.floats(0.01, 5000), st.floats(1, 20))
@settings(max_examples=25, deadline=None)
def test_more_orders_never_need_less(rate: float, factor: float) -> None:
    few, many = at(rate), at(rate * factor)

    for less, more in zip(few.services, many.services, strict=True):
        assert (less.pods, less.cores, less.memory_mb, less.connections) <= (
            more.pods, more.cores, more.memory_mb, more.connections,
        )  # fmt: skip
        assert less.pods <= more.pods and less.cores <= more.cores
    for one, other in zip(few.postgres.databases, many.postgres.databases, strict=True):
        assert one.cores <= other.cores
        assert one.disk_gb <= other.disk_gb
        assert one.wal_mb_per_second <= other.wal_mb_per_second
    assert few.postgres.primaries <= many.postgres.primaries
    assert few.rabbitmq.nodes <= many.rabbitmq.nodes
    assert set(few.reached) <= set(many.reached)


@pytest.mark.parametrize(
    ("field", "less", "more"),
    [
        ("reads_per_order", 10, 1000),
        ("searches_per_order", 1, 100),
        ("carts_per_order", 1, 20),
        ("sign_ins_per_order", 0, 10),
        ("headroom", 0.1, 0.8),
        ("replicas", 1, 5),
        ("retention_days", 30, 3650),
        ("products", 1000, 10_000_000),
        ("customers", 1000, 100_000_000),
    ],
)
def test_more_of_anything_never_needs_less(field: str, less: float, more: float) -> None:
    low, high = at(200, **{field: less}), at(200, **{field: more})

    assert low.pods <= high.pods
    assert low.memory_gb <= high.memory_gb
    assert sum(x.disk_gb for x in low.postgres.databases) <= sum(x.disk_gb for x in high.postgres.databases)
    assert msgspec.to_builtins(low) != msgspec.to_builtins(high)


@given(st.floats(0.001, 1_000_000), st.floats(0, 0.9))
@settings(max_examples=25, deadline=None)
def test_every_service_has_a_pod_and_no_pod_is_busier_than_it_may_be(rate: float, headroom: float) -> None:
    found = at(rate, headroom=headroom, replicas=1)

    assert [service.name for service in found.services] == list(SERVICES)
    for service in found.services:
        assert service.pods >= 1
        assert service.connections >= service.pods
        assert service.cores / service.pods <= max(1 - headroom, 0.05) + 0.07


def test_units_hold_together() -> None:
    found = at(100, peak_factor=10)

    assert found.demand.orders_per_day == 100 / 10 * 86_400
    assert found.pods == sum(service.pods for service in found.services)
    assert found.connections == sum(service.connections for service in found.services) == found.postgres.connections
    assert found.memory_gb == pytest.approx(sum(service.memory_mb for service in found.services) / 1024, abs=0.1)
    orders = next(x for x in found.postgres.databases if x.name == "orders")
    lasting = sum(FIGURES["operations"][op]["disk"].get("orders.rest", 0) for op in ("order", "fulfilment"))
    assert orders.disk_gb_per_day == pytest.approx(lasting * 864_000 / 1e9, rel=0.01)
    assert orders.disk_gb_per_year == pytest.approx(orders.disk_gb_per_day * 365, rel=0.01)
    core = next(service for service in found.services if service.name == "orders").orders_per_core
    assert core is not None
    spent = sum(FIGURES["operations"][op]["cpu_ms"].get("orders", 0) for op in ("order", "fulfilment")) / 1000
    assert core <= 1 / spent


def test_pages_cost_the_catalogue_and_searches_the_search() -> None:
    cores = {service.name: service.cores for service in at(100).services}
    read = {service.name: service.cores for service in at(100, reads_per_order=2000).services}
    searched = {service.name: service.cores for service in at(100, searches_per_order=200).services}

    assert read["catalog"] > cores["catalog"] * 2
    assert read["orders"] == cores["orders"]
    assert searched["search"] > cores["search"] * 2


def test_one_server_becomes_many_as_the_store_grows() -> None:
    layouts = [at(rate).postgres.layout for rate in (0.1, 1_000_000)]

    assert layouts == ["one server", "partitioned"]


def test_a_limit_that_is_reached_is_below_the_demand() -> None:
    found = at(1_000_000)

    assert found.reached
    for limit in found.limits:
        assert limit.then
        assert (limit.what in found.reached) == (limit.orders_per_second <= 1_000_000)
    assert [limit.orders_per_second for limit in found.limits] == sorted(
        limit.orders_per_second for limit in found.limits
    )


def test_a_rate_beyond_what_was_measured_is_warned_of() -> None:
    measured = FIGURES["operations"]["order"]["per_second"]

    assert any("times the" in warning for warning in at(measured * 3).warnings)
    assert not any("times the" in warning for warning in at(measured / 2).warnings)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_says_what_it_assumes_and_what_it_needs(name: str) -> None:
    answer = told("--preset", name)

    assert answer.returncode == 0
    assert f"{preset(name)['customers']:,} customers" in answer.stdout
    assert all(f"\n{service} " in answer.stdout for service in SERVICES)


def test_presets_grow() -> None:
    small, million, hundred = (plan(demand({}, name), FIGURES) for name in PRESETS)

    assert small.pods < million.pods < hundred.pods
    assert small.cores < million.cores < hundred.cores


def test_an_option_goes_over_the_preset() -> None:
    assert demand({"headroom": "0.1"}, "1m") == Demand(**preset("1m") | {"headroom": 0.1})


def test_json_is_the_plan() -> None:
    answer = told_outside("--orders-per-second", "25", "--json")

    assert answer.returncode == 0
    assert answer.stdout == told("--orders-per-second", "25", "--json").stdout
    found = msgspec.convert(json.loads(answer.stdout), Plan)
    assert found == at(25)


@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize("text", ["", "many", "-1", "nan", "inf", "1e99"])
def test_absurd_input_is_told_by_the_name_of_its_option(name: str, text: str) -> None:
    with pytest.raises(Absurd) as caught:
        demand({"orders_per_second": "1"} | {name: text})

    assert str(caught.value).startswith(f"{option(name)} takes ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--preset", "huge"],
        ["--orders-per-second", "0"],
        ["--orders-per-second", "ten"],
        ["--orders-per-second"],
        ["--orders-per-second=5", "--replicas=1.5"],
        ["--orders-per-second=5", "--headroom=1"],
        ["--orders-per-secnd=5"],
        ["plan"],
    ],
)
def test_a_bad_option_is_one_readable_line_and_exit_code_two(arguments: list[str]) -> None:
    answer = told(*arguments)

    assert answer.returncode == 2
    assert answer.stdout == ""
    assert answer.stderr.startswith("estore: ")
    assert answer.stderr.count("\n") == 1


def test_the_commands_exit_code_is_that_of_its_process() -> None:
    inside, outside = told("--headroom=1"), told_outside("--headroom=1")

    assert (outside.returncode, outside.stdout, outside.stderr) == (2, "", inside.stderr)
