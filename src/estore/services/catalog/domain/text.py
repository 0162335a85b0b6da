"""Text: slugs, sort keys, and HTML made plain."""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from html.parser import HTMLParser

SLUG = re.compile(r"[a-z0-9-]{1,100}")
SKU = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TAG = re.compile(r"<[a-zA-Z/!][^>]*>|&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[a-zA-Z]{2,30});")
_SKIPPED = frozenset({"script", "style", "head", "title", "template", "noscript", "iframe", "object", "svg"})
_BLOCKS = frozenset(
    {"address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "figure", "footer", "form", "h1", "h2"}
    | {"h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "table", "td", "th"}
    | {"tr", "ul"}
)
_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "ø": "o", "å": "a", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "œ": "oe", "ı": "i"}
)


def plain_letters(text: str) -> str:
    """Return `text` in lower case without accents: `Crème Brûlée` is `creme brulee`."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def slugify(text: str, *, at_most: int = 80) -> str:
    """Return a slug made of `text`; empty when it has no Latin letter and no digit."""
    return re.sub(r"[^a-z0-9]+", "-", plain_letters(text))[:at_most].strip("-")


def sort_title(title: str) -> str:
    """Return the key by which titles sort: without case and accents, bytewise, 80 characters at most."""
    return re.sub(r"\s+", " ", plain_letters(title)).strip()[:80]


def sku_of(*parts: str) -> str:
    """Return a SKU made of `parts`, the same one each time, for rows that came without one."""
    sku = "-".join(slug for part in parts if (slug := slugify(part))).upper()
    if len(sku) <= 64:
        return sku
    return f"{sku[:55]}-{hashlib.sha256(sku.encode()).hexdigest()[:8].upper()}"


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._skipping = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SKIPPED:
            self._skipping += 1
        elif tag in _BLOCKS:
            self.parts.append("\n- " if tag == "li" else "\n")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SKIPPED:
            self._skipping = max(0, self._skipping - 1)
        elif tag in _BLOCKS and tag != "li":
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._skipping:
            self.parts.append(re.sub(r"\s+", " ", data))


def text_of_html(source: str) -> str:
    """Return what a reader would see of `source`: no tags, no scripts, entities resolved, paragraphs as lines.

    Text without any tag or entity comes back as it is, but for control characters.
    """
    if not _TAG.search(source):
        return clean(source)
    parser = _Text()
    try:
        parser.feed(source)
        parser.close()
        text = "".join(parser.parts)
    except AssertionError:
        # html.parser asserts on malformed `<![...` sections
        text = html.unescape(re.sub(r"<[^>]*>?", " ", source))
    lines = (re.sub(r"[ \t]+", " ", line).strip() for line in text.split("\n"))
    return clean(re.sub(r"\n{3,}", "\n\n", "\n".join(line for line in lines if line != "-")).strip())


def clean(text: str) -> str:
    """Return `text` without control characters, which no reader sees and PostgreSQL refuses in part."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", "", text.replace("\r\n", "\n")).strip()
