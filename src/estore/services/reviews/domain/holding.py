"""What makes a review wait for a moderator. A rule that is wrong costs somebody a look, never a review."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import NamedTuple, Protocol, cast

import msgspec

LINK, PROFANITY = "link", "profanity"
BURST_OF_ACCOUNT, BURST_OF_PRODUCT, BURST_OF_VENDOR = "burst_of_account", "burst_of_product", "burst_of_vendor"
SUSPECT = "deleted_before"
EDITED = "edited_after_decision"

LANGUAGES = ("english", "german", "spanish", "polish")
# The library's lists of other languages are full of what a shop sells: manico, pédale, zuigen, cerveja. Of these
# languages, the words that mean nothing else.
FURTHER = (
    *("connard", "connasse", "enculé", "enculer", "merde", "putain", "pute", "salaud", "salope"),
    *("cazzo", "coglione", "coglioni", "merda", "minchia", "puttana", "stronza", "stronzo", "vaffanculo"),
    *("godverdomme", "hoer", "klootzak", "kut", "lul", "neuken"),
    *("boceta", "cabrao", "caralho", "foda-se", "paneleiro", "porra", "puta"),
)
# Words of the lists that honest reviews use: a hoe, thick glass, what sucks, bird houses, a shell, a hammer, eggs.
HARMLESS = (
    *("ass", "bs", "butt", "cock", "cocks", "dick", "escort", "hoe", "hooker", "mf", "nipple", "nipples", "nude"),
    *("panties", "panty", "rape", "scat", "sexy", "skeet", "slut", "snatch", "suck", "sucks", "swinger", "tit", "tits"),
    *("topless", "undressing", "xx", "xxx", "bonze", "fratze", "ische", "kimme", "lümmel", "mufti", "muschi", "nackt"),
    *("nippel", "pinkeln", "popel", "poppen", "rosette", "schabracke", "asno", "caca", "concha", "drogas", "infierno"),
    *("martillo", "orina", "pedo", "pis", "trio", "verga", "cyc", "duperele", "jajco", "jajeczko", "jajko", "jajo"),
)

_TOP = (
    "com|net|org|info|biz|shop|store|io|ru|cn|de|eu|xyz|top|online|site|link|app|uk|fr|nl|pl|ch|bg|blog|br|buzz|cc|click|"
    "club|cz|dev|dk|fi|gg|gr|hr|hu|icu|ie|jp|kr|lt|lu|lv|ly|mx|pt|ro|sk|tv|ua|vip"
)
# In capitals, as in "Great.It works", they begin a sentence of those who leave out blanks.
_WORDS_TOO = "at|be|co|es|it|me|no|se|us"
_LINK = re.compile(
    r"[a-z][a-z0-9+.-]{1,15}://"  # any scheme
    r"|\bwww\d?\."
    rf"|\b[\w-]+\.(?:{_TOP}|(?-i:{_WORDS_TOO}))\b"
    r"|\b[\w-]+\.[a-z]{2,10}/\S"
    r"|[\w.+-]+@[\w-]+\.\w",
    re.IGNORECASE,
)


class Limits(msgspec.Struct, frozen=True):
    """How many reviews within the window are usual: of one account, of one product, of one vendor."""

    account: int
    product: int
    vendor: int


class Recent(NamedTuple):
    """How many reviews there were within the window before this one."""

    account: int
    product: int
    vendor: int


class _Finder(Protocol):
    def is_profane(self, text: str) -> bool: ...


@cache
def _finder() -> _Finder:
    """Return the word lists, read when the first review is written."""
    from glin_profanity import Filter  # type: ignore[import-untyped]

    told = {
        "languages": list(LANGUAGES),
        "custom_words": list(FURTHER),
        "detect_leetspeak": True,
        "normalize_unicode": True,
        "ignore_words": list(HARMLESS),
    }
    return cast(_Finder, Filter(told))


def found_in(*texts: str) -> tuple[str, ...]:
    """Return which rules the texts break: `link`, `profanity`.

    They are compared as people read them (Unicode NFKC, without what cannot be seen): full-width letters hide nothing.
    The Chinese full stop is a dot of addresses as well (UTS 46).
    """
    text = unicodedata.normalize("NFKC", "\n".join(texts)).replace("\u3002", ".")
    text = "".join(letter for letter in text if unicodedata.category(letter) != "Cf")
    reasons = []
    if _LINK.search(text):
        reasons.append(LINK)
    if _finder().is_profane(text):
        reasons.append(PROFANITY)
    return tuple(reasons)


def bursts(recent: Recent, limits: Limits) -> tuple[str, ...]:
    """Return which limits one more review goes past."""
    rules = (
        (BURST_OF_ACCOUNT, recent.account, limits.account),
        (BURST_OF_PRODUCT, recent.product, limits.product),
        (BURST_OF_VENDOR, recent.vendor, limits.vendor),
    )
    return tuple(name for name, count, limit in rules if count >= limit)
