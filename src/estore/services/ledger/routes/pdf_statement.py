"""A statement as PDF, A4: who, when, the balances, every line with what it cost, and the page's number on each page."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from estore.kit.money import Money, to_major
from estore.services.ledger.domain.statements import Statement, StatementLine

MOST_LINES = 5_000
"""A PDF is laid out as a whole, in memory; whoever needs more reads CSV."""
# x of each column in points, from the left edge of A4 landscape; numbers end there.
_TEXTS = (("Date", 36), ("Order", 92), ("What", 160))
_NUMBERS = (
    ("Qty", 358), ("Price", 412), ("Discount", 462), ("Tax", 506), ("Total", 560), ("Commission", 618),
    ("Tax on it", 662), ("Funded", 710), ("Amount", 760), ("Balance", 810),
)  # fmt: skip
_WIDTH, _HEIGHT, _BOTTOM, _LEADING, _SIZE = 842, 595, 48, 12, 7.5
_KINDS = {
    "sale": "",
    "shipping": "",
    "refund": "Refund: ",
    "refund_undone": "Refund undone: ",
    "payout": "Payout ",
    "payout_returned": "Payout returned ",
    "adjustment": "Adjustment: ",
}
_MOST_LETTERS = 44


def render(statement: Statement, lines: Sequence[StatementLine], marketplace: str) -> bytes:
    """Return the document. Takes milliseconds per page of CPU: call it in a thread."""
    return _Document(statement, marketplace).write(lines)


class _Document:
    def __init__(self, statement: Statement, marketplace: str) -> None:
        # A service that makes no PDF does not pay for the library.
        from reportlab.pdfbase.pdfmetrics import registerFont  # type: ignore[import-untyped]
        from reportlab.pdfbase.ttfonts import TTFont  # type: ignore[import-untyped]
        from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]
        from ttf_opensans import opensans  # type: ignore[import-untyped]

        for name, weight in (("Text", 400), ("Bold", 700)):
            registerFont(TTFont(name, str(opensans(font_weight=weight).path)))
        self._statement = statement
        self._marketplace = marketplace
        self._out = io.BytesIO()
        self._canvas: Any = Canvas(self._out, pagesize=(_WIDTH, _HEIGHT), invariant=1)
        self._canvas.setTitle(f"Statement {statement.number}")
        self._canvas.setAuthor(marketplace)
        self._page = 0
        self._y = 0.0

    def write(self, lines: Sequence[StatementLine]) -> bytes:
        statement = self._statement
        self._next_page()
        self._summary()
        self._columns()
        self._balance("Opening balance", statement.opening)
        for line in lines:
            self._room()
            self._line(line)
        self._room()
        self._balance("Closing balance", statement.closing)
        self._canvas.showPage()
        self._canvas.save()
        return self._out.getvalue()

    def _room(self) -> None:
        if self._y < _BOTTOM:
            self._canvas.showPage()
            self._next_page()
            self._columns()

    def _next_page(self) -> None:
        self._page += 1
        self._y = _HEIGHT - 40
        statement, canvas = self._statement, self._canvas
        canvas.setFont("Text", _SIZE)
        canvas.drawString(36, 24, f"{self._marketplace} · Statement {statement.number} · {statement.vendor_id}")
        canvas.drawRightString(810, 24, f"Page {self._page}")

    def _summary(self) -> None:
        statement, canvas = self._statement, self._canvas
        canvas.setFont("Bold", 15)
        canvas.drawString(36, self._y, "Statement of account")
        last = statement.until - timedelta(days=1)
        facts = (
            ("Vendor", f"{statement.legal_name or statement.name} ({statement.name}), {statement.country}"),
            ("Number", statement.number),
            ("Period", f"{statement.since.isoformat()} to {last.isoformat()}, UTC"),
            ("Currency", statement.currency),
            ("Made", f"{statement.made_at:%Y-%m-%d %H:%M} UTC" + ("" if statement.final else ", not final yet")),
        )
        sums = (
            ("Opening balance", statement.opening),
            ("Sales with what promotions pay, less commission", statement.totals.sales),
            ("Refunds", statement.totals.refunds),
            ("Payouts", statement.totals.payouts),
            ("Adjustments", statement.totals.adjustments),
            ("Closing balance", statement.closing),
        )
        top = self._y - 22
        for number, (name, text) in enumerate(facts):
            canvas.setFont("Bold", 9)
            canvas.drawString(36, top - 14 * number, name)
            canvas.setFont("Text", 9)
            canvas.drawString(96, top - 14 * number, text[:90])
        for number, (name, money) in enumerate(sums):
            canvas.setFont("Bold" if number in (0, len(sums) - 1) else "Text", 9)
            canvas.drawString(580, top - 14 * number, name)
            canvas.drawRightString(810, top - 14 * number, f"{to_major(money)} {money.currency}")
        self._y = top - 14 * len(sums) - 12

    def _columns(self) -> None:
        self._canvas.setFont("Bold", _SIZE)
        for name, x in _TEXTS:
            self._canvas.drawString(x, self._y, name)
        for name, x in _NUMBERS:
            self._canvas.drawRightString(x, self._y, name)
        self._canvas.line(36, self._y - 3, 810, self._y - 3)
        self._y -= _LEADING + 2

    def _balance(self, name: str, balance: Money) -> None:
        self._canvas.setFont("Bold", _SIZE)
        self._canvas.drawString(160, self._y, name)
        self._canvas.drawRightString(810, self._y, to_major(balance))
        self._y -= _LEADING

    def _line(self, line: StatementLine) -> None:
        canvas = self._canvas
        canvas.setFont("Text", _SIZE)
        what = _KINDS.get(line.kind, "") + (line.title or line.reference or "")
        if line.sku:
            what = f"{what} [{line.sku}]"
        texts = (f"{line.at:%Y-%m-%d}", line.order_number or "", what)
        for (_, x), text in zip(_TEXTS, texts, strict=True):
            canvas.drawString(x, self._y, text if len(text) <= _MOST_LETTERS else f"{text[: _MOST_LETTERS - 1]}…")
        money = (
            line.price, line.discount, line.tax, line.total, line.commission, line.commission_tax, line.funded
        )  # fmt: skip
        cells = ["" if line.quantity is None else str(line.quantity), *(to_major(m) if m else "" for m in money)]
        cells += [to_major(line.amount), to_major(line.balance)]
        for (_, x), cell in zip(_NUMBERS, cells, strict=True):
            canvas.drawRightString(x, self._y, cell)
        self._y -= _LEADING
