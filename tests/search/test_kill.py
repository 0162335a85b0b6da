"""kill -9 of the process that writes: nothing that it had read is lost, and nothing is there twice."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

from estore.services.search.store.index import Folder, Reader, Text, Wanted


def test_a_killed_writer_loses_nothing_and_the_next_one_goes_on(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "index")
    reader = Reader(folder, Text("english"))
    said = 0
    for _ in range(4):
        said = _killed_after(tmp_path / "index", 6)
        current = folder.current()
        state = folder.state(current) if current is not None else None
        assert state is not None
        found = reader.search(Wanted(limit=state.position + 10)).keys

        # What it said is in the index; what it had committed and not said yet is read again
        assert said <= state.position <= len(found) <= state.position + 1
        assert sorted(found) == list(range(1, len(found) + 1))
    assert said >= 24


def _killed_after(folder: Path, commits: int) -> int:
    """Let a process write, kill it at some moment after so many commits, and return the last that it said."""
    command = [sys.executable, "-m", "search.writing", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]) as process:
        assert process.stdout is not None
        said = [int(process.stdout.readline()) for _ in range(commits)]
        time.sleep(random.random() / 50)
        process.kill()
        said += [int(line) for line in process.stdout.read().split()]
    return said[-1]
