"""A store that is open for all tests of this folder."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.opened import Up


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """Where stores may lie: PostgreSQL runs as somebody else when we are root, and must be able to walk through."""
    with tempfile.TemporaryDirectory(prefix="estore-cli-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.fixture(scope="session")
def shop(folder: Path) -> Iterator[Up]:
    """The demo marketplace, open."""
    hasty = {"ESTORE_PAYMENTS_CALL_TIMEOUT": "1", "ESTORE_PAYMENTS_LEASE": "5", "ESTORE_PAYMENTS_FIRST_LOOK": "0.5"}
    up = Up(folder / "shop", "--workers", "2", **hasty, ESTORE_PAYMENTS_SANDBOX_SLOW_SECONDS="2").start()
    yield up
    up.stop()


@pytest.fixture(scope="session")
def empty(folder: Path) -> Iterator[Path]:
    """A data folder that had a store on it, and has none now: to be opened warm."""
    up = Up(folder / "empty", "--no-seed", "--workers", "1").start()
    assert up.interrupt() == 0
    yield folder / "empty"
