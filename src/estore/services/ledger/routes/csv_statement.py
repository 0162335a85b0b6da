"""A statement as CSV (RFC 4180): one row per line, the balances first and last. Amounts in major units, exact."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from estore.kit.money import Money, to_major
from estore.services.ledger.domain.statements import Statement, StatementLine

COLUMNS = (
    "at", "kind", "order_number", "order_id", "parcel_id", "line_id", "reference", "sku", "title", "quantity",
    "unit_price", "price", "discount", "tax", "total", "commission", "commission_tax", "funded",
    "amount", "balance", "currency",
)  # fmt: skip
_MONEY = frozenset({"unit_price", "price", "discount", "tax", "total", "commission", "commission_tax", "funded"})
# What a spreadsheet would take for a formula (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def head(statement: Statement) -> bytes:
    """Return the header and the opening balance."""
    return _rows([COLUMNS, _balance(statement, "opening", statement.opening, statement.since.isoformat())])


def body(lines: Iterable[StatementLine]) -> bytes:
    """Return the rows of some lines."""
    return _rows([_row(line) for line in lines])


def foot(statement: Statement) -> bytes:
    """Return the closing balance."""
    return _rows([_balance(statement, "closing", statement.closing, statement.until.isoformat())])


def _balance(statement: Statement, kind: str, balance: Money, at: str) -> Sequence[str]:
    filled = {"at": at, "kind": kind, "balance": to_major(balance), "currency": statement.currency}
    return [filled.get(column, "") for column in COLUMNS]


def _row(line: StatementLine) -> Sequence[str]:
    cells = []
    for column in COLUMNS[:-3]:
        value = getattr(line, column)
        if value is None:
            cells.append("")
        elif column in _MONEY:
            cells.append(to_major(value))
        elif column == "at":
            cells.append(line.at.isoformat())
        else:
            cells.append(_harmless(str(value)))
    return [*cells, to_major(line.amount), to_major(line.balance), line.amount.currency]


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _rows(rows: Iterable[Sequence[str]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()
