"""Who bears a refund: whatever is given back in whatever order, it sums, and never leaves what there was."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estore.services.orders import domain
from estore.services.orders.domain import Allocation, Book, NothingLeft, Part, Piece, QuantityTooHigh, Sums
from orders.factories import offer
from orders.test_domain import GERMANY

NOW = datetime(2026, 1, 1, tzinfo=UTC)
AXES = ("quantity", "amount", "tax", "commission", "commission_tax")
# As amounts are in the smallest unit, a currency is its size: yen in hundreds, euros in cents, dinars in thousandths.
SIZES = {"JPY": 300, "EUR": 20_000, "KWD": 2_000_000}


@st.composite
def books(draw: st.DrawFn) -> Book:
    currency = draw(st.sampled_from(sorted(SIZES)))
    demand = draw(
        st.lists(
            st.tuples(
                st.builds(
                    lambda sku, vendor, price: offer(f"S{sku}", price, vendor_id=f"vnd_{vendor}", currency=currency),
                    st.integers(0, 9),
                    st.integers(0, 2),
                    st.integers(0, SIZES[currency]),
                ),
                st.integers(1, 7),
            ),
            min_size=1,
            max_size=5,
        )
    )
    priced = domain.price(
        demand, GERMANY, GERMANY.methods["standard"], currency=currency, inclusive=draw(st.booleans()), now=NOW
    )
    parts: list[Part] = []
    for number, parcel in enumerate(priced.parcels):
        mine = [(no, line) for no, line in enumerate(priced.lines, 1) if line.parcel == number]
        rest_total = parcel.total - sum(line.total for _, line in mine)
        rest_tax = parcel.tax - sum(line.tax for _, line in mine)
        parts.append(Part(number + 1, parcel.vendor_id, None, Sums(0, rest_total, rest_tax)))
        for no, line in mine:
            commission = draw(st.integers(0, line.total))
            fee_tax = draw(st.integers(0, line.total - commission))
            sums = Sums(line.quantity, line.total, line.tax, commission, fee_tax)
            parts.append(Part(number + 1, parcel.vendor_id, no, sums))
    return Book("ord_1", tuple(parts), True, sum(part.whole.amount for part in parts))


@st.composite
def refunds(draw: st.DrawFn, book: Book) -> Allocation | None:
    """One refund of any kind, None for one that is refused."""
    kind = draw(st.sampled_from(["lines", "amount", "parcel", "provider", "deducted"]))
    if book.left() == 0:
        return None
    try:
        if kind in ("lines", "deducted"):
            numbers = [part.line for part in book.parts if part.line is not None]
            wanted = [(number, draw(st.integers(1, 3))) for number in draw(st.sets(st.sampled_from(numbers)))]
            shipping = draw(st.sets(st.sampled_from(sorted({part.parcel for part in book.parts}))))
            pieces: Sequence[Piece] = domain.allocate_lines(book, wanted, shipping)
            if kind == "deducted":
                pieces = domain.deducted(book, pieces, draw(st.integers(0, domain.amount_of(pieces))))
            return Allocation(domain.amount_of(pieces), tuple(pieces))
        if kind == "provider":
            return domain.allocate(book, draw(st.integers(1, max(1, book.left()))))
        parcels = {draw(st.sampled_from(book.parts)).parcel} if kind == "parcel" else None
        return domain.allocate_amount(book, draw(st.integers(1, max(1, book.left(parcels)))), parcels)
    except (NothingLeft, QuantityTooHigh):
        return None


@given(data=st.data(), book=books())
def test_any_sequence_of_refunds_sums_on_every_axis_and_never_leaves_what_there_was(
    data: st.DataObject, book: Book
) -> None:
    start = book
    given_back = 0
    for _ in range(data.draw(st.integers(1, 6))):
        refund = data.draw(refunds(book))
        if refund is None:
            continue
        shares = domain.shares_of(book.order_id, refund.pieces)
        assert refund.amount == sum(share.amount for share in shares) + refund.platform + refund.unearned
        for share in shares:
            for axis in AXES[1:]:
                assert getattr(share, axis) == sum(getattr(line, axis) for line in share.lines), axis
        assert all(getattr(piece.sums, axis) >= 0 for piece in refund.pieces for axis in AXES)
        book, given_back = book.after(refund), given_back + refund.amount
        for part in book.parts:
            assert all(getattr(part.given, axis) <= getattr(part.whole, axis) for axis in AXES)
            if part.whole.amount:
                for axis in AXES[2:]:
                    exact = 2 * getattr(part.whole, axis) * part.given.amount + part.whole.amount
                    assert getattr(part.given, axis) == exact // (2 * part.whole.amount), axis
        assert sum(part.given.amount for part in book.parts) == given_back

    rest = domain.allocate(book, book.money or 0)
    end = book.after(rest)
    assert (rest.platform, end.money, given_back + rest.amount) == (0, 0, start.money)
    for part in end.parts:
        assert [getattr(part.given, axis) for axis in AXES[1:]] == [getattr(part.whole, axis) for axis in AXES[1:]]


@given(total=st.integers(0, 10**6), quantity=st.integers(1, 30), commission=st.integers(0, 10**6))
def test_a_line_given_back_piece_by_piece_sums_to_the_line(total: int, quantity: int, commission: int) -> None:
    whole = Sums(quantity, total, total // 6, min(commission, total))
    book = Book("ord_1", (Part(1, "vnd_1", 1, whole),), True, total)
    pieces = []
    for _ in range(quantity):
        taken = domain.take(book, {1: 1})
        pieces += taken
        book = book.after(Allocation(domain.amount_of(taken), taken))

    assert book.parts[0].given == whole
    assert max(p.sums.amount for p in pieces) - min(p.sums.amount for p in pieces) <= 1


@given(data=st.data(), book=books())
def test_what_failed_is_free_again_and_the_end_is_exact_all_the_same(data: st.DataObject, book: Book) -> None:
    """Refunds that failed are taken out from the middle, as the store does, and the next ones are split anew."""
    done: list[Allocation] = []
    for _ in range(data.draw(st.integers(1, 6))):
        now = _with(book, done)
        if (refund := data.draw(refunds(now))) is not None:
            done.append(refund)
        if done and data.draw(st.booleans()):
            done.pop(data.draw(st.integers(0, len(done) - 1)))
    now = _with(book, done)
    end = now.after(domain.allocate(now, now.money or 0))

    for part in now.parts:
        assert all(0 <= getattr(part.given, axis) <= getattr(part.whole, axis) for axis in AXES)
    for part in end.parts:
        assert [getattr(part.given, axis) for axis in AXES[1:]] == [getattr(part.whole, axis) for axis in AXES[1:]]


def _with(book: Book, done: Sequence[Allocation]) -> Book:
    for refund in done:
        book = book.after(refund)
    return book


@given(amount=st.integers(1, 10**7), book=books())
def test_what_is_beyond_all_that_is_left_the_marketplace_bears(amount: int, book: Book) -> None:
    refund = domain.allocate(book, amount)

    assert refund.platform == max(0, amount - (book.money or 0))
    assert refund.amount == domain.amount_of(refund.pieces) + refund.platform


def test_of_an_order_that_was_never_confirmed_nothing_was_anybodys() -> None:
    book = Book("ord_1", (Part(1, "vnd_1", 1, Sums(1, 100)),), False, 100)

    assert domain.allocate(book, 130) == Allocation(130, (), 30, 100)


def test_lines_are_refused_where_they_are_wrong() -> None:
    book = Book("ord_1", (Part(1, "vnd_1", 1, Sums(2, 100)), Part(2, "vnd_2", 2, Sums(1, 50))), True, 150)
    with pytest.raises(QuantityTooHigh) as high:
        domain.allocate_lines(book, [(2, 1), (1, 1), (1, 2)])
    with pytest.raises(domain.LineUnknown) as unknown:
        domain.allocate_lines(book, [(2, 1)], parcels={1})

    assert [fault.pointer for caught in (high, unknown) for fault in caught.value.errors] == [
        "/lines/2/quantity",
        "/lines/0/line_id",
    ]
