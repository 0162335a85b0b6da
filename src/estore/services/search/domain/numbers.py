"""Numbers among the words of an index: written so that they sort as text, and ranges of them as patterns of digits."""

from __future__ import annotations

import re
from decimal import Decimal

from estore.kit.decimals import decimal_of, plain

_RANGE = re.compile(r"(-?[0-9.]*?)\.\.(-?[0-9.]*)")
# Millionths, and so much more that none is below zero: each has as many digits.
_SHIFT = 10**21
DIGITS = 22
LOWEST, HIGHEST = "0" * DIGITS, "9" * DIGITS


def sortable(number: Decimal) -> str:
    """Return DIGITS digits that compare as text as numbers do. Exact for what `decimal_of` returns."""
    return f"{int(number * 1_000_000) + _SHIFT:0{DIGITS}d}"


def range_of(text: str) -> tuple[str, str] | None:
    """Return the ends of `100..500`, `100..` or `..500`, both included, as `sortable` writes them.

    None for what is no range at all. Raises ValueError where one end is no number, or the first is past the second.
    """
    if ".." not in text:
        return None
    found = _RANGE.fullmatch(text)
    ends = [decimal_of(end) for end in found.groups()] if found else []
    if found is None or any(end is None and said for end, said in zip(ends, found.groups(), strict=True)):
        raise ValueError("a range is written 100..500, 100.. or ..500")
    low, high = ends
    if low is None and high is None:
        raise ValueError("a range has one end at least")
    if low is not None and high is not None and low > high:
        raise ValueError(f"{plain(low)} is past {plain(high)}")
    return (LOWEST if low is None else sortable(low), HIGHEST if high is None else sortable(high))


def digits_between(low: str, high: str) -> str:
    """Return a pattern of the strings of digits from `low` to `high`, both included and of one length."""
    rest = len(low) - 1
    if low == high:
        return low
    if low == "0" * len(low) and high == "9" * len(high):
        return f"[0-9]{{{len(low)}}}"
    if low[0] == high[0]:
        return low[0] + digits_between(low[1:], high[1:])
    if not rest:
        return f"[{low}-{high}]"
    parts = [low[0] + digits_between(low[1:], "9" * rest)]
    first, last = int(low[0]) + 1, int(high[0]) - 1
    if first <= last:
        parts.append(f"[{first}-{last}][0-9]{{{rest}}}")
    parts.append(high[0] + digits_between("0" * rest, high[1:]))
    return f"({'|'.join(parts)})"
