"""What a category declares of its products' attributes. Categories below inherit it, may add, and may not contradict.

Products keep attributes as text; what a kind says is how that text has to read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec

from estore.kit.decimals import decimal_of, plain
from estore.kit.errors import Fault
from estore.services.catalog.domain.category import Attribute, Category, Kind
from estore.services.catalog.domain.errors import AttributesInvalid
from estore.services.catalog.domain.product import Pairs, Product
from estore.services.catalog.domain.text import plain_letters

# As many as a product may have.
MAX_DECLARED = 60
# Well under the bus's limit for one event.
MAX_DECLARATION_BYTES = 64_000
_KINDS = {
    "number": "a number with up to 15 digits before the point and 6 after it, such as 320 or 1.5",
    "boolean": "true or false",
}


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for the products of one category, inherited or its own. only: they may have no other attributes."""

    attributes: tuple[Attribute, ...] = ()
    only: bool = False


NOTHING_DECLARED = Declared()


def alike(name: str) -> str:
    """Return by what codes, and the names of attributes and options, compare: `Blade Length` is `blade_length`."""
    return re.sub(r"[^a-z0-9]+", "_", plain_letters(name)).strip("_")


# --- what a category may declare ----------------------------------------------------------------------------


def declaration_faults(attributes: Sequence[Attribute]) -> list[Fault]:
    """Return what is wrong with what one category declares, whatever others do. Pointers are into its body."""
    found: list[Fault] = []
    seen: set[str] = set()
    for index, one in enumerate(attributes):
        where = f"/attributes/{index}"
        if alike(one.code) in seen:
            found.append(Fault(f"{one.code} is declared twice", f"{where}/code"))
        seen.add(alike(one.code))
        if one.unit is not None and one.kind != "number":
            found.append(Fault("only a number has a unit", f"{where}/unit"))
        if one.choices and one.kind != "text":
            found.append(Fault("only a text has choices", f"{where}/choices"))
        elif len(set(one.choices)) < len(one.choices):
            found.append(Fault("a choice is there twice", f"{where}/choices"))
    if len(msgspec.json.encode(attributes)) > MAX_DECLARATION_BYTES:
        found.append(Fault(f"over {MAX_DECLARATION_BYTES} bytes in all; declare fewer choices", "/attributes"))
    return found


def contradictions(category: Category, above: Sequence[Category], below: Sequence[Category]) -> list[Fault]:
    """Return where `category` declares what another one on its branch does. above, below: without itself."""
    taken = {alike(one.code): other for other in above for one in other.attributes}
    own: dict[str, int] = {}
    found: list[Fault] = []
    for index, one in enumerate(category.attributes):
        own.setdefault(alike(one.code), index)
        if (other := taken.get(alike(one.code))) is not None:
            found.append(Fault(f"{one.code} is inherited from {other.slug}", f"/attributes/{index}/code"))
    for other in below:
        for one in other.attributes:
            if alike(one.code) in own:
                pointer = f"/attributes/{own[alike(one.code)]}/code"
                found.append(Fault(f"{one.code} is declared by {other.slug}, which is below", pointer))
            elif alike(one.code) in taken:
                detail = f"{one.code} is declared by {other.slug}, and by {taken[alike(one.code)].slug} above"
                found.append(Fault(detail, "/parent"))
    counts = {other.id: len(other.attributes) for other in below}
    deepest = max((sum(counts.get(i, 0) for i in other.path) for other in below), default=0)
    if len(taken) + len(category.attributes) + deepest > MAX_DECLARED:
        found.append(Fault(f"at most {MAX_DECLARED} from the root down to any category", "/attributes"))
    return found


# --- what a product of the category may have ----------------------------------------------------------------


def canonical(product: Product, declared: Declared) -> Product:
    """Return the product with numbers and booleans as they are kept: `320.0` is `320`, `TRUE` is `true`."""
    kinds = {alike(one.code): one.kind for one in declared.attributes}
    pairs = tuple((name, _canonical(kinds.get(alike(name)), value)) for name, value in product.attributes)
    return product if pairs == product.attributes else msgspec.structs.replace(product, attributes=pairs)


def _canonical(kind: Kind | None, value: str) -> str:
    if kind == "boolean" and value.lower() in ("true", "false"):
        return value.lower()
    if kind == "number" and (number := decimal_of(value)) is not None:
        return plain(number)
    return value


def attribute_faults(product: Product, declared: Declared) -> list[Fault]:
    """Return where the product differs from what its category declares.

    An option of the variants counts as the attribute that it is called like: shoes have their size there.
    """
    given: dict[str, list[tuple[str, str]]] = {}
    for name, value in product.attributes:
        given.setdefault(alike(name), []).append((value, f"/attributes/{escaped(name)}"))
    for index, variant in enumerate(product.variants):
        for name, value in variant.options:
            given.setdefault(alike(name), []).append((value, f"/variants/{index}/options/{escaped(name)}"))
    found: list[Fault] = []
    for one in declared.attributes:
        values = given.get(alike(one.code), [])
        if one.required and not any(value for value, _ in values):
            found.append(Fault(f"{one.name} is required in this category", f"/attributes/{escaped(one.code)}"))
        else:
            found += (Fault(detail, pointer) for value, pointer in values if (detail := _wrong(one, value)))
    if declared.only:
        found += _others(product.attributes, (one.code for one in declared.attributes))
    return found


def _wrong(one: Attribute, value: str) -> str:
    """Return what is wrong with a value; empty when nothing is."""
    if one.kind == "text":
        if not one.choices or value in one.choices:
            return ""
        shown = ", ".join(one.choices[:20]) + (", ..." if len(one.choices) > 20 else "")
        return f"{one.name} is one of: {shown}"
    right = decimal_of(value) is not None if one.kind == "number" else value.lower() in ("true", "false")
    return "" if right else f"{one.name} is {_KINDS[one.kind]}"


def _others(attributes: Pairs, codes: Iterable[str]) -> list[Fault]:
    known = {alike(code) for code in codes}
    return [
        Fault(
            f"the category takes no attributes but its own, and {name} is none of them", f"/attributes/{escaped(name)}"
        )
        for name, _ in attributes
        if alike(name) not in known
    ]


def escaped(name: str) -> str:
    """Return a name as a part of a JSON pointer (RFC 6901 section 3)."""
    return name.replace("~", "~0").replace("/", "~1")


def conforming(product: Product, declared: Declared) -> Product:
    """Return the product as `canonical` does. Raises AttributesInvalid where it differs from what is declared."""
    product = canonical(product, declared)
    if faults := attribute_faults(product, declared):
        raise AttributesInvalid(faults[0].detail, errors=faults)
    return product
