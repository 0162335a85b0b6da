"""What people mean is found: the judged searches over the seeds, as `python -m bench.search_quality` measures them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_judged_searches_find_what_is_meant() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.search_quality"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    measured = json.loads(done.stdout)

    assert measured["queries"] >= 150
    assert measured["ndcg_at_10"] >= 0.89, measured["worst"]
    assert measured["recall_at_100"] >= 0.86
    assert measured["zero_result_rate"] <= 0.015
