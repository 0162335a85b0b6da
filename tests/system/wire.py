"""HTTP/1.1 as it is: a few connections, bytes out, an answer back, for whoever sends thousands of requests.

httpx takes longer to send a request than the store to refuse it, and mends what is wrong with one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httptools

_PIECE = 65_536
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


@dataclass
class Answer:
    """What came back. Names of headers are in lower case."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """One connection, opened anew whenever the server has closed it. One request at a time."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._host, self._port = address.hostname, address.port
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None = None, *, chunked: bool = False
    ) -> Answer:
        """Send a request, and wait 60 s at most for the answer.

        Args:
            method: in capitals.
            target: path and query, in ASCII and as they are to be.
            headers: without Host and the body's length.
            body: None is an empty one where the method wants one.
            chunked: without saying beforehand how long the body is.
        """
        async with asyncio.timeout(60):
            reader, writer = await self._connection()
            # A body that is refused before its end may find nobody to read it: the answer is there all the same.
            with suppress(ConnectionError):
                writer.writelines(self._pieces(method, target, headers, body, chunked))
                await writer.drain()
            answer, stays = await _answer(reader)
        if not stays:
            await self.close()
        return answer

    async def close(self) -> None:
        """Let go of the connection."""
        if self._open is not None:
            _, writer = self._open
            self._open = None
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._open is None or self._open[0].at_eof() or self._open[1].is_closing():
            await self.close()
            self._open = await asyncio.open_connection(self._host, self._port)
        return self._open

    def _pieces(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, chunked: bool
    ) -> Iterable[bytes]:
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self._host}:{self._port}", "Accept: */*"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if chunked:
            lines.append("Transfer-Encoding: chunked")
        elif body is not None or method in _WITH_BODY:
            lines.append(f"Content-Length: {len(body or b'')}")
        yield "\r\n".join((*lines, "\r\n")).encode("latin-1")
        if body and not chunked:
            yield body
        if chunked:
            for start in range(0, len(body or b""), _PIECE):
                piece = (body or b"")[start : start + _PIECE]
                yield b"%x\r\n%b\r\n" % (len(piece), piece)
            yield b"0\r\n\r\n"


class _Heard:
    """What the parser calls."""

    def __init__(self) -> None:
        self.answer = Answer()
        self.whole = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.answer.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self.answer.body += body

    def on_message_complete(self) -> None:
        self.whole = True


async def _answer(reader: asyncio.StreamReader) -> tuple[Answer, bool]:
    """Read an answer; tells as well whether the connection stays open."""
    heard = _Heard()
    parser = httptools.HttpResponseParser(heard)
    while not heard.whole:
        received = await reader.read(_PIECE)
        if not received:
            raise ConnectionError(f"the connection ended within the answer: {heard.answer}")
        parser.feed_data(received)
    heard.answer.status = parser.get_status_code()
    return heard.answer, parser.should_keep_alive()


@asynccontextmanager
async def wires(url: str, number: int) -> AsyncIterator[list[Wire]]:
    """Hold `number` connections to a server."""
    made = [Wire(url) for _ in range(number)]
    try:
        yield made
    finally:
        await asyncio.gather(*(wire.close() for wire in made))
