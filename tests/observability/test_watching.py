"""Dashboards, alerts and runbooks speak of what a running store shows; gauges look into an index and never scan."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
import yaml

from estore.cli.compose import SERVICES
from estore.kit.bus.local import _DEPTHS
from estore.kit.watching import KIT_MEASURES, measure, read_queues
from support.brokers import Rabbit
from support.databases import Databases
from support.market import HASTY, Market, in_process, until
from support.promtool import promtool
from support.world import world

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/rules.yml"
RULE_TESTS = RULES.with_suffix(".test.yml")
DASHBOARDS = ROOT / "deploy/grafana/dashboards"
# What others show: Prometheus itself, RabbitMQ, the kubelet, cert-manager.
FOREIGN = re.compile(r"up|rabbitmq_\w+|kubelet_\w+|certmanager_\w+")
_SERIES = re.compile(r"\b(estore_\w+|rabbitmq_\w+|kubelet_\w+|certmanager_\w+|up)\b(?=[\s{)\[]|$)")
_BOUND = re.compile(r"\bLIMIT \d+\b")


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def queries() -> Iterator[tuple[str, str]]:
    """Every query, and where it is."""
    for rule in rules():
        yield rule.get("alert") or rule["record"], rule["expr"]
    for path in sorted(DASHBOARDS.glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                yield f"{path.name}: {panel['title']}", target["expr"]


def shown(text: str) -> dict[str, set[str]]:
    """Return series -> names of its labels, as /metrics shows them; those without samples too."""
    found: dict[str, set[str]] = {}
    for line in text.splitlines():
        if line.startswith("# TYPE"):
            _, _, name, kind = line.split()
            for end in ("_bucket", "_count", "_sum") if kind == "histogram" else ("",):
                found.setdefault(name + end, set())
        elif match := re.match(r"([a-z_0-9]+)(?:\{(.*)\})? ", line):
            found.setdefault(match[1], set()).update(re.findall(r'(\w+)="', match[2] or ""))
    return found


@pytest.fixture(scope="module")
async def market(databases: Databases) -> AsyncIterator[Market]:
    async with in_process(databases, **HASTY) as store:
        made = await Market(store).open()
        await made.bought((await made.product(stock=5), 1))
        for service in store.world.services.values():
            await measure(service)
        assert store.world.runtime is not None
        await read_queues(store.world.runtime.bus)
        yield made


async def test_every_query_asks_for_series_that_a_store_shows(market: Market) -> None:
    known = shown((await market.guest.get("/metrics")).text)
    unknown = {
        (where, name)
        for where, query in queries()
        for name in _SERIES.findall(query)
        if name not in known and not FOREIGN.fullmatch(name)
    }

    assert len(list(queries())) > 60
    assert unknown == set()


async def test_every_rule_that_is_asked_for_is_recorded() -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    asked = {name for _, query in queries() for name in re.findall(r"store:\w+:\w+", query)}

    assert asked <= recorded


async def test_labels_are_names_of_ours(market: Market) -> None:
    sku = await market.product(stock=1)
    order = await market.bought((sku, 1))
    for path in ("/v1/nowhere", f"/v1/orders/{order.id}/nowhere", "/v1/products/never-heard-of", f"/v1/stock/{sku}"):
        await market.guest.get(path)
        await market.guest.request("BREW", path)
    text = (await market.guest.get("/metrics")).text
    routes = set(re.findall(r'route="([^"]*)"', text))

    assert {"/v1/orders", "/v1/orders/{order_id}", "none"} <= {route.replace(":str", "") for route in routes}
    assert [name for name in (order.id, sku, "nowhere", "BREW", "never-heard-of") if name in text] == []


async def test_a_store_tells_how_it_stands(market: Market) -> None:
    values = {
        line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
        for line in (await market.guest.get("/metrics")).text.splitlines()
        if not line.startswith("#")
    }

    assert {values[f'estore_db_up{{service="{name}"}}'] for name in SERVICES} == {1.0}
    assert values['estore_orders_open{service="orders",status="confirmed"}'] >= 1
    assert values['estore_purchase_seconds_count{outcome="confirmed"}'] >= 1
    assert values['estore_stock_units_total{movement="reserved"}'] >= 1
    assert values['estore_dead_letters{queue="inventory.reservations"}'] == 0
    assert values['estore_signing_key_left_seconds{service="orders"}'] >= 0
    assert values["estore_memory_bytes"] > 10_000_000
    assert (
        values['estore_http_request_seconds_count{method="POST",route="/v1/orders",service="orders",status="2xx"}'] >= 1
    )


async def test_rabbitmq_is_asked_how_queues_stand(databases: Databases, rabbit_server: Rabbit) -> None:
    await rabbit_server.start()
    async with in_process(databases, await rabbit_server.fresh_vhost(), **HASTY) as store:
        assert store.world.runtime is not None
        depths = await store.world.runtime.bus.depths()
        queues = {s.queue for service in store.world.services.values() for s in service.subscriptions}

        assert queues <= {depth.queue for depth in depths}
        assert {depth.dead for depth in depths} == {0}

        await rabbit_server.stop()

        async def is_silent() -> bool:
            assert store.world.runtime is not None
            return await store.world.runtime.bus.depths() == []

        await until("a broker that is away is no error", is_silent)
        await rabbit_server.start()


async def test_no_gauge_scans_a_table(databases: Databases) -> None:
    """As it would be with much in every table: where an index serves, it is used; what counts, stops."""
    async with world(databases, *SERVICES) as made:
        asked = [
            (service.name, each.sql)
            for service in made.services.values()
            for each in (*KIT_MEASURES, *service.measures)
            if "trusted_key" not in each.sql  # A handful of rows
        ]
        asked += [(name, _DEPTHS.replace("$1::text[]", "'{a.b}'::text[]")) for name in made.services]
        scans = []
        for name, sql in asked:
            async with made.service(name).db.transaction() as tx:
                await tx.execute("SELECT set_config('enable_seqscan', 'off', true)")
                rows = await tx.fetch(f"EXPLAIN (FORMAT JSON) {sql}")
            plan = json.dumps(rows[0][0])
            if "Seq Scan" in plan or ("count(*)" in sql and not _BOUND.search(sql)):
                scans.append((name, sql))

        assert len(asked) > 20
        assert scans == []


def test_every_alert_has_its_page_and_every_page_its_alert() -> None:
    alerts = {rule["alert"]: rule for rule in rules() if "alert" in rule}
    pages = {path.stem: path.read_text() for path in (ROOT / "docs/runbooks").glob("*.md") if path.stem != "README"}

    assert alerts.keys() == pages.keys()
    for name, rule in alerts.items():
        assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{name}.md"
        assert rule["labels"]["severity"] in ("page", "ticket")
    for name, text in pages.items():
        parts = (
            "What it means",
            "What the customer notices",
            "First look",
            "Likely causes",
            "How to mend it",
            "over when",
        )
        assert [part for part in parts if part not in text] == [], name
        assert len(text.splitlines()) < 60, name


def test_runbooks_look_in_logs_for_what_is_there() -> None:
    """As a process writes its lines: `"event": "job failed"`."""
    source = "".join(path.read_text() for path in (ROOT / "src/estore").rglob("*.py"))
    render = structlog.processors.JSONRenderer()
    lines = [
        str(render(None, "", {"job": "ledger.seal_entries", "event": said, "level": "warning"}))
        for said in re.findall(r'_log\.\w+\(\s*"([^"]+)"', source)
    ]
    patterns = {
        (path.name, pattern)
        for path in (ROOT / "docs/runbooks").glob("*.md")
        for pattern in re.findall(r"^grep (?:-E )?'([^']+)' \S+\.log", path.read_text(), re.MULTILINE)
    }

    assert len(patterns) > 10
    assert [found for found in patterns if not any(re.search(found[1], line) for line in lines)] == []


def test_dashboards_are_what_they_are_made_from() -> None:
    made = runpy.run_path(str(ROOT / "deploy/grafana/make.py"))["made"]()

    assert {path.name: path.read_text() for path in DASHBOARDS.glob("*.json")} == made


def test_prometheus_finds_every_service() -> None:
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    [found] = [job for job in config["scrape_configs"] if job["job_name"] == "estore"]

    assert found["dns_sd_configs"][0]["names"] == list(SERVICES)
    assert found["dns_sd_configs"][0]["port"] == 8000
    # As rules and dashboards tell processes apart.
    for name in ("prometheus.yml", "kubernetes.yml"):
        jobs = yaml.safe_load(RULES.with_name(name).read_text())["scrape_configs"]
        [estore] = [job for job in jobs if job["job_name"] == "estore"]
        assert "process" in {relabel.get("target_label") for relabel in estore["relabel_configs"]}


@pytest.mark.parametrize(
    "command",
    [
        ["check", "rules", "--lint-fatal", str(RULES)],
        ["test", "rules", str(RULE_TESTS)],
        ["check", "config", "--syntax-only", str(RULES.with_name("prometheus.yml"))],
    ],
    ids=["rules", "rules.test", "prometheus"],
)
def test_promtool_agrees(command: list[str]) -> None:
    said = subprocess.run([promtool(), *command], capture_output=True, text=True, check=False)

    assert said.returncode == 0, said.stdout + said.stderr


def test_every_alert_is_shown_to_ring_and_to_be_silent() -> None:
    """Silent: where nothing is to ring, or for another than the one that rings."""
    rings, silent = set(), set()
    for case in yaml.safe_load(RULE_TESTS.read_text())["tests"]:
        for asked in case["alert_rule_test"]:
            (rings if asked["exp_alerts"] else silent).add(asked["alertname"])
            labels = {label for one in asked["exp_alerts"] for label in one["exp_labels"]} - {"severity"}
            if labels and len(case["input_series"]) > len(asked["exp_alerts"]):
                silent.add(asked["alertname"])
    alerts = {rule["alert"] for rule in rules() if "alert" in rule}

    assert rings == silent == alerts


def test_a_service_that_is_missing_is_missed_by_its_name() -> None:
    [expr] = [rule["expr"] for rule in rules() if rule.get("alert") == "ServiceMissing"]

    assert re.findall(r'absent\(estore_db_up\{service="(\w+)"\}\)', expr) == list(SERVICES)
