"""The machine's own limits, measured in the same run: pgbench, nginx; and the tools of the load."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from estore.kit.embedded import programs
from estore.kit.processes import free_port

MINIMAL_SCHEMA = """
DROP SCHEMA IF EXISTS bench CASCADE;
CREATE SCHEMA bench;
CREATE TABLE bench.offer (sku integer PRIMARY KEY, price bigint NOT NULL, filler text NOT NULL);
CREATE TABLE bench.stock (sku integer PRIMARY KEY, on_hand bigint NOT NULL, reserved bigint NOT NULL,
    CHECK (on_hand >= reserved)) WITH (fillfactor = 50);
CREATE TABLE bench.sale (id bigserial PRIMARY KEY, email text NOT NULL, status text NOT NULL, total bigint NOT NULL,
    placed_at timestamptz NOT NULL DEFAULT now()) WITH (fillfactor = 80);
CREATE TABLE bench.line (sale_id bigint NOT NULL, sku integer NOT NULL, quantity integer NOT NULL,
    price bigint NOT NULL, PRIMARY KEY (sale_id, sku));
CREATE TABLE bench.payment (id bigserial PRIMARY KEY, sale_id bigint NOT NULL UNIQUE, amount bigint NOT NULL,
    status text NOT NULL);
INSERT INTO bench.offer SELECT i, 100 + i, repeat('x', 60) FROM generate_series(1, 10000) i;
INSERT INTO bench.stock SELECT i, 1000000000, 0 FROM generate_series(1, 10000) i;
INSERT INTO bench.sale (email, status, total) SELECT 'a@example.com', 'confirmed', i FROM generate_series(1, 200000) i;
INSERT INTO bench.line SELECT i, 1 + i % 10000, 1, 100 FROM generate_series(1, 200000) i;
INSERT INTO bench.payment (sale_id, amount, status) SELECT i, 100, 'captured' FROM generate_series(1, 200000) i;
ANALYZE bench.offer; ANALYZE bench.stock; ANALYZE bench.sale; ANALYZE bench.line; ANALYZE bench.payment;
"""

# The least that one order of one line needs, one statement after the other as a shop without queues does it.
MINIMAL_ORDER = r"""
\set sku random(1, 10000)
BEGIN;
SELECT price FROM bench.offer WHERE sku = :sku;
UPDATE bench.stock SET reserved = reserved + 1 WHERE sku = :sku AND on_hand - reserved >= 1;
INSERT INTO bench.sale (email, status, total) VALUES ('ada@example.com', 'placed', 1999) RETURNING id \gset
INSERT INTO bench.line VALUES (:id, :sku, 1, 1999);
INSERT INTO bench.payment (sale_id, amount, status) VALUES (:id, 1999, 'captured');
UPDATE bench.sale SET status = 'confirmed' WHERE id = :id;
COMMIT;
"""


class Missing(RuntimeError):
    """A tool of the bench is missing; the message says how to get it."""


def tool(name: str, package: str) -> str:
    """Return the path of a program; as root on Debian it is installed. Raises Missing."""
    if (found := shutil.which(name)) is not None:
        return found
    if os.geteuid() == 0 and shutil.which("apt-get"):
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", package]
        for command in (["apt-get", "update", "-q"], install):
            subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        if (found := shutil.which(name)) is not None:
            return found
    raise Missing(f"{name} is needed: apt-get install {package}")


def psql(dsn: str, script: str) -> None:
    """Run an SQL script as one simple query."""
    import asyncpg

    async def run() -> None:
        conn = await asyncpg.connect(dsn)
        await conn.execute(script)
        await conn.close()

    asyncio.run(run())


def pgbench(dsn: str, script: str, *, clients: int, seconds: int) -> float:
    """Run `script` with prepared statements; returns transactions per second."""
    parts = urlsplit(dsn)
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        done = subprocess.run(
            [
                str(programs() / "pgbench"), "-n", "-M", "prepared", "-f", file.name,
                "-c", str(clients), "-j", "2", "-T", str(seconds),
                "-h", str(parts.hostname), "-p", str(parts.port), "-U", str(parts.username), parts.path[1:],
            ],
            env=os.environ | {"PGPASSWORD": parts.password or ""},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    match = re.search(r"tps = ([\d.]+)", done.stdout)
    if match is None:
        raise RuntimeError(f"pgbench failed: {done.stderr.strip()[-500:]}")
    return float(match[1])


@dataclass(frozen=True)
class Load:
    """What wrk measured. latencies in milliseconds."""

    per_second: float
    requests: int
    failures: int
    p50: float
    p99: float


def wrk(url: str, *, connections: int, seconds: int, script: str = "", cpus: Sequence[int] = ()) -> Load:
    """Put load on `url`. cpus: bind the load to these cores."""
    command = ["taskset", "-c", ",".join(map(str, cpus))] if cpus else []
    command += [tool("wrk", "wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "20s"]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        if script:
            file.write(script)
            file.flush()
            command += ["-s", file.name]
        said = subprocess.run([*command, url], capture_output=True, text=True, check=False).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    total = re.search(r"(\d+) requests in", said)
    if rate is None or total is None:
        raise RuntimeError(f"wrk failed: {said[-500:]}")
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    sockets = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    failures = (int(bad[1]) if bad else 0) + (sum(map(int, sockets.groups())) if sockets else 0)
    return Load(float(rate[1]), int(total[1]), failures, _percentile(said, "50%"), _percentile(said, "99%"))


def _percentile(said: str, name: str) -> float:
    match = re.search(rf"{name}\s+([\d.]+)(us|ms|s)", said)
    return float(match[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[match[2]] if match else 0.0


@contextmanager
def nginx(files: dict[str, bytes], *, workers: int) -> Iterator[str]:
    """Serve `files` (path -> bytes) with nginx on a free port; yields its URL."""
    with tempfile.TemporaryDirectory(prefix="estore-nginx-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for path, content in files.items():
            target = folder / "html" / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        port = free_port()
        temporary = "".join(
            f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (folder / "nginx.conf").write_text(
            f"worker_processes {workers}; pid {folder}/pid; error_log {folder}/error; daemon off;"
            f" {'user root;' if os.geteuid() == 0 else ''} events {{ worker_connections 1024; }}"
            " http { access_log off; sendfile on; tcp_nopush on; open_file_cache max=1000;"
            " keepalive_requests 100000000;"
            f" default_type application/json; {temporary} server {{ listen 127.0.0.1:{port}; root {folder}/html; }} }}"
        )
        process = subprocess.Popen([tool("nginx", "nginx-light"), "-c", str(folder / "nginx.conf")], stderr=sys.stderr)
        try:
            _wait_for(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def _wait_for(port: int) -> None:
    import socket
    import time

    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}")
