"""One purchase is one trace, through every service and on each bus; what is handled together is linked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from support.brokers import Rabbit
from support.databases import Databases
from support.market import HASTY, Market, carts_within, in_process, key, until

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

# What a purchase is made of, as (service, span).
STEPS = {
    ("orders", "POST /v1/orders"),
    ("orders", "orders.place_orders"),
    ("orders", "send orders.events"),
    ("inventory", "process inventory.reservations"),
    ("inventory", "send inventory.events"),
    ("orders", "process orders.stock"),
    ("orders", "process orders.payments"),
    ("payments", "charge sandbox"),
    ("payments", "send payments.events"),
}
HEARERS = {"inventory", "payments", "orders", "ledger", "search", "cart"}


def trace_of(spans: Sequence[ReadableSpan], trace_id: str) -> list[ReadableSpan]:
    return [span for span in spans if span.context is not None and f"{span.context.trace_id:032x}" == trace_id]


def service_of(span: ReadableSpan) -> str:
    return str(span.resource.attributes["service.name"])


def consumers(spans: Sequence[ReadableSpan]) -> set[str]:
    return {service_of(span) for span in spans if span.kind is SpanKind.CONSUMER}


def orphans(spans: Sequence[ReadableSpan], caller: int) -> list[ReadableSpan]:
    """The spans whose parent is neither among `spans` nor the caller's."""
    known = {span.context.span_id for span in spans if span.context is not None} | {caller}
    return [span for span in spans if span.parent is None or span.parent.span_id not in known]


class TraceSuite:
    async def test_a_purchase_is_one_trace(self, market: Market, exporter: InMemorySpanExporter) -> None:
        sku = await market.product(stock=5)
        cart = (await market.guest.post("/v1/carts", headers=key())).json()
        guest = market.store.client(cart_secret=cart["secret"])
        version = (await market.in_cart(guest, cart["id"], sku))["version"]
        exporter.clear()
        trace_id = "0af7651916cd43dd8448eb211c80319c"
        caller = {"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"}
        wanted = {"cart_id": cart["id"], "cart_version": version}
        with carts_within(90):
            answer = await market.place(client=guest, wait=20, headers=key() | caller, **wanted)
        assert answer.status_code in (201, 202), answer.text

        async def is_whole() -> bool:
            spans = trace_of(exporter.get_finished_spans(), trace_id)
            return consumers(spans) >= HEARERS and not orphans(spans, 0xB7AD6B7169203331)

        await until("every consumer is in the trace, and every parent has ended", is_whole)
        spans = trace_of(exporter.get_finished_spans(), trace_id)

        assert {(service_of(span), span.name) for span in spans} >= STEPS
        [request] = [span for span in spans if span.name == "POST /v1/orders"]
        assert request.kind is SpanKind.SERVER
        assert request.attributes is not None
        assert dict(request.attributes) == {
            "http.request.method": "POST",
            "http.route": "/v1/orders",
            "http.response.status_code": answer.status_code,
        }

    async def test_its_statements_are_in_the_trace(self, market: Market, exporter: InMemorySpanExporter) -> None:
        sku = await market.product(stock=5)
        exporter.clear()
        order = await market.bought((sku, 1))
        [placed] = [span for span in exporter.get_finished_spans() if span.name == "POST /v1/orders"]
        assert placed.context is not None
        spans = trace_of(exporter.get_finished_spans(), f"{placed.context.trace_id:032x}")
        statements = [span for span in spans if span.attributes and "db.system.name" in span.attributes]

        assert {"orders", "inventory"} <= {str((s.attributes or {})["db.namespace"]) for s in statements}
        assert "INSERT" in {str((s.attributes or {})["db.operation.name"]) for s in statements}
        assert all(order.id not in str((s.attributes or {})["db.query.text"]) for s in statements)

    async def test_what_is_handled_together_is_linked(self, market: Market, exporter: InMemorySpanExporter) -> None:
        sku = await market.product(stock=50)
        exporter.clear()
        orders = await asyncio.gather(*(market.order((sku, 1)) for _ in range(20)))
        for order in orders:
            await order.settled("confirmed")
        spans = exporter.get_finished_spans()
        requests = [span for span in spans if span.name == "POST /v1/orders"]
        batches = [span for span in spans if span.name.startswith("process batch ")]

        assert len({span.context.trace_id for span in requests if span.context is not None}) == 20
        assert batches
        for batch in batches:
            assert batch.parent is None
            assert batch.attributes is not None
            assert len(batch.links) == batch.attributes["messaging.batch.message_count"] > 1
        for request in requests:
            assert request.context is not None
            own = trace_of(spans, f"{request.context.trace_id:032x}")
            assert "process inventory.reservations" in {span.name for span in own}


class TestOnTheLocalBus(TraceSuite):
    @pytest.fixture(scope="class")
    async def market(self, databases: Databases, exporter: InMemorySpanExporter) -> AsyncIterator[Market]:
        async with in_process(databases, **HASTY) as store:
            yield await Market(store).open()


class TestOnRabbitMQ(TraceSuite):
    @pytest.fixture(scope="class")
    async def market(
        self, databases: Databases, rabbit_server: Rabbit, exporter: InMemorySpanExporter
    ) -> AsyncIterator[Market]:
        await rabbit_server.start()
        async with in_process(databases, await rabbit_server.fresh_vhost(), **HASTY) as store:
            yield await Market(store).open()
