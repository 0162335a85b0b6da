"""A stand-in for Stripe, and our provider talking to it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from estore.services.payments.gateways.stripe import StripeProvider
from payments.stripe.acts import provider
from payments.stripe.server import StandIn, serving


@pytest.fixture
async def books() -> AsyncIterator[StandIn]:
    """Stripe's books, empty."""
    async with serving() as made:
        yield made


@pytest.fixture
async def gateway(books: StandIn) -> AsyncIterator[StripeProvider]:
    """Our provider, for which an answer is late as soon as it is known that none will come."""
    made = provider(books)
    yield made
    await made.stop()
