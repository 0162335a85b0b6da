"""Reviews of a shop that sells mugs and pots."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from reviews.factories import Desk
from support.databases import Databases
from support.world import world


@pytest.fixture
async def desk(databases: Databases) -> AsyncIterator[Desk]:
    """Nobody has bought anything yet; time stands still."""
    async with world(databases, "reviews", **{"ESTORE_REVIEWS_BURST_ACCOUNT": "5"}) as made:
        desk = Desk(made)
        await desk.open()
        yield desk
        assert await made.broken("reviews") == {}


@pytest.fixture(scope="module")
async def open_desk(databases: Databases) -> AsyncIterator[Desk]:
    """The same, shared by the tests of a file that only ask, are refused, or bring products of their own."""
    many = dict.fromkeys(("ESTORE_REVIEWS_BURST_PRODUCT", "ESTORE_REVIEWS_BURST_VENDOR"), "100000")
    async with world(databases, "reviews", **many, ESTORE_REVIEWS_BURST_ACCOUNT="100000") as made:
        desk = Desk(made)
        await desk.open()
        yield desk
        assert await made.broken("reviews") == {}
