"""`estore restore`: a store from a backup, in a fresh place, proved by doctor; and `estore republish`.

Whatever way tables came back, RabbitMQ's queues did not, and must be empty: what they held was published and is gone,
or belongs to a time that the tables do not know. The outboxes keep what was published for a week, and every queue has
noted what it applied: what is missing is published again. A message that arrives twice acts once.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import IO

import msgspec

from estore.cli.backup import DUMPS, FORMAT, MANIFEST, BackupFailed, Manifest, digest, program, proofs, run
from estore.cli.compose import SERVICES, build, prepare, provision_roles
from estore.cli.doctor import GRACE, Finding, examine, unapplied
from estore.kit.clock import monotonic, utc_now
from estore.kit.db import connect
from estore.kit.embedded import EmbeddedPostgres
from estore.kit.processes import take_folder
from estore.kit.settings import Settings, load, with_files


class Drill(msgspec.Struct, frozen=True):
    """What a restore took. seconds: by step, and in all. republished: events that are on their way again."""

    made_at: datetime
    bytes: int
    seconds: dict[str, float]
    republished: int
    findings: list[Finding]

    @property
    def holds(self) -> bool:
        return all(finding.holds for finding in self.findings)


def read_manifest(folder: Path) -> Manifest:
    """Return what a backup says of itself. Raises BackupFailed."""
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise BackupFailed(f"{folder} is no whole backup: it has no {MANIFEST}") from None
    except msgspec.MsgspecError as error:
        raise BackupFailed(f"{folder / MANIFEST} cannot be read: {error}") from None
    if manifest.format != FORMAT or set(manifest.services) != set(SERVICES):
        raise BackupFailed(f"{folder} was made by another version of the store: restore it with that one")
    return manifest


async def restore(settings: Settings, folder: Path) -> Drill:
    """Fill the empty databases of `settings` from `folder`, and prove the result.

    Nobody may serve them yet. Raises BackupFailed, MigrationError, SettingError, OSError.
    """
    began = step = monotonic()
    seconds: dict[str, float] = {}

    def took(name: str) -> None:
        nonlocal step
        seconds[name], step = round(monotonic() - step, 2), monotonic()

    manifest = read_manifest(folder)
    await _check(settings, folder, manifest)
    took("check")
    pg_restore = program("pg_restore")
    await provision_roles(settings, SERVICES)
    await asyncio.gather(*(_empty(settings.database_of(service), service) for service in SERVICES))
    room = asyncio.Semaphore(DUMPS)

    async def fill(service: str) -> None:
        options = [f"--schema={service}", "--single-transaction", "--exit-on-error", "--no-owner", "--no-acl"]
        async with room:
            await run(pg_restore, settings.database_of(service), *options, str(folder / f"{service}.dump"))
            await _execute(settings.database_of(service), service, "ANALYZE")

    await asyncio.gather(*map(fill, SERVICES))
    took("tables")
    await prepare(settings, SERVICES)
    took("migrations")
    republished = sum((await republish(settings)).values())
    took("republish")
    # What was on its way at the moment of the backup is on its way still.
    findings = await examine(settings, grace=utc_now() - manifest.made_at + GRACE)
    took("doctor")
    seconds["all"] = round(monotonic() - began, 2)
    return Drill(manifest.made_at, manifest.bytes, seconds, republished, findings)


async def restore_embedded(data: Path, folder: Path) -> Drill:
    """Make an embedded store in `data` from `folder`; `estore up --data` opens it.

    Its master secret must be in `data` already, or in ESTORE_SECRET. Raises as `restore`, and EmbeddedError.
    """
    lock, secret = _new_store(data)
    try:
        async with EmbeddedPostgres(data / "postgres") as server:
            settings = load(Settings, with_files(os.environ), database_url=server.dsn, amqp_url="", secret=secret)
            drill = await restore(settings, folder)
        # It is not empty: `up` need not fill it.
        (data / "seeded").touch()
        return drill
    except BaseException:
        # What is half there would be taken for a store.
        shutil.rmtree(data / "postgres", ignore_errors=True)
        raise
    finally:
        lock.close()


def _new_store(data: Path) -> tuple[IO[str], str]:
    """Take the folder; return its lock and the master secret."""
    if (data / "postgres").exists():
        raise BackupFailed(f"there is a store in {data}; name another folder with --data")
    secret = data / "secret"
    given = with_files(os.environ).get("ESTORE_SECRET", "")
    if not secret.exists() and not given:
        raise BackupFailed(f"the store's master secret is not in its backup: copy the file `secret` to {secret} first")
    lock = take_folder(data)
    if not secret.exists():
        secret.touch(mode=0o600)
        secret.write_text(given)
    return lock, secret.read_text().strip()


async def republish(settings: Settings, names: Sequence[str] = SERVICES) -> dict[str, int]:
    """Have published again what some queue that hears it has not applied. Returns service -> how many events.

    Safe on a running store: what arrives twice acts once.
    """
    services = build(settings, names)
    for service in services:
        await service.db.open()
    try:
        by_name = {service.name: service for service in services}
        found: dict[str, int] = {}
        async for name, ids in unapplied(by_name):
            async with by_name[name].db.transaction() as tx:
                done = await tx.execute(
                    "UPDATE outbox SET published_at = NULL, claimed_until = NULL"
                    " WHERE id = ANY($1::uuid[]) AND published_at IS NOT NULL",
                    ids,
                )
            found[name] = int(done.rpartition(" ")[2])
        return found
    finally:
        for service in services:
            await service.db.close()


async def _check(settings: Settings, folder: Path, manifest: Manifest) -> None:
    for service, part in manifest.services.items():
        file = folder / part.file
        if not file.exists() or await digest(file) != part.sha256:
            raise BackupFailed(f"{file} is missing or damaged")
        if part.secret not in proofs(settings, service):
            raise BackupFailed(f"the master secret of {service} is not the one that its data is sealed with")


async def _empty(dsn: str, service: str) -> None:
    conn = await connect(dsn, timeout=10)
    try:
        if await conn.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = $1", service):
            raise BackupFailed(f"the database of {service} is not empty; a restore goes into a fresh place")
    finally:
        await conn.close()


async def _execute(dsn: str, service: str, sql: str) -> None:
    conn = await connect(dsn, timeout=10, server_settings={"search_path": service})
    try:
        await conn.execute(sql)
    finally:
        await conn.close()
