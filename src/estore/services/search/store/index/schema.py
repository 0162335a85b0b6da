"""What the index knows of a product, and how text becomes terms.

Prevents: an index and a query that cut words differently. A change of anything here is a new SCHEMA_VERSION: folders of
an older one are made anew, beside the old one, which answers meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import tantivy
from tantivy import Document, Filter, Schema, SchemaBuilder, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

from estore.kit.decimals import decimal_of
from estore.services.search.domain import ranking
from estore.services.search.domain.numbers import sortable
from estore.services.search.domain.text import MAX_WORD, attribute_words, bare, facet_name, fold

SCHEMA_VERSION = 3
# Since when numbers are found by their range.
WITH_NUMBERS = 3
# Text fields and what a word in them is worth.
WEIGHTS: Mapping[str, float] = {"title": 5.0, "brand": 3.0, "kind": 2.5, "traits": 1.5, "body": 0.8}
# Positions are kept where phrases are looked for.
_NO_POSITIONS = ("brand", "kind")
MAX_TRAITS = 60
# Of a brand, or of an attribute's value, as far as it is filtered by.
MAX_VALUE = 80
MAX_BODY = 5000


class Offered(NamedTuple):
    """A document as the store reads it for the index. lowest, highest: prices in minor units."""

    key: int
    title: str
    vendor_id: str
    brand: str | None
    category_path: list[str]
    attributes: dict[str, str]
    description: str
    variants: list[dict[str, Any]]
    published_at: datetime | None
    votes: int
    stars: int
    popularity: float
    popular_at: datetime | None
    lowest: int
    highest: int
    available: int


class Text:
    """Schema and analysers of one language, by the name of its Snowball stemmer, such as `english`."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.stems = _analyser(Filter.stemmer(language))
        self.plain = _analyser()
        self.schema = _schema()

    def register(self, index: tantivy.Index) -> None:
        """Tell an open index how to cut text."""
        index.register_tokenizer("stems", self.stems)
        index.register_tokenizer("plain", self.plain)

    def stem(self, word: str) -> str:
        """Return the term of a folded word."""
        terms = self.stems.analyze(word)
        return terms[0] if terms else word

    def document(self, row: Offered, now: datetime) -> Document:
        """Return what the index keeps of a product, weighed as of `now`."""
        traits = _traits(row)
        title, brand = fold(row.title), fold(row.brand or "")
        kind = " ".join(row.category_path).replace("-", " ")
        said = fold(". ".join(attribute_words(name, value) for name, value in traits)) if traits else ""
        rating = ranking.rating(row.votes, row.stars)
        in_stock = row.available > 0
        popularity = ranking.decayed(row.popularity, row.popular_at, now)
        values: dict[str, Any] = {
            "key": row.key,
            "title": title,
            "brand": brand,
            "kind": kind,
            "traits": said,
            "body": fold(row.description[:MAX_BODY]),
            "words": " ".join((title, brand, kind, said)),
            "code": _codes(row),
            "category": row.category_path,
            "vendor": row.vendor_id,
            "attr": [f"{facet_name(name)}={value[:MAX_VALUE]}" for name, value in traits],
            "number": _numbers(traits),
            "price": row.lowest,
            "price_top": row.highest,
            "in_stock": int(in_stock),
            "stars": row.stars * 100 // row.votes if row.votes else 0,
            "rating": rating,
            "published": int(row.published_at.timestamp()) if row.published_at else 0,
            "weight": ranking.weight(popularity, row.votes, row.stars, in_stock=in_stock),
        }
        if row.brand:
            values["maker"] = row.brand[:MAX_VALUE]
        return Document.from_dict(values, self.schema)


def _codes(row: Offered) -> list[str]:
    """Return what is found exactly: SKUs, and barcodes as they are written and as they are read."""
    codes = [variant["sku"].lower() for variant in row.variants]
    for variant in row.variants:
        if barcode := variant.get("barcode"):
            codes += (barcode.lower(), bare(barcode.lower()))
    return [code for code in dict.fromkeys(codes) if code]


def _traits(row: Offered) -> list[tuple[str, str]]:
    """Return attributes and options, each pair of name and value once."""
    pairs = dict.fromkeys((name, str(value)) for name, value in row.attributes.items())
    for variant in row.variants:
        pairs.update(dict.fromkeys((name, str(value)) for name, value in variant.get("options", {}).items()))
    return list(pairs)[:MAX_TRAITS]


def _numbers(traits: Sequence[tuple[str, str]]) -> list[str]:
    """Return what is a number among the traits, to be found by its range: whatever a category says of it, so that
    nothing has to be indexed anew when one does."""
    found = [(name, decimal_of(value)) for name, value in traits]
    return [f"{facet_name(name)}={sortable(number)}" for name, number in found if number is not None]


def _analyser(*filters: Filter) -> TextAnalyzer:
    builder = TextAnalyzerBuilder(Tokenizer.simple())
    for each in (Filter.remove_long(MAX_WORD + 1), Filter.lowercase(), Filter.ascii_fold(), *filters):
        builder = builder.filter(each)
    return builder.build()


def _schema() -> Schema:
    builder = SchemaBuilder()
    builder.add_unsigned_field("key", indexed=True, fast=True)
    for name in WEIGHTS:
        option = "freq" if name in _NO_POSITIONS else "position"
        builder.add_text_field(name, tokenizer_name="stems", index_option=option)
    builder.add_text_field("words", tokenizer_name="plain", index_option="basic")
    builder.add_text_field("code", tokenizer_name="raw", index_option="basic")
    for name in ("category", "maker", "vendor", "attr"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic", fast=True)
    for name in ("price", "price_top", "in_stock", "stars", "published"):
        builder.add_unsigned_field(name, indexed=True, fast=True)
    for name in ("rating", "weight"):
        builder.add_float_field(name, fast=True)
    # Last: what reads an index of before takes fields by their place
    builder.add_text_field("number", tokenizer_name="raw", index_option="basic")
    return builder.build()
