"""Progress of the seeds on standard error: a bar on a terminal, one line per stage otherwise."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from estore.kit.clock import monotonic


@dataclass
class Stage:
    """One part of the work. done: how much of it, in pieces."""

    name: str
    done: int = 0
    _bar: Progress | None = None
    _task: TaskID | None = None

    def advance(self, pieces: int = 1) -> None:
        """So many pieces more are done."""
        self.done += pieces
        if self._bar is not None and self._task is not None:
            self._bar.advance(self._task, pieces)


class Stages:
    """quiet: say nothing."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(file=sys.stderr, highlight=False, soft_wrap=True, quiet=quiet)

    @contextlib.contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Stage]:
        """Show `name` while the block runs; `total` pieces, None when nobody knows."""
        began = monotonic()
        stage = Stage(name)
        if self._console.is_terminal and not self._console.quiet:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            with Progress(*columns, console=self._console, transient=True) as bar:
                stage._bar, stage._task = bar, bar.add_task(name, total=total)
                yield stage
        else:
            yield stage
        pieces = f"{stage.done:,} " if stage.done else ""
        self.say(f"{pieces}{name} [dim]{monotonic() - began:.1f} s[/]")

    def say(self, text: str) -> None:
        """Print one line that reports something done."""
        self._console.print(f"[green]✓[/] {text}")
