"""How good the results are: nDCG@10, recall@100 and the rate of empty answers over a judged set.

    python -m bench.search_quality                                  # seeds, in this process, without a store
    python -m bench.search_quality --judged FILE --url http://127.0.0.1:8000   # any set, on a store that runs

FILE is tab-separated with a header: query, product (slug), grade (3 best, 0 or not listed: wrong); see seeds/search.
nDCG after Järvelin and Kekäläinen (2002), gain 2^grade - 1; recall over everything with a grade.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

from estore.kit.clock import utc_now
from estore.services.search.domain.text import understand, without_stop_words, words_of
from estore.services.search.store.index import Folder, Reader, Text, Wanted, Writer
from estore.services.search.store.index.schema import Offered

SEEDS = Path(__file__).parents[1] / "seeds"
STOP_WORDS = frozenset({"a", "an", "and", "for", "in", "of", "or", "the", "to", "with"})
Search = Callable[[str], Sequence[str]]


def judged(path: Path) -> dict[str, dict[str, int]]:
    """Read a judged set: query -> product -> grade."""
    found: dict[str, dict[str, int]] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            found.setdefault(row["query"], {})[row["product"]] = int(row["grade"])
    return found


def ndcg(found: Sequence[str], grades: dict[str, int], at: int = 10) -> float:
    """Return the normalised discounted cumulative gain of the first `at` results."""

    def gain(values: Sequence[int]) -> float:
        return sum((2**grade - 1) / math.log2(place + 2) for place, grade in enumerate(values))

    best = gain(sorted(grades.values(), reverse=True)[:at])
    return gain([grades.get(product, 0) for product in found[:at]]) / best if best else 1.0


def recall(found: Sequence[str], grades: dict[str, int], at: int = 100) -> float:
    """Return how much of what has a grade is among the first `at` results."""
    wanted = {product for product, grade in grades.items() if grade}
    return len(wanted.intersection(found[:at])) / len(wanted) if wanted else 1.0


def measure(queries: dict[str, dict[str, int]], search: Search) -> dict[str, Any]:
    """Return the means over all queries, and the ten worst of them."""
    results = {query: search(query) for query in queries}
    each = {query: ndcg(results[query], grades) for query, grades in queries.items()}
    return {
        "queries": len(queries),
        "ndcg_at_10": round(sum(each.values()) / len(each), 3),
        "recall_at_100": round(sum(recall(results[q], g) for q, g in queries.items()) / len(queries), 3),
        "zero_result_rate": round(sum(not found for found in results.values()) / len(queries), 3),
        "worst": {query: round(each[query], 2) for query in sorted(each, key=lambda q: each[q])[:10]},
    }


def seeds_search(folder: Path, *, synonyms: bool = True) -> Search:
    """Return a search over the seeds' products, with the seeds' synonyms, in an index of its own."""
    categories = {c["slug"]: c["parent"] for c in json.loads((SEEDS / "categories.json").read_text())}
    products = json.loads((SEEDS / "products.json").read_text())
    text, store = Text("english"), Folder(folder)
    generation = store.begin()
    writer = Writer(generation, text)
    writer.put([_offered(key, product, categories) for key, product in enumerate(products)], utc_now())
    writer.commit()
    store.swap(generation)
    reader, known = Reader(store, text), _synonyms() if synonyms else {}

    def search(query: str) -> list[str]:
        asked = understand(query)
        asked = asked._replace(words=without_stop_words(asked.words, STOP_WORDS))
        found = reader.search(Wanted(asked, limit=100, facets=False, synonyms=known))
        return [products[key]["slug"] for key in found.keys]

    return search


def store_search(url: str) -> Search:
    """Return a search on a store that runs."""

    def search(query: str) -> list[str]:
        with urlopen(f"{url}/v1/search?{urlencode({'q': query, 'limit': 100, 'facets': 'false'})}") as answer:
            return [hit["slug"] for hit in json.load(answer)["data"]]

    return search


def _synonyms() -> dict[tuple[str, ...], list[tuple[str, ...]]]:
    found: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for group in json.loads((SEEDS / "search" / "synonyms.json").read_text())["groups"]:
        members = [tuple(words_of(member)) for member in group]
        for member in members:
            found.setdefault(member, []).extend(other for other in members if other != member)
    return found


def _offered(key: int, product: dict[str, Any], parents: dict[str, str | None]) -> Offered:
    path, slug = [], product["category"]
    while slug:
        path.insert(0, slug)
        slug = parents[slug]
    prices = [variant["price"] for variant in product["variants"]]
    return Offered(
        key=key,
        title=product["title"],
        vendor_id=product["vendor"],
        brand=product["brand"],
        category_path=path,
        attributes={n: str(v).lower() if isinstance(v, bool) else str(v) for n, v in product["attributes"].items()},
        description=product["description"],
        variants=product["variants"],
        published_at=None,
        votes=0,
        stars=0,
        popularity=0.0,
        popular_at=None,
        lowest=min(prices),
        highest=max(prices),
        available=sum(sum(variant["stock"].values()) for variant in product["variants"]),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judged", type=Path, default=SEEDS / "search" / "judged.tsv")
    parser.add_argument("--url", default="", help="of a store that runs; without it, the seeds in this process")
    parser.add_argument("--no-synonyms", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        search = (
            store_search(options.url) if options.url else seeds_search(Path(folder), synonyms=not options.no_synonyms)
        )
        print(json.dumps(measure(judged(options.judged), search), indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
