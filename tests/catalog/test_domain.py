"""Rules without a database: what others are told, slugs, HTML, files cut anywhere."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estore.services.catalog.domain import (
    PARSERS,
    News,
    Product,
    Raw,
    Variant,
    from_shopify,
    news,
    picture_is_safe,
    sku_of,
    slugify,
    sort_title,
    text_of_html,
)

MUG = Product(
    id="prd_1",
    vendor_id="vnd_1",
    category_id="cat_1",
    slug="mug",
    title="Mug",
    variants=(Variant(sku="A", title="A", price=100), Variant(sku="B", title="B", price=200)),
    status="published",
    listed=True,
)


def changed(**values: Any) -> Product:
    return msgspec.structs.replace(MUG, **values)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, MUG, News.PUBLISHED),
        (None, changed(listed=False), News.NOTHING),
        (changed(listed=False), MUG, News.PUBLISHED),
        (MUG, changed(listed=False), News.ARCHIVED),
        (MUG, changed(version=9, import_key="x"), News.NOTHING),
        (MUG, changed(title="Cup"), News.CHANGED),
        (MUG, changed(variants=MUG.variants[:1]), News.CHANGED),
        (MUG, changed(variants=(Variant(sku="A", title="A", price=150), MUG.variants[1])), News.PRICES),
        (MUG, changed(title="Cup", variants=(Variant(sku="A", title="A", price=150), MUG.variants[1])), News.CHANGED),
    ],
)
def test_others_are_told_what_a_change_means(before: Product | None, after: Product, expected: News) -> None:
    assert news(before, after) is expected


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("plain & simple, 5 < 6", "plain & simple, 5 < 6"),
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<ul><li>x</li><li>y</li></ul>", "- x\n- y"),
        ("<script>alert('x')</script>safe", "safe"),
        ("<style>p{}</style><b>bold</b>", "bold"),
        ("&lt;b&gt; &amp; &eacute;&#8364;", "<b> & é€"),
        ('<img src=x onerror="alert(1)">seen', "seen"),
        ("<![x[ odd ]]>after", "after"),
        ("a\x00b<b>c</b>", "abc"),
    ],
)
def test_html_becomes_what_a_reader_sees(html: str, text: str) -> None:
    assert text_of_html(html) == text


@given(st.text(max_size=300))
def test_no_html_whatever_breaks_or_leaves_control_characters(source: str) -> None:
    text = text_of_html(source)

    assert not any(ord(char) < 32 and char not in "\n\t" for char in text)
    assert "<script" not in text_of_html(f"<script>{source}").lower() or "&lt;" in source


@given(st.text(max_size=200))
def test_slugs_and_skus_are_always_valid(text: str) -> None:
    slug, sku = slugify(text), sku_of("vendor", text, text)

    assert slug == "" or all(char.isascii() and (char.isalnum() or char == "-") for char in slug)
    assert 1 <= len(sku) <= 64
    assert len(sort_title(text)) <= 80


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://example.com/a.jpg", True),
        ("/pictures/a.svg", True),
        ("/pictures/a/../b.svg", False),
        ("/etc/passwd", False),
        ("//example.com/a.jpg", False),
        ("http://example.com/a.jpg", False),
        ("https://", False),
        ("https://user@example.com/", False),
        ("https://example.com/a b", False),
        ("https://[::1/a", False),
        ("data:image/png;base64,AAAA", False),
        ('https://example.com/"onerror=', False),
    ],
)
def test_pictures_are_https_or_our_own(url: str, safe: bool) -> None:
    assert picture_is_safe(url) is safe


def parsed(form: str, data: bytes, cuts: list[int]) -> list[Raw]:
    parser, found, begin = PARSERS[form](), [], 0
    for cut in sorted({min(c, len(data)) for c in cuts}):
        found += parser.feed(data[begin:cut])
        begin = cut
    return [*found, *parser.feed(data[begin:]), *parser.close()]


CELL = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters='\n",'), max_size=12)


@given(st.lists(st.tuples(CELL, CELL), max_size=8), st.lists(st.integers(0, 400), max_size=5))
def test_a_csv_is_read_the_same_wherever_it_is_cut(cells: list[tuple[str, str]], cuts: list[int]) -> None:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["Handle", "Title", "Tags"])
    for number, (title, tags) in enumerate(cells):
        writer.writerow([f"h{number}", title, tags])
    found = parsed("shopify_csv", out.getvalue().encode(), cuts)

    assert [(raw.data["rows"][0]["title"], raw.data["rows"][0]["tags"]) for raw in found] == cells


@given(st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=9) | st.integers()), max_size=6), st.data())
def test_json_is_read_the_same_wherever_it_is_cut(items: list[dict[str, Any]], data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, 300), max_size=5))
    whole = json.dumps(items, ensure_ascii=False).encode(errors="replace")
    by_line = "\n".join(json.dumps(item) for item in items).encode()

    assert [raw.data for raw in parsed("dummyjson", whole, cuts)] == json.loads(whole)
    assert len(parsed("jsonl", by_line, cuts)) == len(items)


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=3))
def test_rubbish_is_never_a_defect(rubbish: bytes, cuts: list[int]) -> None:
    for raw in parsed("shopify_csv", b"Handle,Title,Variant Price\n" + rubbish, cuts):
        if raw.problem is None:
            try:
                from_shopify(raw.data, "EUR", "v")
            except ValueError:
                continue
    parsed("jsonl", b"\n" + rubbish, cuts)


def test_a_quotation_mark_that_never_closes_costs_its_line_only() -> None:
    data = b"Handle,Title\n" + b"\n".join(b'h%d,"t%d"' % (n, n) for n in range(3))
    found = parsed("shopify_csv", data + b'\nbad,"open\n' + b"\n".join(b"g%d,t" % n for n in range(30_000)), [])

    assert len([raw for raw in found if raw.problem is None]) == 30_003
    assert [(raw.line, raw.problem.code) for raw in found if raw.problem] == [(5, "catalog.import_quoting")]
