"""What traces cost: processor time of a purchase with traces off, sampled, and all kept.

    PYTHONPATH=src:tests:. python -m bench.traces [orders]

The whole store in one process on the local bus and a PostgreSQL of its own, sixteen customers at once, rounds taken in
turns so that all meet the same machine. Ratios are what matters; a collector that takes everything runs beside.
"""

from __future__ import annotations

import asyncio
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

from estore.kit.embedded import EmbeddedPostgres
from estore.kit.telemetry import configure_logging, tracing
from observability.receiver import receiver
from support.databases import Databases
from support.market import Market, in_process

ROUNDS = 5
CASES = {"off": None, "on, 0 kept": 0.0, "on, 1 in 100 kept": 0.01, "on, all kept": 1.0}


async def buy(market: Market, sku: str, orders: int) -> float:
    """Return the milliseconds of processor time that one order took, its customers and consumers included."""
    began = time.process_time()
    lane = asyncio.Semaphore(16)

    async def one() -> None:
        async with lane:
            answer = await market.place((sku, 1), wait=20)
            assert answer.json()["status"] == "confirmed", answer.text

    await asyncio.gather(*(one() for _ in range(orders)))
    return (time.process_time() - began) * 1000 / orders


async def main(orders: int) -> None:
    configure_logging(level="error")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        postgres = EmbeddedPostgres(Path(folder) / "postgres", durable=False)
        await postgres.start()
        try:
            with receiver() as collector:
                async with in_process(Databases(postgres.dsn, "bench", "main")) as store:
                    market = await Market(store).open()
                    sku = await market.product(stock=100_000)
                    await buy(market, sku, orders)
                    print(f"before OpenTelemetry is imported: {memory():.0f} MB")
                    took: dict[str, list[float]] = {name: [] for name in CASES}
                    for _ in range(ROUNDS):
                        for name, ratio in CASES.items():
                            if ratio is not None:
                                tracing.start(collector.url, ratio, bus="estore")
                            took[name].append(await buy(market, sku, orders))
                            await asyncio.to_thread(tracing.stop)
                            collector.bodies.clear()
                    print(f"after: {memory():.0f} MB")
                    base = statistics.median(took["off"])
                    for name, times in took.items():
                        middle = statistics.median(times)
                        print(f"{name:20} {middle:6.2f} ms CPU per order   x {middle / base:.2f}")
        finally:
            await postgres.stop()


def memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
