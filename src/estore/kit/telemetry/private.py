"""What a person or a secret could be known by is taken out of what is logged, kept with a dead letter, or exported.

Prevents: a customer's address in a log that fifty people can read, because a library put it into an error's message.
Nobody means to log personal data; this is the net below those who do by accident.
"""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Iterator
from typing import Any

from estore.kit.errors import Failure

_LEFT_OUT = "[left out]"
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # Credentials in an address, such as postgresql://user:password@host
    (re.compile(r"(?<=://)[^\s/@:]+:[^\s/@]+(?=@)"), _LEFT_OUT),
    (re.compile(r"[\w.+%-]{1,64}@(?:[\w-]{1,63}\.)+[a-zA-Z]{2,24}"), _LEFT_OUT),
    # Signed tokens (RFC 7519), ours and others' keys and secrets by their prefixes
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?"), _LEFT_OUT),
    (re.compile(r"\b(?:sk|rk|pk|whsec|pm|tok|estore)_[\w-]{8,}"), _LEFT_OUT),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {_LEFT_OUT}"),
    # Account numbers (ISO 13616), cards (13 to 19 digits), with spaces or without
    (re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b"), _LEFT_OUT),
    (re.compile(r"(?<![\w-])(?:\d[ -]?){12,18}\d(?![\w-])"), _LEFT_OUT),
    # Telephone numbers as they are written for callers from abroad (ITU-T E.123)
    (re.compile(r"(?<![\w:.+])\+[1-9](?:[ ()/.-]{0,2}\d){6,14}(?![\w:])"), _LEFT_OUT),
)
# Cheap to ask, and true of almost every text: none of the patterns can match.
_SUSPECT = re.compile(r"@|eyJ|(?:sk|rk|pk|whsec|pm|tok|estore)_|(?i:bearer|basic)|\d{2}[ \d-]?\d{2}|[A-Z]{2}\d{2}|\+\d")
# Also to the end where a quote was cut off; an apostrophe within a word neither begins nor ends one.
_QUOTED = re.compile(
    r"(?:(?<!\w)|(?<=\bb))'((?:[^'\\]|\\.|'(?=\w))*)(?:'|\Z)|\"((?:[^\"\\]|\\.)*)(?:\"|\Z)|`([^`]*)(?:`|\Z)", re.DOTALL
)
# What PostgreSQL adds to its message is the row.
_ROW = re.compile(r"\n(?:DETAIL|CONTEXT|HINT):.*", re.DOTALL)
# What is quoted is a value, unless it is written as only our own names are: `order_line`, no digit, no capital.
_OURS = re.compile(r"[a-z]+(?:_[a-z]+)*")
# Their messages are ours, the system's, or the interpreter's of names in the program.
_OF_NAMES = (Failure, OSError, AttributeError, NameError, ImportError, TypeError, NotImplementedError, RecursionError)
MAX_TEXT = 2000


def cleaned(text: str) -> str:
    """Return `text` without what looks like an e-mail address, a credential, an account or card number."""
    if _SUSPECT.search(text) is None:
        return text
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def told(error: BaseException) -> str:
    """Return what may be told of `error`: its type, and its message without the values that it quotes."""
    return f"{type(error).__name__}: {_message(error)}"[:MAX_TEXT]


def _message(error: BaseException) -> str:
    text = str(error)
    if isinstance(error, _OF_NAMES):
        return cleaned(text)
    return cleaned(_QUOTED.sub(_value_or_name, _ROW.sub("", text)))


def _value_or_name(found: re.Match[str]) -> str:
    return found[0] if _OURS.fullmatch(found[1] or found[2] or found[3] or "") else _LEFT_OUT


def stack(error: BaseException) -> str:
    """Return the traceback of `error` and of what caused it, without values: frames, types, cleaned messages."""
    return "\n".join(_chain(error, set()))


def _chain(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None and id(cause) not in seen:
        yield from _chain(cause, seen)
        yield "which led to"
    yield from (line.rstrip("\n") for line in traceback.format_tb(error.__traceback__))
    yield told(error)
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _chain(each, seen)


def clean_fields(_logger: Any, _method: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Clean the texts of a log line (a structlog processor), and turn its exception into a stack."""
    error = fields.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    elif isinstance(error, tuple):
        error = error[1]
    for name, value in fields.items():
        fields[name] = _clean(value)
    if isinstance(error, BaseException):
        fields["exception"] = stack(error)
    return fields


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return cleaned(value)
    if isinstance(value, BaseException):
        return told(value)
    if isinstance(value, list | tuple):
        return [_clean(each) for each in value]
    if isinstance(value, dict):
        return {name: _clean(each) for name, each in value.items()}
    return value
