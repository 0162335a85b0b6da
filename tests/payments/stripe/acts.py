"""What the Stripe tests are about: intents, refunds, and a provider that charges them at the stand-in."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from estore.kit.clock import ManualClock
from estore.kit.ids import new_id
from estore.services.payments.domain import Intent, Refund, RefundStatus, Status
from estore.services.payments.gateways.stripe import StripeProvider, StripeSettings
from payments.stripe.server import KEY, OLD_SECRET, SECRET, StandIn

NOW = datetime.now(UTC)  # ids are made by the machine's clock, and their age matters here


def provider(books: StandIn, *, clock: ManualClock | None = None, **values: Any) -> StripeProvider:
    settings: dict[str, Any] = {
        "api_key": KEY,
        "webhook_secrets": (SECRET, OLD_SECRET),
        "return_url": "https://shop.test/paid",
        "timeout": 30.0,
        "api_base": books.url,
    }
    made = StripeProvider(StripeSettings(**settings | values), clock or ManualClock(NOW))

    ask, silence = made._http._client_async.request, asyncio.Event()

    async def until_silence(*given: Any, **how: Any) -> httpx.Response:
        """Ask, and find the answer late once it is known that none will come."""
        asking, waiting = asyncio.ensure_future(ask(*given, **how)), asyncio.ensure_future(silence.wait())
        try:
            await asyncio.wait({asking, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                silence.clear()
                raise httpx.ReadTimeout("no answer will come")
            return await asking
        finally:
            asking.cancel()
            waiting.cancel()

    made._http._client_async.request = until_silence  # type: ignore[method-assign]
    books.silent = silence.set
    return made


def intent(method: str = "pm_card_visa", **values: Any) -> Intent:
    defaults: dict[str, Any] = {
        "id": new_id("pay"),
        "order_id": new_id("ord"),
        "amount": 1999,
        "currency": "EUR",
        "method": method,
        "status": Status.CREATED,
        "expires_at": NOW + timedelta(minutes=15),
        "tries": 1,
    }
    return Intent(**defaults | values)


def refund(payment: Intent, reference: str | None, amount: int = 500, **values: Any) -> Refund:
    defaults: dict[str, Any] = {
        "id": new_id("rfd"),
        "payment_id": payment.id,
        "order_id": payment.order_id,
        "amount": amount,
        "currency": payment.currency,
        "status": RefundStatus.REQUESTED,
        "charge_key": payment.key,
        "charge_reference": reference,
    }
    return Refund(**defaults | values)
