"""`estore` in processes forked from one that has imported it: to import it takes a second of processor time each.

What is forked is a process like any other, with an environment, output and end of its own. `estore up`, and whatever
runs other code than this, is started as people start it.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from estore.cli.compose import SERVICES

ROOT = Path(__file__).parents[2]
COMMANDS = ("main", "serve", "up", "doctor", "dlq", "events", "openapi", "asyncapi", "restore", "seed.command")
IMPORTED = [
    *(f"estore.cli.{name}" for name in COMMANDS),
    *(f"estore.services.{name}.app" for name in SERVICES),
    # What is imported late, when an application is made, or first connects
    *("estore.kit.bus.rabbitmq", "estore.kit.bus.topology", "estore.kit.http.observing", "uvloop", "support.preloaded"),
]


class Warm:
    """`estore ARGUMENTS` in `environment`; what it prints is appended to `out` and `err`."""

    def __init__(self, arguments: tuple[str, ...], environment: Mapping[str, str], out: Path, err: Path) -> None:
        started = _context().Process(target=_run, args=(arguments, dict(environment), out, err), daemon=True)
        started.start()
        self._process: BaseProcess = started

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit code. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("estore", timeout or 0.0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


def warm_estore(
    arguments: tuple[str, ...], environment: Mapping[str, str], seconds: float
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end. Raises subprocess.TimeoutExpired."""
    with TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        started = Warm(arguments, environment, out, err)
        try:
            code = started.wait(seconds)
        finally:
            if started.poll() is None:
                started.send_signal(signal.SIGKILL)
                started.wait()
        return subprocess.CompletedProcess(arguments, code, out.read_text(), err.read_text())


@functools.cache
def _context() -> ForkServerContext:
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(IMPORTED)
    with _found_by_others():
        multiprocessing.forkserver.ensure_running()
    return found


@contextmanager
def _found_by_others() -> Iterator[None]:
    """The server is a Python of its own, which does not know where we found what it shall import."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join((str(ROOT / "src"), str(ROOT / "tests")))
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def _run(arguments: tuple[str, ...], environment: dict[str, str], out: Path, err: Path) -> Any:
    for number, path in ((1, out), (2, err)):
        with path.open("ab") as file:
            os.dup2(file.fileno(), number)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["estore", *arguments]
    from estore.cli.main import main

    main()
