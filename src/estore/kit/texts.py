"""Docstrings as documentation: `name: meaning.` is written once, beside the fields, and read from there."""

from __future__ import annotations

import re
from collections.abc import Sequence


def meanings(text: str, names: Sequence[str]) -> dict[str, str]:
    """Read `name: meaning.` from a docstring; a meaning ends where the next name begins."""
    if not names:
        return {}
    flat = " ".join(text.split())
    name = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    starts = list(re.finditer(rf"(?<![\w`])((?:{name})(?:, (?:{name}))*): ", flat))
    ends = [match.start() for match in starts[1:]] + [len(flat)]
    return {
        one: flat[match.end() : end].strip().rstrip(".")
        for match, end in zip(starts, ends if starts else [], strict=True)
        for one in match[1].split(", ")
    }
