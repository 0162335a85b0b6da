"""Progress on standard error: one line per step, with its time; colours only on a terminal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape

from estore.kit.clock import monotonic


class Progress:
    """Says what is going on."""

    def __init__(self) -> None:
        self._console = Console(file=sys.stderr, highlight=False, soft_wrap=True)

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Show `name` while the block runs, and how long it took."""
        began = monotonic()
        if self._console.is_terminal:
            with self._console.status(f"{escape(name)} ..."):
                yield
        else:
            yield
        self._console.print(f"[green]✓[/] {escape(name)} [dim]{monotonic() - began:.1f} s[/]")

    def done(self, text: str) -> None:
        self._console.print(f"[green]✓[/] {escape(text)}")

    def warn(self, text: str) -> None:
        self._console.print(f"[yellow]![/] {escape(text)}")

    def failed(self, text: str) -> None:
        self._console.print(f"[red]estore:[/] {escape(text)}")
