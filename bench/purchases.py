"""Purchases from POST to confirmed against pgbench doing the minimal SQL of one order, on the same PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any
from urllib.parse import urlsplit

from bench.machine import MINIMAL_ORDER, MINIMAL_SCHEMA, pgbench, psql, wrk
from bench.store import Store, folder, memory, opened
from estore.cli.seed import DEMO_LOGINS

PRODUCTS = 10_000
SECONDS = 15
CONNECTIONS = 192
ADDRESS = {"name": "Ada Byron", "line1": "Torstr. 1", "city": "Berlin", "postal_code": "10119", "country": "DE"}

_LUA = """
local skus = {%s}
local n = 0
local seed = os.time() * 1000 + math.floor(os.clock() * 1000000) %% 1000
math.randomseed(seed)
request = function()
  n = n + 1
  local body = '{"lines":[{"sku":"' .. skus[math.random(#skus)] .. '","quantity":1}],' .. %s
  return wrk.format("POST", "/v1/orders", {
    ["Content-Type"] = "application/json", ["Prefer"] = "wait=15",
    ["Idempotency-Key"] = "bench-" .. seed .. "-" .. n}, body)
end
local confirmed, other = 0, {}
response = function(status, headers, body)
  if not string.find(body, '"status":"confirmed"', 1, true) then
    wrk.thread:set("other", (wrk.thread:get("other") or 0) + 1)
  end
end
local threads = {}
setup = function(thread) table.insert(threads, thread) end
done = function(summary, latency, requests)
  local other = 0
  for _, thread in ipairs(threads) do other = other + (thread:get("other") or 0) end
  io.write("not confirmed: " .. other .. "\\n")
end
"""


def body_tail() -> str:
    """Return the constant part of an order's body, after its lines."""
    rest = {
        "email": "ada@example.com",
        "shipping_address": ADDRESS,
        "shipping_method": "standard",
        "payment_method": "pm_ok",
    }
    return json.dumps(rest)[1:]


def run() -> dict[str, Any]:
    """Return purchases per second, the ratio, the latency at half of that load, and memory."""
    with folder() as data, opened(data) as store:
        store.estore("seed", "--products", str(PRODUCTS), "--quiet")
        idle = memory(store.process)
        skus = sellable(store)
        admin = store.running.database_url
        psql(admin, MINIMAL_SCHEMA)
        script = _LUA % (",".join(f'"{sku}"' for sku in skus), json.dumps(body_tail()))
        limits, loads = [], []
        for _ in range(2):
            limits.append(pgbench(admin, MINIMAL_ORDER, clients=16, seconds=SECONDS))
            loads.append(wrk(store.url, connections=CONNECTIONS, seconds=SECONDS, script=script))
        best = max(loads, key=lambda load: load.per_second)
        busy = memory(store.process)
        half = asyncio.run(paced(store, skus, best.per_second / 2, 15.0))
        store.estore("doctor")
        return {
            "purchases_per_second": round(best.per_second),
            "failures": sum(load.failures for load in loads),
            "pgbench_per_second": round(max(limits)),
            "ratio": round(best.per_second / max(limits), 3),
            "at_full_load_ms": {"p50": best.p50, "p99": best.p99},
            "at_half_load_ms": half,
            "memory_idle_mb": {k: round(v) for k, v in idle.items()} | {"total": round(sum(idle.values()))},
            "memory_busy_mb": {k: round(v) for k, v in busy.items()} | {"total": round(sum(busy.values()))},
        }


def sellable(store: Store, count: int = 500) -> list[str]:
    """Return SKUs that do not run out: the catalogue's first, received by the operator in plenty."""
    _, email, password = DEMO_LOGINS[0]
    _, session = store.post("/v1/sessions", {"email": email, "password": password})
    skus: list[str] = []
    cursor = ""
    while len(skus) < count:
        page = store.get(f"/v1/products?limit=100{cursor}")
        skus += [variant["sku"] for product in page["data"] for variant in product["variants"]]
        if not page["next_cursor"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    for sku in skus[:count]:
        store.post(
            f"/v1/stock/{sku}/receipts",
            {"location": "MAIN", "quantity": 100_000, "reference": "bench"},
            authorization=f"Bearer {session['access_token']}",
            idempotency_key=f"bench-{sku}",
        )
    return skus[:count]


async def paced(store: Store, skus: list[str], per_second: float, seconds: float) -> dict[str, float]:
    """Send orders at a fixed rate, whatever the answers take (no coordinated omission); returns latencies in ms."""
    parts = urlsplit(store.url)
    tail = body_tail()
    latencies: list[float] = []
    free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    run_id = time.time_ns()

    async def one(number: int, due: float) -> None:
        if free:
            reader, writer = free.pop()
        else:
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        body = f'{{"lines":[{{"sku":"{skus[number % len(skus)]}","quantity":1}}],{tail}'.encode()
        writer.write(
            b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nPrefer: wait=15\r\n"
            b"Idempotency-Key: p-%d-%d\r\nContent-Length: %d\r\n\r\n%b" % (run_id, number, len(body), body)
        )
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        answer = await reader.readexactly(length)
        free.append((reader, writer))
        if b'"status":"confirmed"' in answer:
            latencies.append((time.monotonic() - due) * 1000)

    began = time.monotonic()
    tasks: list[asyncio.Task[None]] = []
    total = int(per_second * seconds)
    for number in range(total):
        due = began + number / per_second
        if (delay := due - time.monotonic()) > 0:
            await asyncio.sleep(delay)
        tasks.append(asyncio.create_task(one(number, due)))
    await asyncio.gather(*tasks)
    latencies.sort()
    return {
        "per_second": round(per_second),
        "sent": total,
        "confirmed": len(latencies),
        "p50": round(latencies[len(latencies) // 2], 1),
        "p99": round(latencies[int(len(latencies) * 0.99)], 1),
        "worst": round(latencies[-1], 1),
    }
