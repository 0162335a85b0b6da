"""Search over HTTP on a store that runs: how many a second beside a scan of the same rows, and during a rebuild.

    python -m bench.search_http [--products 10000] [--seconds 5] [--rate 50] [--data FOLDER]

Turn by turn in one run: two words of a title with facets, each query asked once, so that none is answered from memory;
twenty popular ones again and again; and what a shop does that searches with SQL: ILIKE over the same products in the
same PostgreSQL, a page, the count and one facet. Then at a fixed rate, latencies from when a request was due; then how
soon a price is searched by, with and without a bulk before it; then searches while `rebuild` works. What is no 200 is
counted as failed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import asyncpg

from bench.search import sorted_as
from bench.store import Store, folder, opened
from estore.cli.seed import DEMO_PASSWORD, OPERATOR
from estore.cli.seed.generate import generate
from estore.kit.clock import monotonic
from estore.services.search.domain.text import words_of

AT_ONCE = 8
TURNS = 3
SCAN = (
    "SELECT product_id, title FROM {t} WHERE {w} ORDER BY popularity DESC LIMIT 20",
    "SELECT count(*) FROM {t} WHERE {w}",
    "SELECT brand, count(*) FROM {t} WHERE {w} GROUP BY brand",
)
WHERE = "listed AND " + " AND ".join(
    f"(title ILIKE ${n} OR description ILIKE ${n} OR brand ILIKE ${n} OR attributes::text ILIKE ${n})" for n in (1, 2)
)
Ask = Callable[[], Awaitable[None]]


class Client:
    """One kept connection. Raises RuntimeError for anything but a 200 or 202."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url)

    async def open(self) -> None:
        self._read, self._write = await asyncio.open_connection(self._address.hostname, self._address.port)

    async def call(self, path: str, method: str = "GET", body: str = "", **headers: str) -> bytes:
        sent = {"host": "bench", "content-length": str(len(body)), **headers}
        head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in sent.items())
        self._write.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n{body}".encode())
        answer = await self._read.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        content = await self._read.readexactly(length)
        if answer[9:12] not in (b"200", b"201", b"202"):
            raise RuntimeError(f"{path}: {answer[9:12].decode()} {content[:200]!r}")
        return content

    def close(self) -> None:
        self._write.close()


@asynccontextmanager
async def clients(url: str, number: int) -> AsyncIterator[list[Client]]:
    made = [Client(url) for _ in range(number)]
    try:
        for client in made:
            await client.open()
        yield made
    finally:
        for client in made:
            client.close()


class Queries:
    """Two words of a title, each pair once; the same in every run, for others move the p99 by milliseconds."""

    def __init__(self, products: int) -> None:
        titles = (words_of(product.title) for product in generate(min(products, 20_000), 1))
        self._titles = [title for title in titles if len(title) > 1]
        self._words = sorted({word for title in self._titles for word in title if len(word) > 3})
        self._dice = random.Random(2)
        self._asked: set[str] = set()
        self.popular = [self.fresh() for _ in range(20)]

    def fresh(self) -> str:
        return self._once(lambda: self._dice.sample(self._dice.choice(self._titles), 2))

    def unrelated(self) -> str:
        return self._once(lambda: self._dice.sample(self._words, 2))

    def again(self) -> str:
        return self._dice.choice(self.popular)

    def beginning(self) -> str:
        word = self._dice.choice(self._words)
        return word[: self._dice.randint(2, len(word))]

    def _once(self, make: Callable[[], list[str]]) -> str:
        for _ in range(20):
            query = " ".join(make())
            if query not in self._asked:
                break
        self._asked.add(query)
        return query


async def per_second(asks: list[Ask], seconds: float) -> float:
    """Ask as fast as answers come, each of `asks` on its own."""
    began, done = monotonic(), 0

    async def one(ask: Ask) -> None:
        nonlocal done
        while monotonic() - began < seconds:
            await ask()
            done += 1

    await asyncio.gather(*map(one, asks))
    return done / (monotonic() - began)


async def at_rate(ready: list[Client], path: Callable[[], str], rate: float, go_on: Callable[[int], bool]) -> Any:
    """Ask `rate` times a second, whatever is answered, as long as `go_on(how many)`."""
    free: asyncio.Queue[Client] = asyncio.Queue()
    for client in ready:
        free.put_nowait(client)
    taken: list[float] = []
    tasks: set[asyncio.Task[None]] = set()

    async def one(due: float) -> None:
        nonlocal failed
        client = await free.get()
        try:
            await client.call(path())
        except RuntimeError:
            failed += 1
        free.put_nowait(client)
        taken.append((monotonic() - due) * 1000)

    began, number, failed = monotonic(), 0, 0
    while go_on(number):
        due = began + number / rate
        await asyncio.sleep(max(0.0, due - monotonic()))
        tasks.add(asyncio.create_task(one(due)))
        number += 1
    await asyncio.gather(*tasks)
    return {"requests": number, "failed": failed, **sorted_as("p", taken)}


async def measure(store: Store, products: int, seconds: float, rate: float) -> dict[str, Any]:
    queries = Queries(products)
    out: dict[str, Any] = {"products": products, "load_average": [round(load, 1) for load in os.getloadavg()]}
    async with clients(store.url, 32) as ready:
        operator = await _operator(ready[0])
        await _indexed(ready[0], operator, products)
        if products <= 20_000:
            out |= await _beside_a_scan(store, ready[:AT_ONCE], queries, seconds)
        count = int(seconds * rate * 2)
        for name, path in {
            "two_words_of_a_title": lambda: _search(queries.fresh()),
            "two_random_words": lambda: _search(queries.unrelated()),
            "suggestions": lambda: f"/v1/search/suggest?q={quote(queries.beginning())}",
        }.items():
            out[name] = await at_rate(ready, path, rate, lambda number: number < count)
        out["price_found_after_seconds"] = await _price(store, ready[0], operator, 0)
        out["price_found_after_seconds_behind_100000_changes"] = await _price(store, ready[0], operator, 100_000)
        out["while_rebuilt"] = await _rebuilding(store, ready, operator, queries, rate)
    return out


async def _beside_a_scan(store: Store, ready: list[Client], queries: Queries, seconds: float) -> dict[str, Any]:
    def asking(client: Client, query: Callable[[], str]) -> Ask:
        async def ask() -> None:
            await client.call(_search(query()))

        return ask

    pool = await asyncpg.create_pool(store.running.database_url, min_size=4, max_size=4)
    scans = [sql.format(t="search.document", w=WHERE) for sql in SCAN]

    async def scan() -> None:
        words = [f"%{word}%" for word in queries.fresh().split()]
        async with pool.acquire() as conn:
            for sql in scans:
                await conn.fetch(sql, *words)

    turns = [
        {
            "distinct_per_second": await per_second([asking(c, queries.fresh) for c in ready], seconds),
            "popular_per_second": await per_second([asking(c, queries.again) for c in ready], seconds),
            "scan_per_second": await per_second([scan] * 4, seconds),
        }
        for _ in range(TURNS)
    ]
    await pool.close()
    best = {name: round(max(turn[name] for turn in turns), 1) for name in turns[0]}
    ratio = [round(turn["distinct_per_second"] / turn["scan_per_second"], 1) for turn in turns]
    return {"turns": [{k: round(v, 1) for k, v in t.items()} for t in turns], **best, "ratio_to_scan": ratio}


async def _price(store: Store, client: Client, operator: str, bulk: int) -> list[float]:
    """Change five prices, one after the other, behind so many changes of other products that wait for the index; return
    after how many seconds each is searched by."""
    hits = json.loads(await client.call("/v1/search?facets=false&limit=5&sort=newest"))["data"]
    if bulk:
        conn = await asyncpg.connect(store.running.database_url)
        await conn.execute(
            "INSERT INTO search.pending (product_id) SELECT product_id FROM search.document d,"
            " generate_series(1, 1 + $1 / (SELECT count(*) FROM search.document)::int) g ORDER BY g, d.key LIMIT $1",
            bulk,
        )
        await conn.close()
    taken = []
    for hit in hits:
        product = json.loads(await client.call(f"/v1/products/{hit['id']}"))
        variant = min(product["variants"], key=lambda v: v["price"]["amount"])
        amount = variant["price"]["amount"] - 1
        body = json.dumps({"amount": amount, "currency": variant["price"]["currency"]})
        path = f"/v1/products/{hit['id']}/variants/{quote(variant['sku'])}/price"
        await client.call(path, "PUT", body, authorization=operator, content_type="application/json")
        began = monotonic()
        wanted = f"/v1/search?facets=false&q={quote(variant['sku'])}&price_max={amount}"
        while not any(found["id"] == hit["id"] for found in json.loads(await client.call(wanted))["data"]):
            await asyncio.sleep(0.01)
            if monotonic() - began > 60:
                break
        taken.append(round(monotonic() - began, 2))
    return taken


async def _rebuilding(
    store: Store, ready: list[Client], operator: str, queries: Queries, rate: float
) -> dict[str, Any]:
    wanted = json.loads(await ready[0].call("/v1/search/index/rebuild", "POST", authorization=operator))
    began, done = monotonic(), asyncio.Event()

    async def watch() -> None:
        async with clients(store.url, 1) as [client]:
            while True:
                now = json.loads(await client.call("/v1/search/index", authorization=operator))
                if now["generation"] == wanted["wanted_generation"] or monotonic() - began > 600:
                    return done.set()
                await asyncio.sleep(0.2)

    watching = asyncio.create_task(watch())
    found = await at_rate(ready, lambda: _search(queries.fresh()), rate, lambda _: not done.is_set())
    await watching
    return {"seconds": round(monotonic() - began, 1), **found}


def _search(query: str) -> str:
    return f"/v1/search?q={quote(query)}%20"


async def _operator(client: Client) -> str:
    body = json.dumps({"email": OPERATOR, "password": DEMO_PASSWORD})
    session = json.loads(await client.call("/v1/sessions", "POST", body, content_type="application/json"))
    return f"Bearer {session['access_token']}"


async def _indexed(client: Client, operator: str, products: int) -> None:
    """Wait until everything can be found."""
    before = -1
    while True:
        now = json.loads(await client.call("/v1/search/index", authorization=operator))
        if now["documents"] == before and before >= products and not now["behind"]:
            return
        before = now["documents"] or 0
        await asyncio.sleep(1.0)


def run(products: int = 10_000, seconds: float = 5.0, rate: float = 50.0, data: Path | None = None) -> dict[str, Any]:
    """Return requests per second, ratios, and milliseconds."""
    if data is not None:
        with opened(data) as store:
            return asyncio.run(measure(store, products, seconds, rate))
    with folder() as fresh, opened(fresh) as store:
        store.estore("seed", "--quiet", "--products", str(products))
        return asyncio.run(measure(store, products, seconds, rate))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--data", type=Path, help="a folder of `estore up` that was seeded with so many")
    options = parser.parse_args()
    print(json.dumps(run(options.products, options.seconds, options.rate, options.data), indent=2))


if __name__ == "__main__":
    main()
