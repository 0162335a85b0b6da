"""Files of products, read as they arrive: bytes in, records out, in bounded memory. One bad line spoils one record.

A `Raw` is one product as the file says it: a dict in our own shape (JSON Lines), rows of cells (Shopify), or an item of
the sample file (dummyjson). `mapping` makes our own shape of the latter two.
"""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Protocol

import msgspec

MAX_RECORD = 1024 * 1024
MAX_QUOTED = 256 * 1024
_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with a record. field: JSON pointer or column; empty for the whole record."""

    code: str
    detail: str
    field: str = ""


class Raw(msgspec.Struct, frozen=True):
    """line: of the file, where the record begins, from 1 on (dummyjson: the item's place in the list)."""

    line: int
    data: Any = None
    problem: Problem | None = None


class FileUnreadable(ValueError):
    """The file as a whole is not what it was said to be; the message is for whoever sent it."""


class Parser(Protocol):
    """Reads one file. Both methods return the records that are complete. Raises FileUnreadable."""

    def feed(self, data: bytes) -> Iterator[Raw]: ...

    def close(self) -> Iterator[Raw]: ...


class _Lines:
    """Cuts bytes into lines. One that is longer than MAX_RECORD comes as None."""

    def __init__(self) -> None:
        self._rest = b""
        self._number = 0
        self._skipping = False

    def feed(self, data: bytes, *, last: bool = False) -> Iterator[tuple[int, bytes | None]]:
        buffer = self._rest + data
        if self._number == 0 and buffer.startswith(_UTF16):
            raise FileUnreadable("the file is UTF-16; save it as UTF-8")
        if self._number == 0 and len(buffer) >= 3:
            buffer = buffer.removeprefix(_BOM)
        lines = buffer.split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            self._number += 1
            yield self._number, self._whole(line)
        if len(self._rest) > MAX_RECORD:
            self._skipping, self._rest = True, b""
        if last and (self._rest or self._skipping):
            self._number += 1
            yield self._number, self._whole(self._rest)

    def _whole(self, line: bytes) -> bytes | None:
        if self._skipping or len(line) > MAX_RECORD:
            self._skipping = False
            return None
        return line


_TOO_LONG = Problem("catalog.import_record_too_long", f"a record may have {MAX_RECORD} bytes")
_ENCODING = Problem("catalog.import_encoding", "the line is not UTF-8")


class JsonLines:
    """Our own format: one JSON object per line, empty lines ignored."""

    def __init__(self) -> None:
        self._lines = _Lines()

    def feed(self, data: bytes) -> Iterator[Raw]:
        for number, line in self._lines.feed(data):
            yield from self._record(number, line)

    def close(self) -> Iterator[Raw]:
        for number, line in self._lines.feed(b"", last=True):
            yield from self._record(number, line)

    def _record(self, number: int, line: bytes | None) -> Iterator[Raw]:
        if line is None:
            yield Raw(number, problem=_TOO_LONG)
            return
        if not line.strip():
            return
        try:
            yield Raw(number, msgspec.json.decode(line))
        except UnicodeDecodeError:
            yield Raw(number, problem=_ENCODING)
        except (msgspec.DecodeError, RecursionError) as error:
            try:
                line.decode()
            except UnicodeDecodeError:
                yield Raw(number, problem=_ENCODING)
                return
            yield Raw(number, problem=Problem("catalog.import_not_json", f"the line is not JSON: {error}"))


class DummyJson:
    """A JSON list of items, or an object whose `products` is one, as the DummyJSON project publishes them."""

    _OPENING = re.compile(r'\s*(?:\{\s*"products"\s*:\s*)?\[')
    _BETWEEN = re.compile(r"[\s,]*")

    def __init__(self) -> None:
        self._text = ""
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._json = json.JSONDecoder(parse_float=Decimal)
        self._open = self._closed = False
        self._number = 0

    def feed(self, data: bytes) -> Iterator[Raw]:
        yield from self._read(data, last=False)

    def close(self) -> Iterator[Raw]:
        yield from self._read(b"", last=True)
        if not self._closed:
            raise FileUnreadable(f"the list breaks off after item {self._number}")

    def _read(self, data: bytes, *, last: bool) -> Iterator[Raw]:
        try:
            self._text += self._decoder.decode(data, last)
        except UnicodeDecodeError as error:
            raise FileUnreadable(f"the file is not UTF-8: {error.reason}, after item {self._number}") from None
        place = 0
        if not self._open:
            opening = self._OPENING.match(self._text)
            if opening is None:
                if len(self._text) > 1000 or last:
                    raise FileUnreadable("the file is not a JSON list of products")
                return
            self._open, place = True, opening.end()
        while not self._closed:
            between = self._BETWEEN.match(self._text, place)
            place = between.end() if between else place
            if place == len(self._text):
                break
            if self._text[place] == "]":
                self._closed = True
                break
            try:
                item, place = self._json.raw_decode(self._text, place)
            except RecursionError:
                raise FileUnreadable(f"item {self._number + 1} is nested too deep") from None
            except ValueError as error:
                if last or len(self._text) - place > MAX_RECORD:
                    raise FileUnreadable(f"item {self._number + 1} is not JSON: {error}") from None
                break
            self._number += 1
            yield Raw(self._number, item)
        self._text = "" if self._closed else self._text[place:]


def _physical(text: str) -> list[str]:
    return [f"{line}\n" for line in text.split("\n")]


class ShopifyCsv:
    """Shopify's product CSV: a header, then one row per variant or picture; the rows of a handle follow each other.

    A row with a quotation mark that never closes is reported where it opens, and reading goes on in the next line.
    """

    def __init__(self) -> None:
        self._lines = _Lines()
        self._pending: list[tuple[int, bytes]] = []
        self._quotes = self._size = 0
        self._columns: list[str] = []
        self._delimiter = ","
        self._handle = ""
        self._begin = 0
        self._rows: list[dict[str, str]] = []
        self._damage: Problem | None = None

    def feed(self, data: bytes) -> Iterator[Raw]:
        for number, line in self._lines.feed(data):
            yield from self._line(number, line)

    def close(self) -> Iterator[Raw]:
        for number, line in self._lines.feed(b"", last=True):
            yield from self._line(number, line)
        while self._pending:
            yield from self._unclosed()
        yield from self._product()
        if not self._columns:
            raise FileUnreadable("the file has no header")

    def _line(self, number: int, line: bytes | None) -> Iterator[Raw]:
        if line is None:
            yield from self._bad(number, "", _TOO_LONG)
            return
        self._pending.append((number, line))
        self._quotes += line.count(b'"')
        self._size += len(line)
        if self._quotes % 2 == 0:
            pending, self._pending, self._quotes, self._size = self._pending, [], 0, 0
            yield from self._record(pending[0][0], b"\n".join(text for _, text in pending))
        elif self._size > MAX_QUOTED:
            yield from self._unclosed()

    def _unclosed(self) -> Iterator[Raw]:
        (number, line), *rest = self._pending
        self._pending, self._quotes, self._size = [], 0, 0
        if not self._columns:
            raise FileUnreadable("a quotation mark opens in the header and never closes")
        problem = Problem("catalog.import_quoting", f"a quotation mark opens in line {number} and never closes")
        yield from self._bad(number, self._guess(line), problem)
        for again, text in rest:
            yield from self._line(again, text)

    def _record(self, number: int, data: bytes) -> Iterator[Raw]:
        if not data.strip():
            return
        try:
            text = data.decode()
        except UnicodeDecodeError:
            if not self._columns:
                raise FileUnreadable("the header is not UTF-8; save the file as UTF-8") from None
            yield from self._bad(number, self._guess(data), _ENCODING)
            return
        if not self._columns:
            self._header(text)
            return
        try:
            cells = next(csv.reader(_physical(text), delimiter=self._delimiter, strict=True), [])
        except csv.Error as error:
            yield from self._bad(number, self._guess(data), Problem("catalog.import_quoting", f"not CSV: {error}"))
            return
        if not any(cell.strip() for cell in cells):
            return
        row = dict(zip(self._columns, cells, strict=False))
        if len(cells) != len(self._columns) and any(cells[len(self._columns) :] or [len(cells) < len(self._columns)]):
            detail = f"{len(cells)} cells under {len(self._columns)} columns"
            yield from self._bad(number, row.get("handle", "").strip(), Problem("catalog.import_cells", detail))
            return
        yield from self._row(number, row)

    def _header(self, text: str) -> None:
        counts = {mark: text.count(mark) for mark in (",", ";", "\t")}
        self._delimiter = max(counts, key=lambda mark: counts[mark])
        try:
            cells = next(csv.reader(_physical(text), delimiter=self._delimiter), [])
        except csv.Error as error:
            raise FileUnreadable(f"the header is not CSV: {error}") from None
        columns = [COLUMNS.get(cell.strip().lower(), cell.strip().lower()) for cell in cells]
        if "handle" not in columns or "title" not in columns:
            raise FileUnreadable("the header lacks Handle or Title: this is not a Shopify product CSV")
        self._columns = columns

    def _row(self, number: int, row: dict[str, str]) -> Iterator[Raw]:
        handle = row["handle"].strip()
        if not handle and not self._rows:
            yield Raw(number, problem=Problem("catalog.import_handle_missing", "the row has no handle", "Handle"))
            return
        if handle and handle != self._handle:
            yield from self._product()
            self._handle, self._begin = handle, number
        self._rows.append(row)
        if len(self._rows) > 1000:
            self._damage = Problem("catalog.import_too_many_rows", "a product may have 1000 rows", "Handle")
            del self._rows[1000:]

    def _bad(self, number: int, handle: str, problem: Problem) -> Iterator[Raw]:
        """A row that cannot be read spoils the product that it belongs to, as far as its handle can be told."""
        if self._rows and (handle in ("", self._handle)):
            self._damage = self._damage or Problem(problem.code, f"line {number}: {problem.detail}", problem.field)
            return
        yield from self._product()
        yield Raw(number, problem=problem)

    def _guess(self, line: bytes) -> str:
        return line.split(self._delimiter.encode(), 1)[0].decode(errors="replace").strip(' "\r')

    def _product(self) -> Iterator[Raw]:
        if self._rows:
            yield Raw(self._begin, {"handle": self._handle, "rows": self._rows}, self._damage)
        self._rows, self._damage, self._handle = [], None, ""


# Names that Shopify gives the columns today -> those of its documented product CSV, in lower case.
COLUMNS = {
    "url handle": "handle",
    "description": "body (html)",
    "body html": "body (html)",
    "body": "body (html)",
    "sku": "variant sku",
    "price": "variant price",
    "barcode": "variant barcode",
    "weight value (grams)": "variant grams",
    "inventory quantity": "variant inventory qty",
    "product image url": "image src",
    "variant image url": "variant image",
    "published on online store": "published",
}

PARSERS: dict[str, Callable[[], Parser]] = {"jsonl": JsonLines, "shopify_csv": ShopifyCsv, "dummyjson": DummyJson}
