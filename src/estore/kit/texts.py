"""What is written once in the code and read elsewhere: docstrings as documentation, patterns as JSON Schema's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any


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


def ecma(pattern: str) -> str:
    r"""Write a pattern of ours as ECMA 262 does, which JSON Schema and clients read.

    Ours end with `\Z`: Python's `$` also matches before a newline at the end, ECMA's does not.
    """
    return pattern.replace(r"\Z", "$")


def as_json_schema(schema: Any) -> Any:
    """Return what msgspec made of our types with its patterns in ECMA 262."""
    if isinstance(schema, dict):
        return {
            name: ecma(inner) if name == "pattern" and isinstance(inner, str) else as_json_schema(inner)
            for name, inner in schema.items()
        }
    return [as_json_schema(item) for item in schema] if isinstance(schema, list) else schema
