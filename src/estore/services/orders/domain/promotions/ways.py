"""Which promotions go together: of all sets that stacking allows, the one that costs the customer least."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod
from typing import Generic, Protocol, TypeVar

import msgspec

MOST_WAYS = 64
"""So many sets of promotions about the same parcels are all tried. Of more, one is improved step by step."""

MOST_EFFORT = 4096
"""Step by step so many promotions are applied at most, counted anew for each set; it is about 50 ms."""

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)
Slot = list["Option[T] | None"]


class Option(msgspec.Struct, Generic[T], frozen=True):
    """A promotion that may apply. what: to be handed to the till. parcels: on which it has an influence."""

    id: str
    what: T
    exclusive: bool
    group: str
    coded: bool
    parcels: frozenset[int]


class Adds(Protocol[T_contra]):
    """Tells what parcels cost with some promotions, in minor units."""

    def run(self, fits: Sequence[T_contra], parcels: Sequence[int]) -> tuple[int, object]: ...


def best(options: Sequence[Option[T]], till: Adds[T], parcels: int) -> frozenset[str]:
    """Return the ids of those that apply. options: in an order of their own. parcels: how many there are.

    Each way that some promotions allow is also a way when there are more of them, so that one more never makes it
    dearer. At the same price codes come before automatic promotions, many before few, all before an exclusive one, and
    of exclusive ones what comes first in `options`.
    """
    everything = range(parcels)
    chosen: list[Option[T]] = []
    for members in _together([option for option in options if not option.exclusive]):
        touched = sorted(frozenset[int]().union(*(option.parcels for option in members)))
        chosen += _best_of(members, till, touched)
    exclusives = sorted((o for o in options if o.exclusive), key=lambda option: not option.coded)
    if not exclusives:
        return frozenset(option.id for option in chosen)
    cost, _ = till.run([option.what for option in chosen], everything)
    for option in exclusives:
        alone, _ = till.run([option.what], everything)
        if alone < cost:
            cost, chosen = alone, [option]
    return frozenset(option.id for option in chosen)


def _together(options: Sequence[Option[T]]) -> list[list[Option[T]]]:
    """Part options that can be decided apart: those that share no parcel and no group."""
    found: list[tuple[set[int], set[str], list[Option[T]]]] = []
    for option in options:
        parcels, groups, members = set(option.parcels), {option.group} - {""}, [option]
        apart = []
        for other in found:
            if other[0].isdisjoint(parcels) and other[1].isdisjoint(groups):
                apart.append(other)
            else:
                parcels |= other[0]
                groups |= other[1]
                members = other[2] + members
        found = [*apart, (parcels, groups, members)]
    return [members for _, _, members in found]


def _slots(members: Sequence[Option[T]]) -> list[Slot[T]]:
    """Return the choices that have to be made: of a group one or none, of what has no group whether or not."""
    slots: dict[str, Slot[T]] = {}
    for number, option in enumerate(sorted(members, key=lambda option: option.id)):
        slots.setdefault(option.group or f" {number}", []).append(option)
    return [[*slot, None] for slot in slots.values()]


def _best_of(members: Sequence[Option[T]], till: Adds[T], parcels: Sequence[int]) -> list[Option[T]]:
    slots = _slots(members)
    if prod(len(slot) for slot in slots) > MOST_WAYS:
        return _improved(slots, till, parcels)
    ways = sorted(_ways(slots), key=lambda way: (-sum(option.coded for option in way), -len(way)))
    cost: int | None = None
    chosen: list[Option[T]] = []
    for way in ways:
        costs, _ = till.run([option.what for option in way], parcels)
        if cost is None or costs < cost:
            cost, chosen = costs, way
    return chosen


def _ways(slots: Sequence[Slot[T]]) -> Iterator[list[Option[T]]]:
    for way in product(*slots):
        yield [option for option in way if option is not None]


def _improved(slots: Sequence[Slot[T]], till: Adds[T], parcels: Sequence[int]) -> list[Option[T]]:
    """Take what is best alone of each group, then change one choice at a time for as long as it gets cheaper, and as
    there is effort left."""
    effort = 0

    def cost(way: Sequence[Option[T] | None]) -> int:
        nonlocal effort
        some = [option.what for option in way if option is not None]
        effort += len(some)
        return till.run(some, parcels)[0]

    way = [slot[0] if len(slot) == 2 else min(slot[:-1], key=lambda option: cost([option])) for slot in slots]
    least = cost(way)
    better = True
    while better:
        better = False
        for number, slot in enumerate(slots):
            for option in slot:
                if option is way[number]:
                    continue
                if effort > MOST_EFFORT:
                    return [option for option in way if option is not None]
                other = [*way[:number], option, *way[number + 1 :]]
                costs = cost(other)
                if costs < least:
                    way, least, better = other, costs, True
    return [option for option in way if option is not None]
