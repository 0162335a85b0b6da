"""A large believable catalogue: product number i of series s is always the same, and i can be asked for alone.

Prevents: a large store of `Product 000123`, and one that differs from the one in which a fault was seen.
No random generator is kept: all choices of a product are digits of one hash of its number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import permutations
from typing import NamedTuple

from estore.cli.seed.files import Demo, Option, Range, Words, demo, word_lists

MAX_PRODUCTS = 1_000_000
MAX_SEED = 32**3 - 1
Pairs = tuple[tuple[str, str], ...]

_BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_NUMBERS = 1 << 20  # of products that four digits of base 32 can tell apart
_SLOTS = 1000
_STEPS = 512
_FIRST_DAY = datetime(2023, 1, 2, 8, tzinfo=UTC)
_SECONDS_PER_PRODUCT = 60
REDUCED = frozenset({"books", "coffee-beans", "tea", "chocolate"})
# Sizes of what is worn cost the same.
_WORN = frozenset({"t-shirts", "knitwear", "rain-jackets", "socks", "sneakers"})
# Names of options whose later values are larger, and cost more.
_GROWING = frozenset(["Size", "Blade", "Weight", "Volume", "Set", "Diameter", "Power", "Persons", "Pack", "Cable"])
_VARIANTS = (1, 1, 1, 1, 2, 2, 2, 3, 3, 3)


class GeneratedVariant(NamedTuple):
    """price: minor units. stock: pieces."""

    sku: str
    title: str
    options: Pairs
    price: int
    weight_grams: int
    barcode: str
    stock: int


class GeneratedProduct(NamedTuple):
    """vendor, category: slugs. picture: an address below /pictures/."""

    number: int
    product_id: str
    slug: str
    title: str
    description: str
    brand: str
    vendor: str
    category: str
    attributes: Pairs
    picture: str
    tax_class: str
    published_at: datetime
    variants: tuple[GeneratedVariant, ...]


def generate(n: int, seed: int, first: int = 0) -> Iterator[GeneratedProduct]:
    """Yield the products number `first` to n - 1 of the series `seed`, one at a time."""
    catalogue = Catalogue(seed)
    return map(catalogue.product, range(first, n))


class _Choice:
    """One option to choose values of. codes: what a value adds to the SKU."""

    def __init__(self, option: Option) -> None:
        self.name = option.name
        self.values = option.values
        self.codes = _codes(option.values)
        self.grows = option.name in _GROWING


class _Shelf:
    """One category, prepared: everything that does not depend on the product."""

    def __init__(self, slug: str, words: Words, sources: dict[str, str], marketplace: Demo, salt: bytes) -> None:
        self.slug = slug
        self.tax_class = "reduced" if slug in REDUCED else "standard"
        self.worn = slug in _WORN
        self.prefix = re.sub(r"[^a-z]", "", slug)[:3].upper()
        names = re.findall(r"{(\w+)}", words.title)
        self.lists: list[Sequence[str]] = [getattr(words, sources[name]) for name in names]
        self.slugs = [[slugify(word) for word in one] for one in self.lists]
        self.brand_place = names.index("brand")
        self.title = re.sub(r"{\w+}", "%s", words.title.replace("%", "%%"))
        self.slug_format = slugify(re.sub(r"{\w+}", " zqz ", words.title)).replace("zqz", "%s")
        self.titles = math.prod(len(one) for one in self.lists)
        self.stride, self.offset = _stride(self.titles, salt + slug.encode())
        self.choices = [_Choice(option) for option in words.options]
        self.attributes = [
            (name, tuple(_text(value) for value in values)) for name, values in words.attributes.items() if values
        ]
        features = words.features
        self.descriptions = [" ".join(some) for size in (2, 3) for some in permutations(features, size)]
        self.prices = [_price(p) for p in _logarithmic(words.price)]
        self.top = _price(words.price.max)
        self.weights = [max(1, round(w, -1)) for w in _logarithmic(words.weight_grams)]
        own = [product for product in marketplace.products if product.category == slug]
        self.pictures = [f"/{picture.path}" for product in own for picture in product.pictures]
        self.vendors = [product.vendor for product in own]


class Catalogue:
    """Series `seed` of products. Raises ValueError for a seed that is not within 0..MAX_SEED."""

    def __init__(self, seed: int) -> None:
        if not 0 <= seed <= MAX_SEED:
            raise ValueError(f"the random seed must be between 0 and {MAX_SEED}")
        lists, marketplace = word_lists(), demo()
        self._salt = seed.to_bytes(4, "little")
        self.series = _base32(seed, 3)
        self._shelves = [
            _Shelf(slug, words, lists.placeholders, marketplace, self._salt) for slug, words in lists.categories.items()
        ]
        self._slots, self._counts = self._shares()
        self._stocks = _stocks()
        self._start, self._lot = _digits(self._salt, b"sku") % _NUMBERS, seed % 100

    def _shares(self) -> tuple[list[tuple[int, int]], list[int]]:
        """Deal the slots to the categories, some of which are larger. Returns (category, place in it) per slot."""
        weights = [2 + _digits(self._salt, b"share" + s.slug.encode()) % 7 for s in self._shelves]
        counts = [_SLOTS * weight // sum(weights) for weight in weights]
        counts[0] += _SLOTS - sum(counts)
        dealt = [(index, place) for index, count in enumerate(counts) for place in range(count)]
        dealt.sort(key=lambda slot: _digits(self._salt, b"slot%d.%d" % slot))
        return dealt, counts

    def product(self, number: int) -> GeneratedProduct:
        """Return product `number`, counted from 0."""
        index, place = self._slots[number % _SLOTS]
        shelf = self._shelves[index]
        serial = number // _SLOTS * self._counts[index] + place
        words, slugs, brand, dice = _name(shelf, serial, _digits(self._salt, number.to_bytes(4, "little")))
        # Neighbours stay neighbours: article numbers that jump about would have every index page read again.
        own = (number + self._start) % _NUMBERS
        code = _base32(own, 4) + self.series
        dice, at = divmod(dice, len(shelf.descriptions))
        description = shelf.descriptions[at]
        dice, at = divmod(dice, len(shelf.pictures))
        picture = shelf.pictures[at]
        attributes, dice = _attributes(shelf, dice)
        title = shelf.title % words
        return GeneratedProduct(
            number,
            self._id(number),
            f"{(shelf.slug_format % slugs)[:88]}-{code.lower()}",
            title,
            description,
            words[shelf.brand_place],
            shelf.vendors[brand % len(shelf.vendors)],
            shelf.slug,
            attributes,
            picture,
            shelf.tax_class,
            _FIRST_DAY + timedelta(seconds=_SECONDS_PER_PRODUCT * number),
            self._variants(shelf, own * 1000 + self._lot * 10, title, f"{shelf.prefix}-{code}", dice),
        )

    def _id(self, number: int) -> str:
        """A ULID that grows with the number: the time it was published, and the series where randomness would be."""
        milliseconds = int(_FIRST_DAY.timestamp() + _SECONDS_PER_PRODUCT * number) * 1000
        return f"prd_{_base32(milliseconds, 10)}{self.series}{_base32(_digits(self._salt, b'%d' % number) >> 191, 13)}"

    def _variants(self, shelf: _Shelf, body: int, title: str, sku: str, dice: int) -> tuple[GeneratedVariant, ...]:
        dice, at = divmod(dice, _STEPS)
        price = shelf.prices[at]
        dice, at = divmod(dice, _STEPS)
        weight = shelf.weights[at]
        dice, at = divmod(dice, len(_VARIANTS))
        count = _VARIANTS[at]
        dice, at = divmod(dice, len(shelf.choices))
        choice = shelf.choices[at]
        count = min(count, len(choice.values))
        if count == 1:
            stock = self._stocks[dice % _STEPS]
            return (GeneratedVariant(sku, title, (), price, weight, _ean(body), stock),)
        dice, start = divmod(dice, len(choice.values) - count + 1)
        found = []
        for place in range(start, start + count):
            dice, at = divmod(dice, _STEPS)
            step = place - start if choice.grows and not shelf.worn else 0
            value = choice.values[place]
            found.append(
                GeneratedVariant(
                    f"{sku}-{choice.codes[place]}",
                    value,
                    ((choice.name, value),),
                    min(shelf.top, _price(price + price * step // 6)),
                    weight + weight * step // 6,
                    _ean(body + place - start),
                    self._stocks[at],
                )
            )
        return tuple(found)


def _name(shelf: _Shelf, serial: int, dice: int) -> tuple[tuple[str, ...], tuple[str, ...], int, int]:
    """Return the words of title number `serial`, their slugs, the number of the brand, and `dice`."""
    rest = (shelf.stride * serial + shelf.offset) % shelf.titles
    words, slugs, brand = [], [], 0
    for place, one in enumerate(shelf.lists):
        rest, at = divmod(rest, len(one))
        words.append(one[at])
        slugs.append(shelf.slugs[place][at])
        if place == shelf.brand_place:
            brand = at
    return tuple(words), tuple(slugs), brand, dice


def _attributes(shelf: _Shelf, dice: int) -> tuple[Pairs, int]:
    """Choose all but at most one of the category's attributes."""
    dice, left_out = divmod(dice, len(shelf.attributes) + 2)
    chosen = []
    for place, (name, values) in enumerate(shelf.attributes):
        if place != left_out:
            dice, at = divmod(dice, len(values))
            chosen.append((name, values[at]))
    return tuple(chosen), dice


def _digits(salt: bytes, message: bytes) -> int:
    return int.from_bytes(blake2b(message, key=salt, digest_size=32).digest(), "little")


def _stride(size: int, message: bytes) -> tuple[int, int]:
    """Return a, b so that a * i + b runs through all numbers below `size`, neighbours far apart."""
    seed = _digits(b"stride", message)
    stride = int(size * 0.6180339887) + seed % 1000
    while math.gcd(stride, size) != 1:
        stride += 1
    return stride, seed // 1000 % size


def _base32(number: int, digits: int) -> str:
    text = ""
    for _ in range(digits):
        number, at = divmod(number, 32)
        text = _BASE32[at] + text
    return text


def _codes(values: Sequence[str]) -> list[str]:
    """Return a short code for each value, no two of them the same."""
    codes: list[str] = []
    for place, value in enumerate(values):
        code = re.sub(r"[^a-z0-9]", "", slugify(value))[:3].upper()
        codes.append(code if code and code not in codes else f"{code[:2]}{place}")
    return codes


def _logarithmic(bounds: Range) -> list[int]:
    """Return amounts from min to max, evenly on a logarithmic scale."""
    ratio = bounds.max / bounds.min
    return [round(bounds.min * ratio ** (step / (_STEPS - 1))) for step in range(_STEPS)]


def _price(amount: int) -> int:
    """Return the nearest price that ends in 90."""
    return max(90, (amount + 60) // 100 * 100 - 10)


def _stocks() -> list[int]:
    """Pieces on hand: one variant in sixteen is sold out, one in eight nearly, most have some dozens."""
    few = _STEPS // 16
    low = _STEPS // 8
    rest = _STEPS - few - low
    return [0] * few + [1 + i % 9 for i in range(low)] + [round(10 * 40 ** (i / rest)) for i in range(rest)]


_CHECKS = [sum(int(d) * (3 if place % 2 else 1) for place, d in enumerate(f"{n:05d}")) for n in range(100_000)]
# "20" weighs 2; the ten digits after it begin with weight 1, the second half of them with weight 3.
_LATE_CHECKS = [sum(int(d) * (1 if place % 2 else 3) for place, d in enumerate(f"{n:05d}")) for n in range(100_000)]


def _ean(body: int) -> str:
    """Return the EAN-13 of a ten-digit number in the range 20, which GS1 leaves to shops."""
    early, late = divmod(body, 100_000)
    return f"20{body:010d}{-(2 + _CHECKS[early] + _LATE_CHECKS[late]) % 10}"


_LETTERS = str.maketrans("áàâäãåéèêëíìîïóòôöõøúùûüçñšžčřýłß’", "aaaaaaeeeeiiiioooooouuuucnszcryls ")


def slugify(text: str) -> str:
    """Return `text` in the letters of a slug."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower().translate(_LETTERS)).strip("-")


def _text(value: str | int | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
