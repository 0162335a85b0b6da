"""What a process says of a database that it cannot reach."""

from __future__ import annotations

import asyncpg
import pytest

from estore.kit.db.database import why


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (TimeoutError(), "no answer in time"),
        (ConnectionRefusedError(111, "Connection refused"), "[Errno 111] Connection refused"),
        (asyncpg.InvalidPasswordError("password authentication failed"), "password authentication failed"),
        (ConnectionResetError(), "ConnectionResetError"),
    ],
)
def test_the_reason_is_never_empty(error: Exception, line: str) -> None:
    assert why(error) == line
