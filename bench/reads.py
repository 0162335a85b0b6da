"""Product page and category page against nginx serving the same bytes from a file, one core each, in one run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from bench.machine import nginx, wrk
from bench.store import family, folder, opened

SECONDS = 5


def run() -> dict[str, Any]:
    """Return requests per second and ratios; the load runs on the other core."""
    with folder() as data, opened(data, "--workers", "1") as store:
        product = store.get("/v1/products?limit=1")["data"][0]["slug"]
        category = store.get("/v1/products?limit=1")["data"][0]["category"]["slug"]
        paths = {"product": f"/v1/products/{product}", "category": f"/v1/products?category={category}&limit=24"}
        files = {f"/{name}": _bytes(store.url + path) for name, path in paths.items()}
        _pin(store.process.pid)
        out: dict[str, Any] = {}
        with nginx(files, workers=1) as web:
            for name, path in paths.items():
                ours, theirs = [], []
                # Turn by turn, so that what the machine does meanwhile meets both.
                for _ in range(3):
                    ours.append(wrk(store.url + path, connections=16, seconds=SECONDS, cpus=(1,)).per_second)
                    theirs.append(wrk(f"{web}/{name}", connections=16, seconds=SECONDS, cpus=(1,)).per_second)
                out[name] = {
                    "estore_per_second": round(max(ours)),
                    "nginx_per_second": round(max(theirs)),
                    "ratio": round(max(ours) / max(theirs), 2),
                    "bytes": len(files[f"/{name}"]),
                }
    return out


def _bytes(url: str) -> bytes:
    with urlopen(url) as answer:
        return bytes(answer.read())


def _pin(pid: int) -> None:
    """Put the store's processes on core 0; nginx, started later by us, inherits ours."""
    for member in [*family(pid), os.getpid()]:
        for thread in Path(f"/proc/{member}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {0})
