"""What counts besides the words: how often it is bought, how it is rated, whether it is there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

HALF_LIFE = timedelta(days=30)
# A product without votes is taken for one with so many votes of the marketplace's usual rating.
USUAL_VOTES = 8
USUAL_STARS = 3.8
# Lower bounds of the ranges in which prices are counted, in minor units.
PRICE_STEPS = (0, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000)
BOOST = 5.0
BURY = 0.02


def decayed(pieces: float, since: datetime | None, now: datetime) -> float:
    """Return what is left of `pieces` after the time since then: half of it every HALF_LIFE."""
    if since is None:
        return pieces
    return float(pieces * 0.5 ** (max(timedelta(), now - since) / HALF_LIFE))


def rating(votes: int, stars: int) -> float:
    """Return the Bayesian mean of `votes` that sum to `stars`: one vote of five does not beat a hundred of 4.8."""
    return (USUAL_STARS * USUAL_VOTES + stars) / (USUAL_VOTES + votes)


def weight(popularity: float, votes: int, stars: int, *, in_stock: bool) -> float:
    """Return what a text score is multiplied with."""
    sold = 1.0 + 0.15 * math.log1p(popularity)
    liked = 0.6 + 0.4 * rating(votes, stars) / USUAL_STARS
    return sold * liked * (1.0 if in_stock else 0.6)


def places(positions: Sequence[int], total: int) -> list[int]:
    """Return where pinned products stand in a list of `total`, counted from 0, in their order.

    positions: ascending, from 1 on. Two at one position stand side by side; those past the end stand at the end.
    """
    found: list[int] = []
    for position in positions:
        found.append(max(position - 1, found[-1] + 1 if found else 0))
    return [min(place, total - len(found) + at) for at, place in enumerate(found)]
