"""A whole store, with every service, on each bus. One per class: its tests buy beside each other."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from support.brokers import Rabbit
from support.databases import Databases
from support.market import HASTY, Market, in_process

# Customers who act are a busy machine's pace, too; who goes away, a test says.
PATIENT = HASTY | {"ESTORE_ORDERS_ACTION_SECONDS": "600"}
pytest.register_assert_rewrite("support.money_market", "support.money_model")


@pytest.fixture(scope="class")
async def local_market(databases: Databases) -> AsyncIterator[Market]:
    """The market on the local bus."""
    async with in_process(databases, **PATIENT) as store:
        yield await Market(store).open()


@pytest.fixture(scope="class")
async def rabbit_market(databases: Databases, rabbit_server: Rabbit) -> AsyncIterator[Market]:
    """The market on RabbitMQ, on a virtual host of its own."""
    await rabbit_server.start()
    async with in_process(databases, await rabbit_server.fresh_vhost(), **PATIENT) as store:
        yield await Market(store).open()
