"""Makes the dashboards: `python deploy/grafana/make.py`. A test compares what it makes with what is committed.

A panel is a title, a unit, and queries with their legends; everything else is the same for all, and so made here.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "dashboards"
SOURCE = {"type": "prometheus", "uid": "prometheus"}
Panel = tuple[str, str, list[tuple[str, str]]]


def rate(series: str, by: str = "", where: str = "") -> str:
    """Return the rate of a counter, summed `by` labels."""
    inner = f"sum(rate({series}{{{where}}}[$__rate_interval]))" if where else f"sum(rate({series}[$__rate_interval]))"
    return inner.replace("sum(", f"sum by ({by}) (", 1) if by else inner


def quantile(share: float, series: str, by: str = "", where: str = "") -> str:
    """Return a quantile of a histogram, by labels."""
    return f"histogram_quantile({share}, {rate(f'{series}_bucket', f'{by}, le' if by else 'le', where)})"


HIT = 'outcome="hit"'
HITS = f"{rate('estore_read_cache_total', where=HIT)} / {rate('estore_read_cache_total')}"
ONE = 'service="$service"'

DASHBOARDS: dict[str, tuple[str, list[Panel]]] = {
    "store": (
        "Estore: overview",
        [
            (
                "Orders",
                "ops",
                [
                    (rate("estore_events_total", where='event="order.placed.v1"'), "placed"),
                    (rate("estore_events_total", where='event="order.confirmed.v1"'), "confirmed"),
                    (rate("estore_events_total", where='event="order.cancelled.v1"'), "cancelled"),
                ],
            ),
            (
                "From placing to confirmation",
                "s",
                [
                    (quantile(0.5, "estore_purchase_seconds", where='outcome="confirmed"'), "median"),
                    (quantile(0.99, "estore_purchase_seconds", where='outcome="confirmed"'), "99 %"),
                ],
            ),
            ("Placings refused for a fault of ours", "percentunit", [("store:placing_errors:ratio_5m", "5xx")]),
            ("Requests", "reqps", [(rate("estore_http_request_seconds_count", "service"), "{{service}}")]),
            (
                "Failed requests",
                "reqps",
                [(rate("estore_http_request_seconds_count", "service", 'status="5xx"'), "{{service}}")],
            ),
            ("Slowest hundredth", "s", [(quantile(0.99, "estore_http_request_seconds", "service"), "{{service}}")]),
            ("Open orders by status", "short", [("max by (status) (estore_orders_open)", "{{status}}")]),
            (
                "Past their deadline",
                "s",
                [
                    ("max(estore_orders_overdue_seconds)", "orders"),
                    ("max(estore_returns_overdue_seconds)", "returns"),
                    ("max(estore_payments_overdue_seconds)", "payments"),
                    ("max(estore_refunds_overdue_seconds)", "refunds"),
                    ("max(estore_reservations_overdue_seconds)", "reservations"),
                ],
            ),
            (
                "Databases and buses that answer",
                "short",
                [("min by (service) (estore_db_up)", "{{service}}"), ("min(estore_bus_up)", "bus")],
            ),
            ("Memory", "bytes", [("sum by (process) (estore_memory_bytes)", "{{process}}")]),
            (
                "Read cache: answered from memory",
                "percentunit",
                [(HITS, "hits")],
            ),
            (
                "Versions",
                "short",
                [("count by (version, python) (estore_build_info)", "{{version}} on Python {{python}}")],
            ),
        ],
    ),
    "service": (
        "Estore: one service",
        [
            (
                "Requests by route",
                "reqps",
                [(rate("estore_http_request_seconds_count", "method, route", ONE), "{{method}} {{route}}")],
            ),
            (
                "Answers by class",
                "reqps",
                [(rate("estore_http_request_seconds_count", "status", ONE), "{{status}}")],
            ),
            (
                "Slowest twentieth by route",
                "s",
                [(quantile(0.95, "estore_http_request_seconds", "method, route", ONE), "{{method}} {{route}}")],
            ),
            ("Use cases", "ops", [(rate("estore_calls_seconds_count", "name", 'name=~"$service[.].*"'), "{{name}}")]),
            (
                "Use cases that were not ok",
                "ops",
                [
                    (
                        rate("estore_calls_seconds_count", "name, outcome", 'name=~"$service[.].*",outcome!="ok"'),
                        "{{name}} {{outcome}}",
                    )
                ],
            ),
            (
                "Slowest twentieth by use case",
                "s",
                [(quantile(0.95, "estore_calls_seconds", "name", 'name=~"$service[.].*"'), "{{name}}")],
            ),
            (
                "Connections",
                "short",
                [
                    (f"sum by (state) (estore_db_pool_connections{{{ONE}}})", "{{state}}"),
                    (f"sum(estore_db_pool_connections_max{{{ONE}}})", "at most"),
                ],
            ),
            (
                "Wait for a connection",
                "s",
                [
                    (quantile(0.5, "estore_db_pool_wait_seconds", where=ONE), "median"),
                    (quantile(0.99, "estore_db_pool_wait_seconds", where=ONE), "99 %"),
                ],
            ),
            ("Event loop is late", "s", [(quantile(0.99, "estore_event_loop_lag_seconds", "process"), "{{process}}")]),
            ("Gauges were read", "s", [(f"time() - max(estore_measured_timestamp_seconds{{{ONE}}})", "ago")]),
        ],
    ),
    "money": (
        "Estore: money",
        [
            (
                "Payments",
                "ops",
                [
                    (rate("estore_events_total", "event", 'event=~"payment.*"'), "{{event}}"),
                ],
            ),
            (
                "Posted, in minor units a second",
                "short",
                [(rate("estore_ledger_posted_minor_units_total", "kind, currency"), "{{kind}} {{currency}}")],
            ),
            ("Unsettled payments", "short", [("max(estore_payments_unsettled)", "payments")]),
            (
                "Not looked at for",
                "s",
                [
                    ("max(estore_payments_overdue_seconds)", "payments"),
                    ("max(estore_refunds_overdue_seconds)", "refunds"),
                ],
            ),
            ("Open differences", "short", [("max(estore_reconciliation_open)", "differences")]),
            ("Oldest difference", "s", [("max(estore_reconciliation_oldest_seconds)", "age")]),
            ("Oldest entry without a seal", "s", [("max(estore_ledger_unsealed_seconds)", "age")]),
            ("Payouts overdue", "short", [("max(estore_payouts_overdue)", "payouts")]),
            ("Oldest open payout", "s", [("max(estore_payouts_oldest_open_seconds)", "age")]),
            ("Pieces", "short", [(rate("estore_stock_units_total", "movement"), "{{movement}}")]),
            (
                "Stock held, and stock that is not there",
                "short",
                [
                    ("max(estore_reservations_active)", "orders that hold stock unpaid"),
                    ("max(estore_reservations_oversold)", "paid orders without stock"),
                    ("max(estore_shipments_missing)", "shipments without stock"),
                ],
            ),
        ],
    ),
    "messaging": (
        "Estore: messages",
        [
            ("Events", "ops", [(rate("estore_events_total", "event"), "{{event}}")]),
            ("Handled, by queue", "ops", [(rate("estore_messages_total", "queue"), "{{queue}}")]),
            (
                "Not simply handled",
                "ops",
                [(rate("estore_messages_total", "queue, outcome", 'outcome!="ack"'), "{{queue}} {{outcome}}")],
            ),
            ("Waiting", "short", [("max by (queue) (estore_queue_ready)", "{{queue}}")]),
            ("In hand", "short", [("sum by (queue) (estore_queue_held)", "{{queue}}")]),
            ("Age of the oldest", "s", [("max by (queue) (estore_queue_oldest_seconds)", "{{queue}}")]),
            (
                "From the event to its handling, slowest twentieth",
                "s",
                [(quantile(0.95, "estore_message_age_seconds", "queue"), "{{queue}}")],
            ),
            ("Dead letters", "short", [("max by (queue) (estore_dead_letters)", "{{queue}}")]),
            ("Outbox: oldest", "s", [("max by (service) (estore_outbox_oldest_seconds)", "{{service}}")]),
            ("Outbox: waiting", "short", [("max by (service) (estore_outbox_waiting)", "{{service}}")]),
            ("Relay: handed over", "ops", [(rate("estore_relayed_total", "service"), "{{service}}")]),
            (
                "Relay: until the bus confirms, slowest twentieth",
                "s",
                [(quantile(0.95, "estore_relay_lag_seconds", "service"), "{{service}}")],
            ),
            ("Relay: in hand", "short", [("sum by (service) (estore_relay_held)", "{{service}}")]),
            ("Events that nobody hears", "ops", [(rate("estore_unroutable_total", "event"), "{{event}}")]),
            (
                "As RabbitMQ sees it",
                "short",
                [
                    ("sum(rabbitmq_detailed_queue_messages_ready)", "ready"),
                    ("sum(rabbitmq_detailed_queue_messages_unacked)", "held by consumers"),
                ],
            ),
        ],
    ),
    "search": (
        "Estore: search",
        [
            (
                "Searches",
                "reqps",
                [(rate("estore_http_request_seconds_count", "route", 'service="search"'), "{{route}}")],
            ),
            (
                "Search: how long",
                "s",
                [
                    (quantile(share, "estore_http_request_seconds", where='service="search",route="/v1/search"'), name)
                    for share, name in ((0.5, "median"), (0.95, "95 %"), (0.99, "99 %"))
                ],
            ),
            ("Index caught up", "s", [("time() - max(estore_search_caught_up_timestamp_seconds > 0)", "ago")]),
            (
                "What search hears",
                "ops",
                [(rate("estore_messages_total", "queue, outcome", 'queue=~"search[.].*"'), "{{queue}} {{outcome}}")],
            ),
            ("Its queues", "short", [('max by (queue) (estore_queue_ready{queue=~"search[.].*"})', "{{queue}}")]),
            ("Memory", "bytes", [('sum(estore_memory_bytes{process="search"})', "search")]),
        ],
    ),
}


def panel(number: int, made: Panel) -> dict[str, Any]:
    """Return a time series; two in a row."""
    title, unit, queries = made
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": title,
        "datasource": SOURCE,
        "gridPos": {"h": 8, "w": 12, "x": 12 * (number % 2), "y": 8 * (number // 2)},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0, "custom": {"fillOpacity": 8}}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {"refId": chr(ord("A") + at), "datasource": SOURCE, "expr": query, "legendFormat": legend}
            for at, (query, legend) in enumerate(queries)
        ],
    }


def dashboard(name: str) -> dict[str, Any]:
    """Return the document of a dashboard."""
    title, panels = DASHBOARDS[name]
    variables = [
        {
            "name": "service",
            "label": "Service",
            "type": "query",
            "datasource": SOURCE,
            "query": {"query": "label_values(estore_db_up, service)", "refId": "services"},
            "refresh": 2,
            "current": {"text": "orders", "value": "orders"},
        }
    ]
    return {
        "uid": f"estore-{name}",
        "title": title,
        "tags": ["estore"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "15s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": variables if name == "service" else []},
        "links": [{"title": "Estore", "type": "dashboards", "tags": ["estore"], "keepTime": True}],
        "panels": [panel(number, made) for number, made in enumerate(panels)],
    }


def made() -> dict[str, str]:
    """Return file name -> text of all dashboards."""
    return {f"{name}.json": json.dumps(dashboard(name), indent=1) + "\n" for name in DASHBOARDS}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file, text in made().items():
        (FOLDER / file).write_text(text, "utf-8")
        sys.stdout.write(f"{file}\n")
