"""Fixtures of the payments tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from payments.shop import Shop, opened
from support.databases import Databases


@pytest.fixture
async def shop(databases: Databases) -> AsyncIterator[Shop]:
    """Payments, whose books must agree with the provider's when the test is over."""
    async with opened(databases) as made:
        yield made
