"""Random histories: events come late, twice and out of order, timers fire, and every piece is accounted for."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import pytest

from estore.contracts.inventory import StockRejected, StockReserved
from estore.kit.contract import Event
from estore.kit.errors import Transient
from inventory.factories import Stockroom, cancelled, confirmed, placed, shipped

SUPPLY = {"a": 25, "b": 40}


async def hear_in_the_end(room: Stockroom, event: Event) -> None:
    """Deliver as a bus does: again later, when it is too early."""
    for _ in range(20_000):
        try:
            return await room.hear(event)
        except Transient:
            await asyncio.sleep(0.002)
    raise AssertionError(f"{event} was never accepted")


def history(dice: random.Random, room: Stockroom, number: int) -> list[Event]:
    """What happens to one order: it is paid and shipped, called off at some point, or left to expire."""
    lines = [(sku, dice.randint(1, 3)) for sku in dice.choices("ab", k=dice.randint(1, 3))]
    order_id = f"ord_{number:03}"
    events: list[Event] = [placed(order_id, *lines, deadline=room.deadline + timedelta(hours=dice.choice([-1, 2])))]
    end = dice.choice(["left", "cancelled", "paid", "paid and cancelled", "shipped", "shipped"])
    if "paid" in end or end == "shipped":
        events.append(confirmed(order_id, *lines))
    if "cancelled" in end:
        events.append(cancelled(order_id))
    if end == "shipped":
        for n, (sku, quantity) in enumerate(lines):
            parts = [1] * quantity if dice.random() < 0.5 else [quantity]
            events += [
                shipped(
                    order_id,
                    (sku, pieces),
                    parcel_id=f"pcl_{number}_{n}",
                    shipment_id=f"shp_{number}_{n}_{part}",
                    complete=part == len(parts) - 1,
                )
                for part, pieces in enumerate(parts)
            ]
    return events


@pytest.mark.parametrize("seed", range(4))
async def test_a_random_history_adds_up(uneven_room: Stockroom, seed: int) -> None:
    room, dice = uneven_room, random.Random(seed)
    await room.stocked("a", MAIN=10, RTM=15)
    await room.stocked("b", MAIN=40)
    orders = [history(dice, room, number) for number in range(40)]

    async def live(events: list[Event]) -> None:
        # Only what was held is paid for and shipped; orders itself sees to that.
        await hear_in_the_end(room, events[0])
        rejected = {e.order_id for e in await room.told(StockRejected)}
        rest = [] if getattr(events[0], "order_id", "") in rejected else events[1:]
        rest += [event for event in [events[0], *rest] if dice.random() < 0.3]
        dice.shuffle(rest)
        for event in rest:
            await hear_in_the_end(room, event)

    await asyncio.gather(*(live(events) for events in orders), *(room.expire() for _ in range(5)))
    await room.expire()

    broken = await room.world.broken("inventory")
    # A hold that expired before its order was paid may be gone: that, and nothing else, is shown to people.
    allowed = {"every confirmed order has its stock", "every shipment left with stock that was known of"}
    assert broken.keys() <= allowed
    moved = await room.fetch("inventory", "SELECT sku, sum(delta) AS left FROM movement GROUP BY 1")
    for row in moved:
        levels = await room.levels(row["sku"])
        assert row["left"] == sum(on_hand for on_hand, _ in levels.values()) <= SUPPLY[row["sku"]]
    decided = {e.order_id for kind in (StockReserved, StockRejected) for e in await room.told(kind)}
    assert decided == {f"ord_{number:03}" for number in range(40)}
