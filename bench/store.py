"""A store of its own for the bench: `estore up` on a temporary folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from estore.cli.store import Running, found
from estore.kit.processes import free_port


@dataclass(frozen=True)
class Store:
    """An open store. seconds: from the command to ready."""

    url: str
    data: Path
    process: subprocess.Popen[bytes]
    seconds: float

    @property
    def running(self) -> Running:
        return found(self.data)

    def get(self, path: str) -> Any:
        with urlopen(self.url + path, timeout=10) as answer:
            return json.load(answer)

    def post(self, path: str, body: object, **headers: str) -> tuple[int, Any]:
        sent = {"content-type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
        request = Request(self.url + path, data=json.dumps(body).encode(), headers=sent, method="POST")
        with urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)

    def estore(self, *arguments: str) -> str:
        """Run another command on this store; returns what it printed."""
        return subprocess.run(
            [sys.executable, "-m", "estore.cli", *arguments, "--data", str(self.data)],
            check=True, stdout=subprocess.PIPE, text=True,
        ).stdout  # fmt: skip


@contextmanager
def folder() -> Iterator[Path]:
    """A temporary data folder that the database's user can enter."""
    with tempfile.TemporaryDirectory(prefix="estore-bench-") as name:
        path = Path(name)
        path.chmod(0o711)
        yield path / "data"


@contextmanager
def opened(data: Path, *options: str, environment: dict[str, str] | None = None) -> Iterator[Store]:
    """Run `estore up` on `data` until the block ends."""
    port = free_port()
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "estore.cli", "up", "--port", str(port), "--data", str(data), *options],
        env=os.environ | {"ESTORE_RATE_FACTOR": "0"} | (environment or {}),
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        while True:
            if process.poll() is not None:
                raise RuntimeError("the store did not start")
            try:
                found(data)
                with urlopen(f"{url}/healthz", timeout=1) as answer:
                    if answer.status == 200:
                        break
            except (OSError, RuntimeError):
                time.sleep(0.02)
        yield Store(url, data, process, time.monotonic() - began)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(40)


def memory(process: subprocess.Popen[bytes]) -> dict[str, float]:
    """Return proportional set size in MB of the store's processes, by kind; shared pages are counted once."""
    sizes: dict[str, float] = {}
    for pid in family(process.pid):
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        kilobytes = sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
        kind = (
            "postgres"
            if command.startswith("postgres") or "/postgres" in command
            else "services"
            if "serve" in command
            else "up"
        )
        sizes[kind] = sizes.get(kind, 0.0) + kilobytes / 1024
    return sizes


def family(root: int) -> list[int]:
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
    family = [root]
    for pid in family:
        family += [child for child, parent in parents.items() if parent == pid]
    return family
