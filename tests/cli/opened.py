"""`estore` as people start it: real processes, each store on a data folder and a port of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from estore.cli.store import Running, found
from support.warm import warm_estore

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "estore.cli"]


def environment(**extra: str) -> dict[str, str]:
    """Ours, without settings of whoever runs the tests, and such that compiled files are kept.

    Passwords are hashed with less memory: those of the demo marketplace are a quarter of its seeding.
    """
    clean = {n: v for n, v in os.environ.items() if not n.startswith("ESTORE_") and n != "PYTHONDONTWRITEBYTECODE"}
    quick = {"ESTORE_RATE_FACTOR": "0", "ESTORE_IDENTITY_ARGON2_MEMORY": "1024"}
    return clean | {"PYTHONPATH": str(ROOT / "src")} | quick | extra


def estore(*arguments: str, seconds: float = 900, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return warm_estore(arguments, environment(**extra), seconds)


class Up:
    """`estore up` on the folder `data`."""

    def __init__(self, data: Path, *options: str, **extra: str) -> None:
        self.data = data
        self._options = options
        self._extra = extra
        self.process: subprocess.Popen[bytes] | None = None
        self.seconds = 0.0

    @property
    def out(self) -> str:
        return self._file("out").read_text()

    @property
    def err(self) -> str:
        return self._file("err").read_text()

    def _file(self, name: str) -> Path:
        return self.data.with_name(f"{self.data.name}.{name}")

    def start(self, seconds: float = 900, port: int = 0) -> Up:
        """Start it and wait for its welcome."""
        began = time.monotonic()
        with self._file("out").open("wb") as out, self._file("err").open("wb") as err:
            self.process = subprocess.Popen(
                [*COMMAND, "up", "--port", str(port), "--data", str(self.data), *self._options],
                env=environment(**self._extra),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        try:
            self.until("it is open", lambda: "\nTry:" in self.out and self.out.endswith("\n\n"), seconds)
        except BaseException:
            self.kill9()
            raise
        self.seconds = time.monotonic() - began
        return self

    def until(self, what: str, ask: Any, seconds: float = 300) -> Any:
        deadline = time.monotonic() + seconds
        while not (answer := ask()):
            assert self.process is not None and self.process.poll() is None, self.err
            assert time.monotonic() < deadline, f"after {seconds:g} s still not: {what}\n{self.err}"
            time.sleep(0.05)
        return answer

    @property
    def running(self) -> Running:
        return found(self.data)

    @property
    def url(self) -> str:
        return self.running.public_url

    def workers(self) -> list[int]:
        """The ids of the processes that serve."""
        assert self.process is not None
        children = ["ps", "-o", "pid=,args=", "--ppid", str(self.process.pid)]
        told = subprocess.run(children, capture_output=True, text=True, check=True)
        return [int(line.split()[0]) for line in told.stdout.splitlines() if " serve all " in line]

    def interrupt(self) -> int:
        """Ctrl-C: SIGINT to the whole group. Returns the exit code."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(300)

    def kill9(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(300)

    def estore(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another command on this store."""
        return estore(*arguments, "--data", str(self.data))

    def get(self, path: str, **headers: str) -> tuple[int, Any]:
        return self.send("GET", path, None, **headers)

    def send(self, method: str, path: str, body: object, **headers: str) -> tuple[int, Any]:
        sent = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
        data = None if body is None else json.dumps(body).encode()
        try:
            with urlopen(Request(self.url + path, data=data, headers=sent, method=method), timeout=90) as answer:
                status, content = answer.status, answer.read()
        except HTTPError as error:
            status, content = error.code, error.read()
        return status, json.loads(content) if content[:1] in b"{[" and content else content

    def buy(self, key: str, **values: Any) -> Any:
        """Place the order of the welcome's second line, with another key; without `values` it is settled."""
        told = re.search(r"-d '(\{.*\})'", self.out)
        assert told is not None, self.out
        headers = {"Idempotency-Key": key} | ({} if values else {"Prefer": "wait=20"})
        status, order = self.send("POST", "/v1/orders", json.loads(told[1]) | values, **headers)
        assert status in (201, 202), order
        if values:
            return order

        def settled() -> Any:
            seen = self.get(f"/v1/orders/{order['id']}", Order_Secret=order["secret"])[1]
            return seen if seen["status"] in ("confirmed", "cancelled", "rejected") else None

        return order | self.until(f"{order['id']} is settled", settled)
