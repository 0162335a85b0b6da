"""What a promotion has to be beyond its types, and to whom a vendor's own is bound."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from estore.kit.errors import Fault
from estore.services.orders.domain.promotions.errors import DatesWrong, GetFromWrong, NamesUnknown, TiersWrong
from estore.services.orders.domain.promotions.model import BuyGet, FreeShipping, Goods, Rules, Tiers

_LISTS = ("products", "skus", "categories", "vendors", "except_products", "except_categories", "except_vendors")


class Named(msgspec.Struct, frozen=True):
    """What promotions may name: kind -> names that are there. Categories may be any."""

    products: Collection[str] = ()
    skus: Collection[str] = ()
    vendors: Collection[str] = ()
    groups: Collection[str] = ()
    methods: Collection[str] = ()
    countries: Collection[str] = ()


def of_vendor(rules: Rules, vendor_id: str) -> Rules:
    """Bind rules to a vendor: about its own goods only, and all borne by it. Those of '' are the marketplace's.

    Raises NamesUnknown where they name other vendors.
    """
    if not vendor_id:
        return rules
    faults = [
        Fault("not this vendor", f"{place}/vendors/{at}")
        for place, goods in _goods(rules)
        for at, name in enumerate(goods.vendors)
        if name != vendor_id
    ]
    if faults:
        raise NamesUnknown("a vendor's promotion is about its own goods", errors=faults)
    own = (vendor_id,)
    effect = rules.effect
    if isinstance(effect, BuyGet) and effect.get_from is not None:
        effect = msgspec.structs.replace(effect, get_from=msgspec.structs.replace(effect.get_from, vendors=own))
    goods = msgspec.structs.replace(rules.goods, vendors=own)
    return msgspec.structs.replace(rules, effect=effect, goods=goods, platform_share=0)


def check(rules: Rules) -> None:
    """See whether rules make sense by themselves. Raises TiersWrong, DatesWrong, GetFromWrong."""
    if isinstance(rules.effect, Tiers):
        _check_tiers(rules.effect)
    if isinstance(rules.effect, BuyGet) and rules.effect.get_from is not None:
        _check_get_from(rules.goods, rules.effect.get_from)
    if rules.starts_at is not None and rules.ends_at is not None and rules.ends_at <= rules.starts_at:
        raise DatesWrong(pointer="/ends_at")


def in_utc(rules: Rules) -> Rules:
    """Return rules with their dates in UTC: every reader of the book understands those, which is not so of offsets of a
    day (PostgreSQL's end before 16 hours). Raises DatesWrong where there is no such moment."""
    return msgspec.structs.replace(
        rules, starts_at=_in_utc(rules.starts_at, "/starts_at"), ends_at=_in_utc(rules.ends_at, "/ends_at")
    )


def _in_utc(moment: datetime | None, pointer: str) -> datetime | None:
    try:
        return None if moment is None else moment.astimezone(UTC)
    except OverflowError:
        raise DatesWrong("in UTC this is before year 1, or after year 9999", pointer=pointer) from None


def _check_tiers(effect: Tiers) -> None:
    faults: list[Fault] = []
    for at, tier in enumerate(effect.tiers):
        if (tier.bps is None) == (tier.amount is None):
            faults.append(Fault("either bps or amount", f"/effect/tiers/{at}"))
        if at and tier.start <= effect.tiers[at - 1].start:
            faults.append(Fault("more than that of the tier before", f"/effect/tiers/{at}/start"))
    if faults:
        raise TiersWrong(errors=faults)


def _check_get_from(goods: Goods, got: Goods) -> None:
    """What both name by SKU, product or everything is not other goods; the engine parts what else overlaps."""
    if not any(getattr(got, kind) for kind in _LISTS):
        raise GetFromWrong("say of which goods it is", pointer="/effect/get_from")
    if got == goods:
        raise GetFromWrong("leave it out to give the same goods", pointer="/effect/get_from")
    for kind, ours, theirs in (("skus", goods.skus, got.skus), ("products", goods.products, got.products)):
        if both := [at for at, name in enumerate(theirs) if name in ours]:
            faults = [Fault("is bought as well", f"/effect/get_from/{kind}/{at}") for at in both]
            raise GetFromWrong(errors=faults)


def names_in(rules: Rules) -> Named:
    """Return what rules name, to look it up."""
    every = [goods for _, goods in _goods(rules)]
    return Named(
        products=_sorted(name for goods in every for name in (*goods.products, *goods.except_products)),
        skus=_sorted(name for goods in every for name in goods.skus),
        vendors=_sorted(name for goods in every for name in (*goods.vendors, *goods.except_vendors)),
        groups=_sorted(rules.conditions.customer_groups),
    )


def check_names(rules: Rules, known: Named) -> None:
    """See whether what rules name is there. Raises NamesUnknown, with a pointer to each that is not."""
    faults = [Fault(f"{name} is not known here", pointer) for name, pointer in _strangers(rules, known)]
    if faults:
        raise NamesUnknown(faults[0].detail if len(faults) == 1 else "", errors=faults)


def _strangers(rules: Rules, known: Named) -> Iterator[tuple[str, str]]:
    """Yield (name, pointer) of what is not known."""
    kinds: Mapping[str, Collection[str]] = {
        "products": known.products,
        "skus": known.skus,
        "vendors": known.vendors,
        "except_products": known.products,
        "except_vendors": known.vendors,
    }
    for place, goods in _goods(rules):
        for kind, there in kinds.items():
            yield from _missing(getattr(goods, kind), there, f"{place}/{kind}")
    yield from _missing(rules.conditions.customer_groups, known.groups, "/conditions/customer_groups")
    yield from _missing(rules.conditions.countries, known.countries, "/conditions/countries")
    if isinstance(rules.effect, FreeShipping):
        yield from _missing(rules.effect.methods, known.methods, "/effect/methods")


def _missing(names: Sequence[str], there: Collection[str], place: str) -> Iterator[tuple[str, str]]:
    return ((name, f"{place}/{at}") for at, name in enumerate(names) if name not in there)


def _goods(rules: Rules) -> list[tuple[str, Goods]]:
    """Return (place, goods) wherever rules speak of goods."""
    found = [("/goods", rules.goods)]
    if isinstance(rules.effect, BuyGet) and rules.effect.get_from is not None:
        found.append(("/effect/get_from", rules.effect.get_from))
    return found


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))
