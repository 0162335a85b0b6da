"""Servers that are our own child processes: free ports, waiting for an end, and running as somebody else than root."""

from __future__ import annotations

import asyncio
import fcntl
import itertools
import os
import pwd
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

Command = Sequence[str | Path]
BACKLOG = 2048
# Below are ports that programs are known by.
LOWEST_PORT = 15_000
# How far apart processes look for their ports.
PORTS_OF_A_PROCESS = 97
_looked = itertools.count()


class EmbeddedError(RuntimeError):
    """A server of ours cannot be had; the message is one line that a person can act on."""


class DataFolderInUse(EmbeddedError):
    """Another living process owns the data folder."""


class PortTaken(EmbeddedError):
    """Another program listens on the port that was asked for."""


def free_port() -> int:
    """Find a TCP port on 127.0.0.1 that nobody listens on.

    Not one of those that the kernel gives to connections that go out: on a busy machine somebody has it a moment later.
    No two calls of a process find the same, nor do those of processes that start one after the other: a server may
    take seconds until it listens where it was told to.

    Returns:
        The port. Another program may still take it before the caller does.
    """
    for _ in range(100):
        place = os.getpid() * PORTS_OF_A_PROCESS + next(_looked)
        port = LOWEST_PORT + place % (_first_of_the_kernel() - LOWEST_PORT)
        if port_is_free(port):
            return port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _first_of_the_kernel() -> int:
    with suppress(OSError, ValueError):
        return max(LOWEST_PORT + 1, int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0]))
    return 32768


def port_is_free(port: int) -> bool:
    """Tell whether 127.0.0.1:`port` can be listened on.

    Args:
        port: the TCP port.

    Returns:
        False where another program has it, or where we may not use it.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a bound socket that child processes can inherit. Raises OSError when the port is taken."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    sock.listen(BACKLOG)
    sock.set_inheritable(True)
    return sock


def take_folder(folder: Path) -> IO[str]:
    """Become the only owner of a server's data folder, until the lock is closed or we die.

    Args:
        folder: made when missing.

    Returns:
        The lock, to be closed when the folder is given up.

    Raises:
        DataFolderInUse: another living process owns it.
        EmbeddedError: it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("a+")
    except OSError as error:
        raise EmbeddedError(f"the data folder {folder} cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        owner = lock.read().strip() or "unknown"
        lock.close()
        raise DataFolderInUse(f"the data folder {folder} is in use by process {owner}") from error
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


class Guard:
    """A small shell that outlives us: it runs a script once the kernel closes the pipe that only we hold open.

    Args:
        script: what to run after our death, in POSIX sh; it finds `arguments` as $1, $2, ...
        arguments: for the script.
    """

    def __init__(self, script: str, *arguments: str | Path) -> None:
        self._shell = subprocess.Popen(  # noqa: S603 - the caller's fixed script
            ["/bin/sh", "-c", f"read -r line; {script}", "sh", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def dismiss(self) -> None:
        """End the guard without running its script."""
        self._shell.kill()
        self._shell.wait()
        if self._shell.stdin is not None:
            self._shell.stdin.close()


async def ended(process: subprocess.Popen[bytes], timeout: float) -> bool:
    """Wait for a child to end, on whatever event loop runs.

    Args:
        process: the child.
        timeout: seconds to wait at most.

    Returns:
        Whether it has ended.
    """
    deadline = time.monotonic() + timeout
    while process.poll() is None and time.monotonic() < deadline:  # noqa: ASYNC110 - a child is no event
        await asyncio.sleep(0.005)
    return process.returncode is not None


def command_of(pid: int) -> bytes:
    """Read the command line of a living process.

    Args:
        pid: its id.

    Returns:
        The arguments, however separated; empty when there is no such process, or it is a zombie.
    """
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return b""
    asked = ["/bin/ps", "-p", str(pid), "-o", "command="]
    return subprocess.run(asked, capture_output=True, check=False).stdout  # noqa: S603 - a fixed command


def launch(
    command: Command,
    output: IO[bytes] | int,
    env: Mapping[str, str],
    user: pwd.struct_passwd | None = None,
    needs: Sequence[Path] = (),
) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own, so that a Ctrl-C in the terminal does not reach it.

    Args:
        command: the program's absolute path, and its arguments.
        output: where both its outputs go.
        env: its whole environment.
        user: whom to run it as, when we are root; None for ourselves.
        needs: paths that the user must be able to walk to, besides the program's.

    Returns:
        The child.

    Raises:
        EmbeddedError: it cannot be run.
    """
    how: dict[str, Any] = {}
    if user is not None:
        blocked = [path for path in (Path(command[0]), *needs) if not reachable(path, user)]
        if blocked:
            command = [*_with_search_right(user, blocked[0]), *command]
        else:
            how = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    try:
        return subprocess.Popen(  # noqa: S603 - the caller names the program
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=env,
            umask=0o077,
            start_new_session=True,
            **how,
        )
    except OSError as error:
        raise EmbeddedError(f"{command[0]} cannot be run: {error.strerror}") from error


async def output_of(command: Command, env: Mapping[str, str], timeout: float, told: str = "") -> tuple[int, str]:
    """Run a program to its end.

    Args:
        command: the program's path, and its arguments.
        env: its whole environment.
        timeout: seconds; then it is killed, which counts as an exit code of 1.
        told: what it reads.

    Returns:
        The exit code, and what it printed to both its outputs.

    Raises:
        OSError: it cannot be run.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        env=env,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(timeout):
            output, _ = await process.communicate(told.encode())
    except TimeoutError:
        process.kill()
        await process.wait()
        return 1, f"no end within {timeout:.0f} s"
    return process.returncode or 0, output.decode(errors="replace").strip()


def server_user(data: Path, names: Sequence[str]) -> pwd.struct_passwd | None:
    """Choose whom a server runs as that refuses root: the owner of its data, else the first known name.

    Args:
        data: the server's data folder, which need not exist.
        names: users to try on a new folder.

    Returns:
        None when we are not root, and the server runs as ourselves.

    Raises:
        EmbeddedError: the data is somebody else's, or the machine has none of the users.
    """
    owner = data.stat().st_uid if data.exists() else None
    if os.geteuid() != 0:
        if owner is not None and owner != os.geteuid():
            raise EmbeddedError(f"the data in {data} belongs to user {_name(owner)}: run as that user, or as root")
        return None
    if owner:
        with suppress(KeyError):
            return pwd.getpwuid(owner)
        raise EmbeddedError(f"the data in {data} belongs to user id {owner}, which this machine does not know")
    for name in names:
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise EmbeddedError(f"the server cannot run as root and there is no user {names[-1]!r}: run as an ordinary user")


def reachable(path: Path, user: pwd.struct_passwd) -> bool:
    """Tell whether a user may walk through all folders above a path.

    Args:
        path: what is to be reached.
        user: who wants to.

    Returns:
        False when one of the folders is closed to the user.
    """
    for folder in path.resolve().parents:
        found = folder.stat()
        if found.st_uid == user.pw_uid:
            allowed = found.st_mode & stat.S_IXUSR
        elif found.st_gid == user.pw_gid:
            allowed = found.st_mode & stat.S_IXGRP
        else:
            allowed = found.st_mode & stat.S_IXOTH
        if not allowed:
            return False
    return True


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _with_search_right(user: pwd.struct_passwd, blocked: Path) -> list[str]:
    """A command prefix that changes to `user`, and leaves it the right to walk through closed folders, and no other."""
    tool = shutil.which("setpriv")
    rights = 0
    with suppress(OSError, ValueError, StopIteration):
        status = Path("/proc/self/status").read_text().splitlines()
        rights = int(next(line for line in status if line.startswith("CapEff")).split()[1], 16)
    right = next((name for name, bit in (("dac_read_search", 2), ("dac_override", 1)) if rights >> bit & 1), None)
    if tool is None or right is None:
        raise EmbeddedError(
            f"the server runs as user {user.pw_name}, which cannot reach {blocked}: "
            "move it out of closed folders (data: --data DIR), or run as an ordinary user"
        )
    # no_setuid_fixup keeps the right in force for access(2) as well, by which PostgreSQL finds its own files.
    return [
        tool,
        f"--reuid={user.pw_uid}",
        f"--regid={user.pw_gid}",
        "--clear-groups",
        "--securebits=+no_setuid_fixup",
        f"--inh-caps=-all,+{right}",
        f"--ambient-caps=-all,+{right}",
        f"--bounding-set=-all,+{right}",
    ]
