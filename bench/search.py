"""Search over a million generated products: how long the index takes, how large it is, and how fast it answers.

    python -m bench.search [--products 1000000] [--seconds 15] [--rate 50]

Builds the index as the service does, without PostgreSQL, then asks it from a process of its own at a fixed rate: two
words with facets, and suggestions while typing. Latencies count from when a request was due, so that a stall is not
hidden; CPU time is what a request cost, whatever else the machine did. No query is asked twice, so that none is
answered from memory.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.search_quality import SEEDS
from estore.cli.seed.generate import generate
from estore.kit.clock import monotonic, utc_now
from estore.services.search.domain.text import understand, words_of
from estore.services.search.store.index import Folder, Reader, Text, Wanted, Writer
from estore.services.search.store.index.schema import Offered

CHUNK = 2000


def rows(n: int) -> Iterator[Offered]:
    """Yield generated products as the store reads them."""
    parents = {c["slug"]: c["parent"] for c in json.loads((SEEDS / "categories.json").read_text())}
    dice = random.Random(1)
    for product in generate(n, 1):
        parent = parents[product.category]
        prices = [variant.price for variant in product.variants]
        votes = dice.choice((0, 0, 0, 3, 20))
        yield Offered(
            key=product.number + 1,
            title=product.title,
            vendor_id=product.vendor,
            brand=product.brand,
            category_path=[parent, product.category] if parent else [product.category],
            attributes=dict(product.attributes),
            description=product.description,
            variants=[{"sku": v.sku, "options": dict(v.options), "barcode": v.barcode} for v in product.variants],
            published_at=product.published_at,
            votes=votes,
            stars=votes * 4,
            popularity=dice.expovariate(0.2) if votes else 0.0,
            popular_at=None,
            lowest=min(prices),
            highest=max(prices),
            available=sum(variant.stock for variant in product.variants),
        )


def build(folder: Path, n: int) -> dict[str, Any]:
    """Build the index of `n` products. generating: seconds of that which the generator alone takes."""
    began = monotonic()
    for _ in rows(min(n, 50_000)):
        pass
    generating = (monotonic() - began) * n / min(n, 50_000)
    store, text = Folder(folder), Text("english")
    generation = store.begin()
    began = monotonic()
    writer = Writer(generation, text, threads=2)
    chunk: list[Offered] = []
    for row in rows(n):
        chunk.append(row)
        if len(chunk) == CHUNK:
            writer.put(chunk, utc_now())
            chunk = []
    writer.put(chunk, utc_now())
    writer.commit()
    writer.close()
    seconds = monotonic() - began
    store.swap(generation)
    size = sum(file.stat().st_size for file in generation.iterdir())
    return {
        "products": n,
        "build_seconds": round(seconds, 1),
        "of_which_generating": round(generating, 1),
        "index_mb": round(size / 1e6),
    }


def ask(folder: Path, seconds: float, rate: float) -> dict[str, Any]:
    """Ask at `rate` per second; returns percentiles in milliseconds, and the memory of this process."""
    reader = Reader(Folder(folder), Text("english"))
    words = _words()
    dice = random.Random(2)
    out: dict[str, Any] = {}

    def two_words() -> None:
        reader.search(Wanted(understand(fresh(lambda: f"{dice.choice(words)} {dice.choice(words)} ")), limit=20))

    def dense() -> None:
        title = dice.choice(_titles)
        reader.search(Wanted(understand(fresh(lambda: " ".join(dice.sample(title, 2)) + " ")), limit=20))

    def typing() -> None:
        word = dice.choice(words)
        reader.starting([fresh(lambda: word[: dice.randint(2, len(word))])], 5, {})

    asked: set[str] = set()

    def fresh(make: Callable[[], str]) -> str:
        for _ in range(10):
            if (made := make()) not in asked:
                break
        asked.add(made)
        return made

    _titles = [words_of(product.title) for product in generate(2000, 1)]
    _titles = [title for title in _titles if len(title) > 1]
    for name, work in (("two_words_of_a_title", dense), ("two_random_words", two_words), ("suggestions", typing)):
        for _ in range(20):
            work()
        out[name] = _percentiles(work, seconds, rate)
    status = Path("/proc/self/status").read_text()
    memory = {
        line.split(":")[0]: int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("Rss")
    }
    return out | {"resident_mb": sum(memory.values()), "resident_parts_mb": memory}


def _words() -> list[str]:
    found = {word for product in generate(3000, 1) for word in words_of(product.title) if len(word) > 3}
    return sorted(found)


def _percentiles(work: Callable[[], None], seconds: float, rate: float) -> dict[str, float]:
    taken, cost = [], []
    began = monotonic()
    for number in range(int(seconds * rate)):
        due = began + number / rate
        time.sleep(max(0.0, due - monotonic()))
        before = time.process_time()
        work()
        cost.append((time.process_time() - before) * 1000)
        taken.append((monotonic() - due) * 1000)
    return sorted_as("p", taken) | sorted_as("cpu_p", cost)


def sorted_as(name: str, values: list[float]) -> dict[str, float]:
    values.sort()
    return {f"{name}{p}": round(values[min(len(values) - 1, len(values) * p // 100)], 1) for p in (50, 95, 99)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--ask", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ask:
        print(json.dumps(ask(options.ask, options.seconds, options.rate)))
        return
    with tempfile.TemporaryDirectory() as folder:
        built = build(Path(folder), options.products)
        command = [sys.executable, "-m", "bench.search", "--ask", folder]
        command += ["--seconds", str(options.seconds), "--rate", str(options.rate)]
        asked = subprocess.run(command, capture_output=True, text=True, check=True)
        print(json.dumps(built | json.loads(asked.stdout), indent=2))


if __name__ == "__main__":
    main()
