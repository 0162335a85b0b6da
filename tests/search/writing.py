"""A process that writes an index, one product a commit, until it is killed: `python -m search.writing FOLDER`.

It says the number of each product once that is in `state.json`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from estore.kit.clock import utc_now
from estore.services.search.store.index import Folder, State, Text, Writer
from estore.services.search.store.index.schema import Offered


def mug(number: int) -> Offered:
    return Offered(
        key=number,
        title=f"Mug {number}",
        vendor_id="vnd_tonwerk",
        brand=None,
        category_path=["mugs"],
        attributes={},
        description="",
        variants=[{"sku": f"M-{number}"}],
        published_at=None,
        votes=0,
        stars=0,
        popularity=0.0,
        popular_at=None,
        lowest=100,
        highest=100,
        available=1,
    )


def main() -> None:
    folder, text = Folder(Path(sys.argv[1])), Text("english")
    if not folder.lock():
        raise SystemExit("somebody else writes")
    generation = folder.current()
    if generation is None:
        generation = folder.begin()
        Writer(generation, text).close()
        folder.swap(generation)
    state = folder.state(generation) or State("idx_1", 1, 0, "english")
    writer = Writer(generation, text)
    while True:
        number = state.position + 1
        writer.replace([number], [mug(number)], utc_now())
        state = State("idx_1", 1, number, "english", commit=writer.commit())
        folder.save(generation, state)
        print(number, flush=True)


if __name__ == "__main__":
    main()
