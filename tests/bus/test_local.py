"""The local bus keeps every promise of the suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from bus.suite import BusSuite
from bus.world import LADDER, MakeBus
from estore.kit.bus.base import Subscription
from estore.kit.bus.local import LocalBus
from estore.kit.db import Database


class TestLocalBus(BusSuite):
    @pytest.fixture
    def make_bus(self) -> MakeBus:
        def make(subscriptions: Sequence[Subscription], databases: Mapping[str, Database]) -> LocalBus:
            return LocalBus(subscriptions, databases, ladder=LADDER, poll=0.1)

        return make


class TestLocalBusEveryHandlerTwice(TestLocalBus):
    """Each handler call is made again after it succeeded: nothing may change."""

    repeats = True
