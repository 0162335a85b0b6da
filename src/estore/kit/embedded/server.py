"""The server's process: started, waited for, guarded, and ended."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from estore.kit.embedded.folder import ADMIN, Folder, programs
from estore.kit.embedded.settings import DURABLE, FAST, SETTINGS, shared_buffers
from estore.kit.processes import EmbeddedError, Guard, PortTaken, ended, free_port, port_is_free

START_TIMEOUT = 120.0
STOP_TIMEOUT = 30.0
ORPHANS_TIMEOUT = 15.0
GUARD = 'read -r pid < "$1" && kill -INT "$pid"'


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
        self._files = Folder(folder)
        self.folder, self.cluster, self.log = self._files.path, self._files.cluster, self._files.log
        self._asked_port = port
        self._port = port
        self._settings = {**SETTINGS, "shared_buffers": shared_buffers(), **(DURABLE if durable else FAST)}
        self._settings.update(settings or {})
        self._server: subprocess.Popen[bytes] | None = None
        self._guard: Guard | None = None

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
        return f"postgresql://{ADMIN}:{self._files.password}@127.0.0.1:{self.port}/{ADMIN}"

    @property
    def socket_dsn(self) -> str:
        """The administrator's address over the unix socket, which only this system user (and root) can open."""
        return f"postgresql://{ADMIN}@/{ADMIN}?host={quote(str(self._files.sockets), safe='')}&port={self.port}"

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
        try:
            self._files.take()
            await self._files.stop_leftover()
            if self._asked_port is not None and not port_is_free(self._asked_port):
                raise PortTaken(f"port {self._asked_port} on 127.0.0.1 is taken by another program")
            await self._files.make_cluster(where, durable=self._settings.get("fsync") != "off")
            self._files.check_version(where)
            self._files.make_socket_folder()
            await self._launch(where)
        except BaseException:
            self._end_now()
            self._files.release()
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
            self._files.release()

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
        self._files.release()

    async def __aenter__(self) -> EmbeddedPostgres:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _launch(self, where: Path) -> None:
        deadline = time.monotonic() + ORPHANS_TIMEOUT
        while True:
            if self._port is None or (self._asked_port is None and not port_is_free(self._port)):
                self._port = free_port()
            self._files.write_settings(
                self._settings | {"listen_addresses": "127.0.0.1", "port": str(self.port), "cluster_name": "estore"}
            )
            begin = self._files.rotate_log()
            with self.log.open("ab") as log:
                self._server = self._files.run([where / "postgres", "-D", self.cluster], log)
            if await self._ready():
                self._guard = Guard(GUARD, self.cluster / "postmaster.pid")
                return
            why = self._files.reason(begin)
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
            self._files.forget_sockets()
