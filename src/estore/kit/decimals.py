"""Decimal numbers as text: read exactly, and written in one way, so that what one service keeps another finds."""

from __future__ import annotations

import re
from decimal import Decimal

_DECIMAL = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,6})?")


def decimal_of(text: str) -> Decimal | None:
    """Return the number that `text` is: up to 15 digits before the point and 6 after it; None for all else."""
    return Decimal(text) if _DECIMAL.fullmatch(text) else None


def plain(number: Decimal) -> str:
    """Return a number without what says nothing: 320.0 is `320`, and -0 is `0`."""
    whole, _, rest = format(number, "f").partition(".")
    rest = rest.rstrip("0")
    text = f"{whole}.{rest}" if rest else whole
    return "0" if text == "-0" else text
