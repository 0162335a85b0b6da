"""The load of the measurement: requests over connections that are kept, so many at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit


class Refused(RuntimeError):
    """A request was not answered as the measurement needs it; the message says how."""


class Client:
    """Speaks HTTP/1.1 with the services, straight to their ports."""

    def __init__(self, ports: dict[str, int], prefixes: dict[str, str]) -> None:
        """ports: service -> port. prefixes: `/v1/orders` -> service."""
        self._ports = ports
        self._prefixes = prefixes
        self._free: dict[int, list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]] = {}

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send a request; returns the answer's JSON. Raises Refused for anything but a 2xx."""
        prefix = "/".join(urlsplit(path).path.split("/", 3)[:3])
        port = self._ports[self._prefixes[prefix]]
        free = self._free.setdefault(port, [])
        sent = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", "Host: store"]
        if method != "GET":
            # The read cache answers none that has a body.
            lines += [f"Content-Length: {len(sent)}", "Content-Type: application/json"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        while True:
            used = bool(free)
            reader, writer = free.pop() if used else await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write("\r\n".join([*lines, "", ""]).encode() + sent)
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                break
            except (asyncio.IncompleteReadError, ConnectionError):
                # Closed by the server while nobody used it.
                writer.close()
                if not used:
                    raise
        status = int(head.split(" ", 2)[1])
        length = head.lower().partition("content-length: ")[2].partition("\r\n")[0]
        answer = await reader.readexactly(int(length or 0))
        free.append((reader, writer))
        if not 200 <= status < 300:
            raise Refused(f"{method} {path}: {status} {answer[:300].decode('utf-8', 'replace')}")
        return json.loads(answer) if answer else None

    def close(self) -> None:
        for connections in self._free.values():
            for _, writer in connections:
                writer.close()


async def times(count: int, width: int, one: Callable[[int], Awaitable[None]]) -> None:
    """Run `one` with the numbers below `count`, `width` at once. Raises what `one` raises."""
    numbers = iter(range(count))

    async def lane() -> None:
        for number in numbers:
            await one(number)

    async with asyncio.TaskGroup() as group:
        for _ in range(width):
            group.create_task(lane())
