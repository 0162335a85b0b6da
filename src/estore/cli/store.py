"""The embedded store's data folder: its secret, and what a running store tells the other commands."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import msgspec

from estore.kit.settings import Settings, load, with_files


class NotRunning(RuntimeError):
    """No store runs on this data folder."""


class Running(msgspec.Struct, frozen=True):
    """What `running.json` holds while a store runs: where it is, for commands that look into it."""

    pid: int
    database_url: str
    amqp_url: str
    public_url: str


def secret_of(data: Path) -> str:
    """Return the store's master secret; made at the first start, readable by its owner only."""
    path = data / "secret"
    if not path.exists():
        fresh = data / "secret.new"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
        fresh.rename(path)
    return path.read_text().strip()


def announce(data: Path, running: Running) -> None:
    """Tell other commands that the store runs."""
    fresh = data / "running.new"
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(msgspec.json.encode(running))
    fresh.rename(data / "running.json")


def retract(data: Path) -> None:
    """Take the announcement back."""
    (data / "running.json").unlink(missing_ok=True)


def found(data: Path) -> Running:
    """Return what the store on `data` announced. Raises NotRunning."""
    try:
        known = msgspec.json.decode((data / "running.json").read_bytes(), type=Running)
        os.kill(known.pid, 0)
    except (OSError, msgspec.MsgspecError):
        raise NotRunning(
            f"no store runs on {data}; start one with `estore up`, or name one with --data or ESTORE_DATABASE_URL"
        ) from None
    return known


def running(data: Path) -> Settings:
    """Return the settings of the store that runs on `data`. Raises NotRunning."""
    known = found(data)
    return load(
        Settings,
        with_files(os.environ),
        database_url=known.database_url,
        amqp_url=known.amqp_url,
        public_url=known.public_url,
        secret=secret_of(data),
    )
