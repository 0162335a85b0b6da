"""A machine without an index turns no search away: it is sent none."""

from __future__ import annotations

from search.factories import Shop
from support.databases import Databases
from support.world import world


async def test_search_is_not_ready_before_its_index_is_there(databases: Databases) -> None:
    async with world(databases, "search") as made:
        service = made.service("search")
        assert service.lacks() == "the index of search is being made"
        assert (await Shop(made).get("", q="mug")).status_code == 503

        await Shop(made).index()

        assert service.lacks() == ""
        assert (await Shop(made).get("", q="mug")).status_code == 200
        for stop in service.stop:
            await stop()
