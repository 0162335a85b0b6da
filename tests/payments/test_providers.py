"""Several providers side by side: who takes what, and who is asked afterwards."""

from __future__ import annotations

import pytest

from estore.kit.settings import SettingError
from estore.services.payments.app import build
from payments.shop import Shop
from support.world import settings_for

IBAN = {"ESTORE_PAYMENTS_INVOICE_IBAN": "DE89370400440532013000", "ESTORE_PAYMENTS_INVOICE_HOLDER": "Estore"}


def start(providers: str, sandbox: bool = True, **variables: str) -> None:
    settings = settings_for("postgresql://nowhere", ["payments"], ESTORE_PAYMENTS_PROVIDERS=providers, **variables)
    if not sandbox:
        settings = type(settings)(**{f: getattr(settings, f) for f in settings.__struct_fields__} | {"sandbox": False})
    build(settings)


@pytest.mark.parametrize(("method", "provider"), [("pm_ok", "sandbox"), ("invoice", "invoice"), ("pm_other", "")])
async def test_the_first_provider_that_accepts_a_method_has_the_payment(shop: Shop, method: str, provider: str) -> None:
    order = await shop.pay(method)

    assert (await shop.intent(order))["provider"] == provider


async def test_what_nobody_accepts_fails_without_asking_anybody(shop: Shop) -> None:
    order = await shop.pay("bitcoin")

    assert await shop.failure(order) == "unknown_method"
    assert await shop.charges(order) == []


async def test_a_batch_for_several_providers_goes_to_each_its_own(shop: Shop) -> None:
    requests = [shop.request(method) for method in ("pm_ok", "invoice", "bitcoin") * 5]
    await shop.world.deliver_batch("payments", requests)
    await shop.pump.idle()
    rows = await shop.world.fetch(
        "payments", "SELECT provider, status, count(*) FROM payment_intent GROUP BY 1, 2 ORDER BY 1"
    )

    assert [tuple(row.values()) for row in rows] == [
        ("", "failed", 5), ("invoice", "requires_action", 5), ("sandbox", "captured", 5),
    ]  # fmt: skip


async def test_a_payment_whose_provider_was_taken_off_waits_until_it_is_back(shop: Shop) -> None:
    order = await shop.pay("pm_slow")
    providers, shop.pump._providers = shop.pump._providers, {}
    await shop.hear(shop.cancel(order))
    await shop.later(seconds=40)
    meanwhile = await shop.status(order)
    shop.pump._providers = providers
    await shop.later(seconds=70)

    assert meanwhile in ("closing", "captured")
    assert await shop.status(order) in ("failed", "captured")


@pytest.mark.parametrize(
    ("providers", "sandbox", "variables", "message"),
    [
        ("sandbox", False, {}, "ESTORE_SANDBOX is off"),
        ("invoice,sandbox", False, IBAN, "ESTORE_SANDBOX is off"),
        ("paypal", True, {}, "there is no provider 'paypal'"),
        (",", True, {}, "at least one"),
        ("sandbox,sandbox", True, {}, "each provider once"),
        ("invoice", True, {}, "ESTORE_PAYMENTS_INVOICE_IBAN"),
        ("invoice", True, IBAN | {"ESTORE_PAYMENTS_INVOICE_IBAN": "DE88370400440532013000"}, "check digits"),
        ("invoice", True, IBAN | {"ESTORE_PAYMENTS_INVOICE_HOLDER": " "}, "INVOICE_HOLDER"),
    ],
)
def test_a_provider_that_cannot_be_used_stops_the_start_with_one_line(
    providers: str, sandbox: bool, variables: dict[str, str], message: str
) -> None:
    with pytest.raises(SettingError, match=message) as told:
        start(providers, sandbox, **variables)

    assert "\n" not in str(told.value)


def test_a_store_without_the_sandbox_sells_by_invoice() -> None:
    start("invoice", False, **IBAN)
    start(" sandbox , invoice", True, **IBAN)
