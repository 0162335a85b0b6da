#!/usr/bin/env python3
"""Draw one picture per product: `python3 seeds/draw.py`.

Reads products.json and writes pictures/<slug>.svg. The same input gives the same bytes; nothing is random.
"""

# ruff: noqa: T201

import importlib
import json
from pathlib import Path

from pictograms.shapes import BACKDROPS, COLOURS, Subject, dot, pictogram, rect

HERE = Path(__file__).resolve().parent
MODULES = ("kitchen", "home", "clothing", "bags", "electronics", "books_and_paper", "pantry", "outdoors", "play")


def subject_of(product: dict) -> Subject:
    named = [value for option in product["options"] for value in option["values"]]
    return Subject(
        slug=product["slug"],
        title=product["title"],
        brand=product["brand"],
        colours=tuple(COLOURS[name] for name in named if name in COLOURS),
    )


def picture(product: dict) -> str:
    subject = subject_of(product)
    backdrop = BACKDROPS[subject.number(len(BACKDROPS), "backdrop")]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400" role="img">'
        + rect(0, 0, 400, 400, backdrop)
        + dot(200, 196, 160, "#fff", opacity=0.5)
        + pictogram(product["category"], product["slug"])(subject)
        + "</svg>\n"
    )


def main() -> None:
    for name in MODULES:
        importlib.import_module(f"pictograms.{name}")
    products = json.loads((HERE / "products.json").read_text(encoding="utf-8"))
    folder = HERE / "pictures"
    folder.mkdir(exist_ok=True)
    for product in products:
        (folder / f"{product['slug']}.svg").write_text(picture(product), encoding="utf-8")
    print(f"{len(products)} pictures drawn")


if __name__ == "__main__":
    main()
