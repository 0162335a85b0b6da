"""Time from `estore up` to ready, cold folder and warm; memory at rest."""

from __future__ import annotations

import time
from typing import Any

from bench.store import folder, memory, opened


def run() -> dict[str, Any]:
    """Return seconds and megabytes."""
    with folder() as data:
        with opened(data) as first:
            fresh = first.seconds
        with opened(data) as second:
            warm = second.seconds
            time.sleep(5)
            sizes = memory(second.process)
    return {
        "fresh_seconds": round(fresh, 1),
        "warm_seconds": round(warm, 1),
        "idle_mb": {k: round(v) for k, v in sizes.items()} | {"total": round(sum(sizes.values()))},
    }
