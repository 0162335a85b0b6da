"""Statements are counted, so that a test can say how many a use case may send."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_counter: ContextVar[StatementCount | None] = ContextVar("estore_statements", default=None)


class StatementCount:
    """Statements sent to the database within a `statements` block; BEGIN and COMMIT included."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    @property
    def count(self) -> int:
        return len(self.sent)


@contextmanager
def statements(at_most: int | None = None) -> Iterator[StatementCount]:
    """Count the statements of this task and those it starts. Raises AssertionError past `at_most`."""
    counter = StatementCount()
    token = _counter.set(counter)
    try:
        yield counter
    finally:
        _counter.reset(token)
    if at_most is not None and counter.count > at_most:
        listing = "\n".join(f"  {number}. {' '.join(sql.split())[:140]}" for number, sql in enumerate(counter.sent, 1))
        raise AssertionError(f"{counter.count} statements, at most {at_most} expected:\n{listing}")


def count(sql: str) -> None:
    if (counter := _counter.get()) is not None:
        counter.sent.append(sql)
