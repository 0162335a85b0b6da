"""What orders, parcels and lines are called: ids, and the numbers people read aloud."""

from __future__ import annotations

import re

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O, U."""
_PAIRS = [high + low for high in ALPHABET for low in ALPHABET]
_HEARD_AS = str.maketrans("OIL", "011")
NUMBER_BITS = 40
_PARCEL = re.compile("pcl_([0-9A-Z]{1,40})-([1-9][0-9]{0,2})")
_LINE = re.compile("lin_([0-9A-Z]{1,40})-([1-9][0-9]{0,3})")
_ORDER = re.compile("ord_[0-9A-Z]{1,40}")


def number_of(bits: int) -> str:
    """Return the order number that 40 random bits make: `E-7K3M-92QX`."""
    a, b, c, d = (_PAIRS[bits >> shift & 1023] for shift in (30, 20, 10, 0))
    return f"E-{a}{b}-{c}{d}"


def number_from(text: str) -> str | None:
    """Return the number that somebody typed or heard (`e 7k3m 92qx`), or None when it is none."""
    letters = text.strip().upper().replace("-", "").replace(" ", "")
    if len(letters) != 9 or letters[0] != "E":
        return None
    letters = letters[1:].translate(_HEARD_AS)
    if any(letter not in ALPHABET for letter in letters):
        return None
    return f"E-{letters[:4]}-{letters[4:]}"


def line_id(order_id: str, number: int) -> str:
    """Return the id of an order's line: the order's own with its place, so that it needs no index of its own."""
    return f"lin_{order_id[4:]}-{number}"


def line_number(order_id: str, line: str) -> int | None:
    """Return the number of an order's line, None for what is no line of this order."""
    match = _LINE.fullmatch(line)
    return int(match[2]) if match is not None and match[1] == order_id[4:] else None


def parcel_id(order_id: str, number: int) -> str:
    """Return the id of an order's parcel."""
    return f"pcl_{order_id[4:]}-{number}"


def place_of(parcel: str) -> tuple[str, int] | None:
    """Return (order id, number) of a parcel's id, or None when it is none."""
    match = _PARCEL.fullmatch(parcel)
    return None if match is None else (f"ord_{match[1]}", int(match[2]))


def is_order_id(text: str) -> bool:
    """Tell whether `text` can be an order's id."""
    return _ORDER.fullmatch(text) is not None
