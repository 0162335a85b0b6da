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
AXES = ("quantity", "amount", "tax", "commission", "commission_tax", "funded")
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
        free = draw(st.booleans())
        shipping = Sums(0, 0, funded=draw(st.integers(0, rest_total))) if free else Sums(0, rest_total, rest_tax)
        parts.append(Part(number + 1, parcel.vendor_id, None, shipping))
        for no, line in mine:
            # What the customer pays of the line, down to nothing, and what of the rest the marketplace does.
            total = draw(st.sampled_from([line.total, line.total, draw(st.integers(0, line.total)), 0]))
            funded = draw(st.integers(0, line.total - total))
            commission = draw(st.integers(0, total + funded))
            fee_tax = draw(st.integers(0, total + funded - commission))
            sums = Sums(line.quantity, total, min(line.tax, total), commission, fee_tax, funded)
            parts.append(Part(number + 1, parcel.vendor_id, no, sums))
    paid = sum(part.whole.amount for part in parts)
    credit = draw(st.sampled_from([0, draw(st.integers(0, paid)), paid]))
    return Book("ord_1", tuple(parts), True, paid - credit, credit=credit)


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
        book, given_back = _after(book, refund), given_back + refund.amount
        for part in book.parts:
            assert all(getattr(part.given, axis) <= getattr(part.whole, axis) for axis in AXES)
            if part.whole.amount:
                of, back = part.whole.amount, part.given.amount
            else:
                of, back = part.whole.quantity, part.given.quantity
            for axis in AXES[2:] if of else ():
                exact = 2 * getattr(part.whole, axis) * back + of
                assert getattr(part.given, axis) == exact // (2 * of), axis
        assert sum(part.given.amount for part in book.parts) == given_back

    rest = domain.allocate_rest(book, book.free or 0)
    end = _after(book, rest)
    assert (rest.platform, end.free, given_back + rest.amount) == (0, 0, start.free)
    assert not any(part.unpaid_left for part in end.parts)
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
    end = _after(now, domain.allocate_rest(now, now.free or 0))

    for part in now.parts:
        assert all(0 <= getattr(part.given, axis) <= getattr(part.whole, axis) for axis in AXES)
    for part in end.parts:
        assert [getattr(part.given, axis) for axis in AXES[1:]] == [getattr(part.whole, axis) for axis in AXES[1:]]


def _with(book: Book, done: Sequence[Allocation]) -> Book:
    for refund in done:
        book = _after(book, refund)
    return book


def _after(book: Book, refund: Allocation) -> Book:
    """Money goes back first, credit only beyond it."""
    return book.after(refund, max(0, refund.amount - (book.money or 0)))


@given(amount=st.integers(1, 10**7), book=books())
def test_what_is_beyond_all_that_is_left_the_marketplace_bears(amount: int, book: Book) -> None:
    refund = domain.allocate(book, amount)

    assert refund.platform == max(0, amount - (book.free or 0))
    assert refund.amount == domain.amount_of(refund.pieces) + refund.platform


@given(data=st.data(), book=books())
def test_what_went_back_without_us_never_takes_what_is_to_go_back_as_credit(data: st.DataObject, book: Book) -> None:
    """A dispute may be lost after a refund of the same money: what is beyond the money the marketplace bears."""
    taken = domain.allocate(book, data.draw(st.integers(0, book.money or 0)))
    book = book.after(taken)
    left = book.money or 0
    lost = domain.allocate(book, data.draw(st.integers(0, 2 * left + 1)), keep=book.credit)
    book = book.after(lost)

    assert lost.platform == max(0, lost.amount - left)
    assert sum(part.left for part in book.parts) >= book.left() == max(0, book.money or 0) + book.credit


@given(quantity=st.integers(1, 30), funded=st.integers(0, 10**6), fee=st.integers(0, 10**6), data=st.data())
def test_of_a_line_that_was_free_the_pieces_decide_what_goes_back_between_vendor_and_marketplace(
    quantity: int, funded: int, fee: int, data: st.DataObject
) -> None:
    whole = Sums(quantity, 0, 0, min(fee, funded), 0, funded)
    book = Book("ord_1", (Part(1, "vnd_1", 1, whole), Part(1, "vnd_1", None, Sums(0, 0, funded=490))), True, 0)
    for back in range(1, data.draw(st.integers(0, quantity)) + 1):
        pieces = domain.take(book, {1: 1})
        book = book.after(Allocation(0, pieces))

        assert book.parts[0].given.funded == (2 * funded * back + quantity) // (2 * quantity)

    assert book.parts[1].given == Sums()
    assert not domain.allocate(book, 0).pieces
    end = book.after(domain.allocate_rest(book, 0))
    for part in end.parts:
        assert [getattr(part.given, axis) for axis in AXES[1:]] == [getattr(part.whole, axis) for axis in AXES[1:]]
    assert not domain.allocate_rest(end, 0).pieces


def test_of_shipping_that_was_free_all_goes_back_with_it_once() -> None:
    free = Part(1, "vnd_1", None, Sums(0, 0, funded=490))
    book = Book("ord_1", (free, Part(1, "vnd_1", 1, Sums(2, 100))), True, 100)
    pieces = domain.allocate_lines(book, [], (1,))
    after = book.after(Allocation(0, pieces))

    assert [(piece.line, piece.sums) for piece in pieces] == [(None, Sums(0, 0, funded=490))]
    assert domain.payable(pieces) == 490
    with pytest.raises(NothingLeft):
        domain.allocate_lines(after, [], (1,))


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
