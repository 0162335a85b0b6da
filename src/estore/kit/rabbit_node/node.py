"""The node: its files, its processes, and what it is asked."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import IO
from urllib.parse import quote

from estore.kit.processes import (
    EmbeddedError,
    Guard,
    PortTaken,
    command_of,
    ended,
    free_port,
    launch,
    output_of,
    port_is_free,
    take_folder,
)
from estore.kit.rabbit_node.installing import find_rabbitmq

USER = "estore"
NODE = "estore@localhost"
START_TIMEOUT = 90.0
"""Seconds until the node speaks AMQP, and for each `rabbitmqctl`."""
STOP_TIMEOUT = 30.0
"""Seconds for a clean stop."""
PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"
# What a node without plugins loads most of its code from.
CORE = ("rabbit", "rabbit_common", "rabbitmq_prelaunch", "ra", "osiris", "cuttlefish")
# Its threads sleep when there is nothing to do: a small machine has other work than to see them spin.
ERLANG = "-noinput -kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"
GUARD = 'kill -TERM "$1"; while kill -0 "$1" 2>/dev/null; do sleep 1; done; kill "$2"'


class RabbitNode:
    """One RabbitMQ node on one data folder, owned by this process.

    Args:
        folder: made when missing; holds everything that the node keeps.
        port: on 127.0.0.1; None takes a free one, and keeps it over `restart`.
    """

    def __init__(self, folder: Path | str, port: int | None = None) -> None:
        self.folder = Path(folder).expanduser().absolute()
        self.log = self.folder / "rabbit.log"
        self._asked_port = port
        self._port = port
        self._password = ""
        self._lock: IO[str] | None = None
        self._epmd: subprocess.Popen[bytes] | None = None
        self._epmd_port = 0
        self._server: subprocess.Popen[bytes] | None = None
        self._guard: Guard | None = None
        self._scripts: Path | None = None
        self._core: Path | None = None

    @property
    def port(self) -> int:
        """The AMQP port on 127.0.0.1. Raises EmbeddedError before the first start when none was given."""
        if self._port is None:
            raise EmbeddedError("the RabbitMQ node has not been started, so it has no port yet")
        return self._port

    @property
    def url(self) -> str:
        """The address of the virtual host `/`, with a user who may do everything."""
        return self.url_of("/")

    @property
    def pid(self) -> int | None:
        """The node's process id, or None when it does not run."""
        return self._server.pid if self.running and self._server else None

    @property
    def running(self) -> bool:
        """Whether the node's process lives."""
        return self._server is not None and self._server.poll() is None

    def url_of(self, vhost: str) -> str:
        """Address a virtual host.

        Args:
            vhost: its name.

        Returns:
            The URL, with a user who may do everything there.
        """
        return f"amqp://{USER}:{self._password}@127.0.0.1:{self.port}/{quote(vhost, safe='')}"

    async def start(self) -> None:
        """Start the node and wait until it speaks AMQP.

        Raises:
            DataFolderInUse: another living process owns the folder.
            PortTaken: the port that was asked for is taken.
            EmbeddedError: RabbitMQ is not installed, the folder cannot be written, or the node does not start.
        """
        if self.running:
            return
        self._scripts = find_rabbitmq()
        if self._scripts is None:
            raise EmbeddedError("RabbitMQ is not installed (Debian: apt-get install rabbitmq-server)")
        self._lock = take_folder(self.folder)
        try:
            await self._stop_leftovers()
            if self._port is None or (self._asked_port is None and not port_is_free(self._port)):
                self._port = free_port()
            if not port_is_free(self._port):
                raise PortTaken(f"port {self._port} on 127.0.0.1 is taken by another program")
            self._write_files(self._scripts)
            await self._launch(self._scripts)
        except BaseException:
            self.kill9()
            raise

    async def stop(self, timeout: float = STOP_TIMEOUT) -> None:
        """Stop the node cleanly.

        Args:
            timeout: seconds for the clean way; then it is killed, and recovers at the next start.
        """
        try:
            if self._server is not None and self._server.poll() is None:
                self._server.send_signal(signal.SIGTERM)
                await ended(self._server, timeout)
        finally:
            self.kill9()

    async def restart(self) -> None:
        """Stop, if it runs, and start on the same port with the same data.

        Raises:
            EmbeddedError: as `start`.
        """
        await self.stop()
        await self.start()

    def kill9(self) -> None:
        """Kill the node as a power cut would. `start` recovers, on the same port and with the same data."""
        if self._guard is not None:
            self._guard.dismiss()
            self._guard = None
        for process in (self._server, self._epmd):
            if process is not None:
                # the whole session: Erlang's helpers hold the port otherwise
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self._server = self._epmd = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    async def ctl(self, *arguments: str) -> str:
        """Run `rabbitmqctl` against the node (about a second).

        Args:
            arguments: such as "list_queues".

        Returns:
            What it printed.

        Raises:
            EmbeddedError: it failed; the message is its last line.
        """
        if self._scripts is None:
            raise EmbeddedError("the RabbitMQ node has not been started")
        command: list[str | Path] = [self._scripts / "rabbitmqctl", "--quiet", "--node", NODE, *arguments]
        code, output = await output_of(command, self._env(), START_TIMEOUT)
        if code != 0:
            raise EmbeddedError(f"rabbitmqctl {' '.join(arguments)}: {output.rpartition(chr(10))[2]}")
        return output

    async def evaluate(self, expressions: str) -> str:
        """Have the node evaluate Erlang: a hundredth of what `rabbitmqctl eval` costs, which starts an Erlang to ask.

        Args:
            expressions: separated by commas, without the full stop.

        Returns:
            The last one's value, as Erlang writes it.

        Raises:
            EmbeddedError: it failed; the message is its last line.
        """
        asker = shutil.which("erl_call")
        if asker is None:
            return await self.ctl("eval", f"{expressions}.")
        asking, told = [asker, "-sname", NODE, "-e"], f"{expressions}.\n"
        code, output = await output_of(asking, self._env(), START_TIMEOUT, told)
        if code != 0 or not output.startswith("{ok, "):
            raise EmbeddedError(f"the RabbitMQ node could not evaluate {expressions}: {output}")
        return output.removeprefix("{ok, ").removesuffix("}")

    async def make_vhost(self, name: str) -> str:
        """Make a virtual host, apart from every other one, where our user may do everything.

        Args:
            name: its name; one that exists is kept as it is.

        Returns:
            Its URL.

        Raises:
            EmbeddedError: RabbitMQ refuses.
        """
        await self.evaluate(
            f'ok = rabbit_vhost:add(<<"{name}">>, <<"{USER}">>), '
            f'ok = rabbit_auth_backend_internal:set_permissions(<<"{USER}">>, <<"{name}">>, '
            '<<".*">>, <<".*">>, <<".*">>, <<"estore">>)'
        )
        return self.url_of(name)

    async def __aenter__(self) -> RabbitNode:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _write_files(self, scripts: Path) -> None:
        secret = self.folder / "password"
        cookie = self.folder / ".erlang.cookie"
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1024 * 1024)
        try:
            for file in (secret, cookie):
                if not file.exists():
                    file.touch(mode=0o600)
                    file.write_text(secrets.token_hex(16))
            self._password = secret.read_text().strip()
            (self.folder / "enabled_plugins").write_text("[].\n")
            self._offer_core(scripts)
            (self.folder / "rabbitmq.conf").write_text(
                f"listeners.tcp.1 = 127.0.0.1:{self.port}\n"
                f"default_user = {USER}\n"
                f"default_pass = {self._password}\n"
                f"vm_memory_high_watermark.absolute = {max(512, memory // 2)}MiB\n"
                "disk_free_limit.absolute = 50MB\n"
                "raft.wal_max_size_bytes = 33554432\n"
                "log.file.level = warning\n"
            )
        except OSError as error:
            raise EmbeddedError(f"the data folder {self.folder} cannot be written: {error.strerror}") from error

    def _offer_core(self, scripts: Path) -> None:
        """Make a folder of plugins that has RabbitMQ's own parts only, where each module is looked for first.

        Of all the others it would read what they are, and look for each of its 700 modules in each of theirs: a third
        of what a start costs. Whatever else it needs it finds by itself, as before.
        """
        core = self.folder / "core"
        shutil.rmtree(core, ignore_errors=True)
        everything = (scripts / "rabbitmq-server").resolve().parent.parent / "plugins"
        parts = [part for name in CORE for part in everything.glob(f"{name}-[0-9]*")]
        self._core = core if len(parts) == len(CORE) else None
        if self._core is not None:
            core.mkdir()
            for part in parts:
                (core / part.name).symlink_to(part)

    def _env(self) -> dict[str, str]:
        place = str(self.folder)
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "HOME": place,
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": NODE,
            "RABBITMQ_CONF_ENV_FILE": f"{place}/none",
            "RABBITMQ_CONFIG_FILE": f"{place}/rabbitmq.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{place}/none",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{place}/enabled_plugins",
            "RABBITMQ_MNESIA_BASE": f"{place}/data",
            "RABBITMQ_LOG_BASE": f"{place}/logs",
            "RABBITMQ_LOGS": str(self.log),
            "RABBITMQ_PID_FILE": f"{place}/rabbit.pid",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": ERLANG,
            # makes the start script become the node, so that the process that we started is the one to signal
            "RABBITMQ_ALLOW_INPUT": "1",
            **({"RABBITMQ_PLUGINS_DIR": str(self._core)} if self._core else {}),
        }

    async def _launch(self, scripts: Path) -> None:
        epmd = shutil.which("epmd")
        if epmd is None:
            raise EmbeddedError("Erlang's epmd is not in the PATH")
        self._epmd_port = free_port()
        env = {**self._env(), "RABBITMQ_DIST_PORT": str(free_port())}
        begin = self.log.stat().st_size if self.log.exists() else 0
        with (self.folder / "console.log").open("wb") as console:
            command = [epmd, "-port", str(self._epmd_port), "-address", "127.0.0.1"]
            self._epmd = launch(command, console, env)
            self._server = launch([scripts / "rabbitmq-server"], console, env)
        (self.folder / "pids").write_text(f"{self._server.pid} {self._epmd.pid}\n")
        self._guard = Guard(GUARD, str(self._server.pid), str(self._epmd.pid))
        try:
            async with asyncio.timeout(START_TIMEOUT):
                while not await self._speaks():
                    if not self.running:
                        raise EmbeddedError(f"RabbitMQ did not start: {self._reason(begin)} (see {self.log})")
                    await asyncio.sleep(0.05)
        except TimeoutError as error:
            raise EmbeddedError(f"RabbitMQ did not answer within {START_TIMEOUT:.0f} s (see {self.log})") from error

    async def _speaks(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        try:
            writer.write(PROTOCOL_HEADER)
            return (await asyncio.wait_for(reader.read(1), 5)) == b"\x01"
        except (OSError, TimeoutError):
            return False
        finally:
            writer.close()

    def _reason(self, begin: int) -> str:
        with suppress(OSError), self.log.open("rb") as log:
            log.seek(begin)
            lines = log.read().decode(errors="replace").splitlines()
            if errors := [line for line in lines if "[error]" in line and line.split(">", 1)[-1].strip()]:
                return errors[0].split(">", 1)[-1].strip()
        with suppress(OSError, IndexError):
            return (self.folder / "console.log").read_text(errors="replace").strip().splitlines()[-1]
        return "it gave no reason"

    async def _stop_leftovers(self) -> None:
        """Kill a node (and its epmd) whose owner and guard died; with the folder locked, it can be nobody else's."""
        with suppress(OSError, ValueError):
            server, epmd = (int(word) for word in (self.folder / "pids").read_text().split())
            for pid, mark in ((server, bytes(self.folder)), (epmd, b"epmd")):
                while mark in command_of(pid):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                    await asyncio.sleep(0.02)
            (self.folder / "pids").unlink()
