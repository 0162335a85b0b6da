"""What `./estore test` runs: format, lint, types, who may import what, and the whole suite on real servers."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from estore.kit.processes import EmbeddedError
from estore.kit.rabbit_node import install_rabbitmq

ROOT = Path(__file__).resolve().parents[2]
LONGEST_RUN = 3600
CLOSING_LINE = re.compile(
    r"^=* ?(\d+ (passed|failed|skipped|error|deselected|xfailed)|no tests ran).* in [\d.:hms ()]+ ?=*$"
)
_LINT_IMPORTS = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"

STATIC: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("format", ("-m", "ruff", "format", "--check", ".")),
    ("lint", ("-m", "ruff", "check", "--output-format", "concise", ".")),
    ("imports", ("-c", _LINT_IMPORTS)),
    ("types", ("-m", "mypy")),
)


@dataclass(frozen=True)
class Outcome:
    """How one step ended."""

    name: str
    passed: bool
    seconds: float
    closing_line: str = ""


def main(arguments: Sequence[str] = (), *, fast: bool = False) -> int:
    """Run the checks, say what happens while it does, and sum up.

    Args:
        arguments: for pytest, such as `tests/orders -k cancel`; with any, nothing but pytest runs.
        fast: leave out the type checker and the tests that are marked slow; what is left out is said.

    Returns:
        0 when everything passed, else 1.
    """
    if not (ROOT / "tests").is_dir():
        _say("there are no tests beside this installation: run them from a clone of the repository")
        return 1
    left_out = [name for name, _ in STATIC if arguments or (fast and name == "types")]
    # Tests wait a good deal, for databases and brokers: what is read only is checked beside the first of them.
    with ThreadPoolExecutor(1) as beside:
        read = [beside.submit(_static, *check) for check in STATIC if check[0] not in left_out]
        ran = [_broker(), _tests(arguments, fast=fast)]
    outcomes = [*(check.result() for check in read), *ran]
    if fast:
        left_out.append("tests marked slow")
    return _sum_up(outcomes, left_out)


def _static(name: str, command: Sequence[str]) -> Outcome:
    began = time.monotonic()
    done = subprocess.run(  # noqa: S603 - our own tools
        [sys.executable, *command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode != 0:
        _say(f"\n{name}:\n{done.stdout.rstrip()}")
    return Outcome(name, done.returncode == 0, time.monotonic() - began)


def _broker() -> Outcome:
    began = time.monotonic()
    passed = True
    if not os.environ.get("ESTORE_TEST_AMQP_URL"):
        try:
            asyncio.run(install_rabbitmq(_say))
        except EmbeddedError as error:
            _say(str(error))
            passed = False
    return Outcome("broker", passed, time.monotonic() - began)


def _tests(arguments: Sequence[str], *, fast: bool) -> Outcome:
    began = time.monotonic()
    # Tests wait a good deal, for what settles by itself and for servers that start: two more than there are cores.
    workers = str(max(4, min(6, (os.cpu_count() or 2) + 2)))
    # a module's servers are started once: its tests stay together in one process, in the order of tests/conftest.py
    command = [sys.executable, "-m", "pytest", "-n", workers, "--dist", "loadscope", "--no-loadscope-reorder"]
    command += ["-o", "faulthandler_timeout=180"]
    if fast:
        command += ["-m", "not slow"]
    _say("tests ...")
    passed, closing_line = _stream([*command, *arguments], LONGEST_RUN, sys.stdout.write)
    return Outcome("tests", passed, time.monotonic() - began, closing_line)


def _stream(command: Sequence[str], timeout: float, write: Callable[[str], object]) -> tuple[bool, str]:
    """Run a program, pass its output on as it comes, and pick out pytest's closing line."""
    closing_line = ""
    with subprocess.Popen(  # noqa: S603 - our own tools
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        deadline = time.monotonic() + timeout
        for line in process.stdout or ():
            write(line)
            sys.stdout.flush()
            if CLOSING_LINE.match(line.strip()):
                closing_line = line.strip(" =\n")
            if time.monotonic() > deadline:
                _say(f"stopped: no end within {timeout:.0f} s")
                process.kill()
        return process.wait() == 0, closing_line


def _sum_up(outcomes: Sequence[Outcome], left_out: Sequence[str]) -> int:
    _say("")
    for outcome in outcomes:
        _say(f"{'ok    ' if outcome.passed else 'FAILED'}  {outcome.name:<8} {outcome.seconds:7.1f} s")
    if left_out:
        _say(f"left out: {', '.join(left_out)}")
    for outcome in outcomes:
        if outcome.closing_line:
            _say(outcome.closing_line)
    return 0 if all(outcome.passed for outcome in outcomes) else 1


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    words = sys.argv[1:]
    sys.exit(main([word for word in words if word != "--fast"], fast="--fast" in words))
