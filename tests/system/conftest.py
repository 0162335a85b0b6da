"""A whole store, with every service, on each bus. One per class: its tests buy beside each other."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from support.brokers import Rabbit
from support.databases import Databases
from support.market import HASTY, Market, in_process

pytest.register_assert_rewrite("support.money_market", "support.money_model")


@pytest.fixture(scope="class")
async def local_market(databases: Databases) -> AsyncIterator[Market]:
    """The market on the local bus."""
    async with in_process(databases, **HASTY) as store:
        yield await Market(store).open()


@pytest.fixture(scope="class")
async def rabbit_market(databases: Databases, rabbit_server: Rabbit) -> AsyncIterator[Market]:
    """The market on RabbitMQ, on a virtual host of its own."""
    await rabbit_server.start()
    async with in_process(databases, await rabbit_server.fresh_vhost(), **HASTY) as store:
        yield await Market(store).open()
