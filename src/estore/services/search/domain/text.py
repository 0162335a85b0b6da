"""What was typed, and what is written on a product, in the same words.

Prevents: "500 gb" that does not find "500GB", and a query language that a customer meets by accident: nothing that is
typed is an operator but a phrase in quotes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

MAX_WORDS = 16
MAX_WORD = 40
MAX_KEPT = 100

# Alias -> unit and how many of it one is, so that half a litre is 500 ml.
_ALIASES = {
    ("ml", "1"): "ml millilitre millilitres milliliter milliliters",
    ("ml", "10"): "cl",
    ("ml", "1000"): "l litre litres liter liters",
    ("g", "1"): "g gram grams gramme grammes",
    ("g", "1000"): "kg kilo kilos kilogram kilograms",
    ("mm", "1"): "mm",
    ("mm", "10"): "cm centimetre centimetres centimeter centimeters",
    ("mm", "1000"): "m metre metres meter meters",
    ("gb", "1"): "gb gigabyte gigabytes",
    ("gb", "1000"): "tb terabyte terabytes",
    ("mb", "1"): "mb megabyte megabytes",
    ("w", "1"): "w watt watts",
    ("w", "1000"): "kw",
    ("v", "1"): "v volt volts",
    ("mah", "1"): "mah",
    ("wh", "1"): "wh",
    ("hz", "1"): "hz",
    ("inch", "1"): 'inch inches " ″ ”',
    ("oz", "1"): "oz ounce ounces",
    ("lb", "1"): "lb lbs pound pounds",
}
UNITS = {alias: (unit, Decimal(factor)) for (unit, factor), aliases in _ALIASES.items() for alias in aliases.split()}
_MEASURE = re.compile(
    r"(?<![\w.,])(\d{1,7}(?:[.,]\d{1,3})?)(?:\s|-)?("
    + "|".join(sorted((re.escape(alias) for alias in UNITS), key=len, reverse=True))
    + r")(?!\w)"
)
_MEASURED = re.compile(r"\d+(?:p\d+)?(?:" + "|".join(sorted({unit for unit, _ in UNITS.values()})) + ")")
_DIGIT = re.compile(r"\d")
_WORD = re.compile(r"[^\W_]+")
_CODE = re.compile(r"[a-z0-9 ._-]{1,64}")
_BETWEEN = {ord(sign): None for sign in " .-"}
_QUOTES = '"“”'


class Asked(NamedTuple):
    """What was asked for. words: folded. phrases: words in quotes. typing: whether the last word may be unfinished.
    code: the whole, where it may be a SKU or a barcode. loose: words of phrases and others, where nothing has these
    phrases."""

    words: tuple[str, ...]
    phrases: tuple[tuple[str, ...], ...] = ()
    typing: bool = False
    code: str | None = None
    loose: tuple[str, ...] = ()


def fold(text: str) -> str:
    """Return `text` in small letters without accents, with numbers and their units as one word: "0.5 L" -> "500ml"."""
    plain = text.replace("'", "").lower()
    if not plain.isascii():
        plain = plain.encode("utf-8", "ignore").decode().replace("ß", "ss").replace("’", "")
        plain = "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c)).lower()
    return _MEASURE.sub(_measure, plain) if _DIGIT.search(plain) else plain


def _measure(found: re.Match[str]) -> str:
    unit, factor = UNITS[found[2]]
    number = format((Decimal(found[1].replace(",", ".")) * factor).normalize(), "f").replace(".", "p")
    return f"{number}{unit} "


def is_measure(word: str) -> bool:
    """Tell whether a folded word is a number with its unit: `500gb`."""
    return _MEASURED.fullmatch(word) is not None


def words_of(text: str) -> list[str]:
    """Return the words of `text`, folded."""
    return _WORD.findall(fold(text))


def understand(typed: str) -> Asked:
    """Return what `typed` asks for: at most MAX_WORDS words, the rest is left out.

    A quote opens a phrase at the start of a word only, so that 27" is a size; one that is never closed opens nothing.
    """
    phrases = []
    rest = typed
    for found in re.finditer(r'(?:^|(?<=\s))["“”]([^"“”]+)["“”]', typed):
        if words := [word[:MAX_WORD] for word in words_of(found[1])][:MAX_WORDS]:
            phrases.append(tuple(words))
        rest = rest.replace(found[0], " ", 1)
    words = [word[:MAX_WORD] for word in words_of(rest)][:MAX_WORDS]
    code = typed.strip().strip(_QUOTES).strip().lower()
    typing = bool(words) and typed[-1:] != " " and rest.rstrip() == rest and not typed.endswith(('"', "“", "”"))
    loose = [word for some in (*phrases, words) for word in some][:MAX_WORDS] if phrases else ()
    return Asked(tuple(words), tuple(phrases[:4]), typing, code if _CODE.fullmatch(code) else None, tuple(loose))


def bare(code: str) -> str:
    """Return a barcode as a scanner reads it: without the blanks and hyphens that are printed between its digits."""
    return code.translate(_BETWEEN)


def kept(typed: str) -> str:
    """Return a query as rules and statistics know it; empty for what is not kept: addresses, and what is too long."""
    asked = understand(typed)
    plain = " ".join(word for words in (*asked.phrases, asked.words) for word in words)
    return "" if "@" in typed or len(plain) > MAX_KEPT else plain


def side_by_side(text: str) -> str:
    """Return the words of `text` as they stand in a query of others."""
    return " ".join(word[:MAX_WORD] for word in words_of(text))


def without_stop_words(words: Iterable[str], stop_words: frozenset[str]) -> tuple[str, ...]:
    """Return `words` without the stop words; all of them where nothing else would be left."""
    words = tuple(words)
    return tuple(word for word in words if word not in stop_words) or words


def attribute_words(name: str, value: str) -> str:
    """Return what is searched of an attribute: its value with the unit that its name ends in, and for a yes its name.

    `capacity_ml: 320` -> "320 ml"; `dishwasher_safe: true` -> "dishwasher safe"; a no says nothing.
    """
    said = name.replace("_", " ")
    if value in ("true", "false"):
        return said if value == "true" else ""
    unit = name.rpartition("_")[2]
    return f"{value} {unit}" if unit in UNITS and re.fullmatch(r"[\d.,]+", value) else value


def facet_name(name: str) -> str:
    """Return the name under which an attribute or option is filtered: `Blade Length` -> `blade_length`."""
    return "_".join(words_of(name))[:60]
