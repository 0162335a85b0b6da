"""Charges, look-ups and voids at a server that behaves like Stripe, also when it misbehaves."""

from __future__ import annotations

import asyncio
import random

import pytest

from estore.kit.clock import ManualClock
from estore.services.payments.domain import Finding, Found, Intent
from estore.services.payments.gateways.stripe import StripeProvider
from estore.services.payments.gateways.stripe.provider import API_VERSION
from payments.stripe.acts import NOW, intent, provider
from payments.stripe.server import KEY, StandIn

LOSSES = ("hang", "lost", "broken_after", "unavailable", "limited", "in_use")


async def test_a_card_is_held_then_taken_in_one_charge(gateway: StripeProvider, books: StandIn) -> None:
    payment = intent()
    found = await gateway.charge(payment)

    (made,) = books.of(payment.id)
    assert (found.found, found.amount, found.currency, found.reference) == (Found.CAPTURED, 1999, "EUR", made["id"])
    assert dict(books.calls) == {"POST /payment_intents": 1, f"POST /payment_intents/{made['id']}/capture": 1}
    assert books.versions == {API_VERSION}
    assert made["metadata"] == {"payment_id": payment.id, "order_id": payment.order_id}


async def test_both_requests_carry_keys_that_the_payment_gives(gateway: StripeProvider, books: StandIn) -> None:
    payment = intent(tries=3)
    await gateway.charge(payment)

    keys = [headers["idempotency-key"] for _, _, headers in books.seen]
    assert keys == [payment.id, f"{payment.id}:capture:3"]


@pytest.mark.parametrize(
    ("method", "code", "detail"),
    [
        ("pm_card_chargeDeclined", "declined", "generic_decline: Your card was declined."),
        ("pm_card_chargeDeclinedInsufficientFunds", "declined", "insufficient_funds: Your card was declined."),
        # Whoever holds a stolen card must not learn that the bank knows.
        ("pm_card_chargeDeclinedStolenCard", "declined", "generic_decline"),
        ("pm_card_unheard_of", "unknown_method", "No such PaymentMethod: 'pm_card_unheard_of'"),
    ],
)
async def test_a_decline_says_why(gateway: StripeProvider, books: StandIn, method: str, code: str, detail: str) -> None:
    payment = intent(method)
    first, again = await gateway.charge(payment), await gateway.lookup(payment)

    assert (first.found, first.code, first.detail) == (Found.DECLINED, code, detail)
    assert (again.found, again.code) == (Found.DECLINED, code)
    assert books.taken() == 0


async def test_an_amount_that_stripe_refuses_is_declined(gateway: StripeProvider) -> None:
    payment = intent(amount=10)
    found, voided = await gateway.charge(payment), await gateway.void(payment)

    assert (found.found, found.code) == (Found.DECLINED, "provider_error")
    assert voided.found is Found.VOIDED


@pytest.mark.parametrize(("amount", "currency"), [(1, "KWD"), (5000, "UGX")])
async def test_an_amount_that_cannot_be_said_exactly_is_never_sent(
    gateway: StripeProvider, books: StandIn, amount: int, currency: str
) -> None:
    payment = intent(amount=amount, currency=currency)
    found, voided = await gateway.charge(payment), await gateway.void(payment)

    assert (found.found, found.code, currency in found.detail) == (Found.DECLINED, "provider_error", True)
    assert voided.found is Found.VOIDED
    assert not books.calls


@pytest.mark.parametrize(("amount", "currency", "sent"), [(500, "JPY", 500), (1230, "KWD", 1230), (5, "ISK", 500)])
async def test_amounts_are_sent_in_stripes_units_and_come_back_in_ours(
    gateway: StripeProvider, books: StandIn, amount: int, currency: str, sent: int
) -> None:
    payment = intent(amount=amount, currency=currency)
    found = await gateway.charge(payment)

    assert books.of(payment.id)[0]["amount"] == sent
    assert (found.found, found.amount, found.currency) == (Found.CAPTURED, amount, currency)


# --- the customer acts --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ok", "found"), [(True, Found.CAPTURED), (False, Found.DECLINED)])
async def test_a_card_that_asks_its_owner_waits_for_the_owner(
    gateway: StripeProvider, books: StandIn, ok: bool, found: Found
) -> None:
    payment = intent("pm_card_authenticationRequired")
    asked = await gateway.charge(payment)
    (made,) = books.of(payment.id)
    payment.reference = asked.reference
    waiting = await gateway.lookup(payment)
    books.authenticate(made, ok=ok)
    settled = await gateway.lookup(payment)

    assert (asked.found, asked.action_url) == (Found.REQUIRES_ACTION, f"https://hooks.stripe.test/{made['id']}")
    assert (waiting.found, waiting.action_url) == (asked.found, asked.action_url)
    assert settled.found is found
    assert settled.code == ("" if ok else "action_failed")
    assert books.taken() == (1999 if ok else 0)


async def test_a_replayed_answer_is_not_taken_for_the_present(gateway: StripeProvider, books: StandIn) -> None:
    payment = intent("pm_card_authenticationRequired")
    await gateway.charge(payment)
    books.authenticate(books.of(payment.id)[0])
    found = await gateway.charge(payment)

    assert found.found is Found.CAPTURED


async def test_what_only_a_page_of_the_shop_could_ask_is_given_up(gateway: StripeProvider, books: StandIn) -> None:
    payment = intent("pm_card_nativeOnly")
    found = await gateway.charge(payment)

    assert (found.found, found.code) == (Found.DECLINED, "action_failed")
    assert [made["status"] for made in books.of(payment.id)] == ["canceled"]


async def test_a_slow_bank_is_waited_for(gateway: StripeProvider, books: StandIn) -> None:
    payment = intent("pm_card_processing")
    slow = await gateway.charge(payment)
    payment.reference = slow.reference
    unstoppable = await gateway.void(payment)
    books.clear(books.of(payment.id)[0])
    voided = await gateway.void(payment)

    assert (slow.found, unstoppable.found) == (Found.PROCESSING, Found.PROCESSING)
    assert slow.patience
    assert (voided.found, voided.amount) == (Found.CAPTURED, 1999)


# --- answers get lost -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES)
async def test_a_lost_answer_is_no_decline_and_the_look_up_takes_the_money_once(
    gateway: StripeProvider, books: StandIn, loss: str
) -> None:
    payment = intent()
    books.fail(loss, loss)  # the SDK asks a second time
    lost = await gateway.charge(payment)
    books.faults.clear()
    found = await gateway.lookup(payment)
    again = await gateway.lookup(payment)

    assert lost.found in (Found.UNKNOWN, Found.CAPTURED)
    assert (found.found, again.found) == (Found.CAPTURED, Found.CAPTURED)
    assert (books.taken(), len(books.of(payment.id))) == (1999, 1)


@pytest.mark.parametrize("loss", [*LOSSES, "broken"])
async def test_an_answer_lost_while_capturing_names_the_hold(
    gateway: StripeProvider, books: StandIn, loss: str
) -> None:
    payment = intent()
    books.fail(loss, loss, path="/capture")
    lost = await gateway.charge(payment)
    books.faults.clear()
    payment.reference, payment.tries = lost.reference, 2
    found = await gateway.lookup(payment)

    assert lost.found in (Found.UNKNOWN, Found.CAPTURED)
    assert lost.reference == books.of(payment.id)[0]["id"]
    assert found.found is Found.CAPTURED
    assert books.taken() == 1999


async def test_an_error_that_stripe_keeps_stays_open_until_it_is_voided(
    gateway: StripeProvider, books: StandIn
) -> None:
    payment = intent()
    books.fail("broken")
    found = [await gateway.charge(payment), await gateway.lookup(payment), await gateway.void(payment)]
    late = await gateway.charge(payment)

    assert [f.found for f in found] == [Found.UNKNOWN, Found.UNKNOWN, Found.VOIDED]
    assert late.found is Found.UNKNOWN
    assert (books.taken(), books.of(payment.id)) == (0, [])


async def test_a_wrong_key_declines_nobody(books: StandIn) -> None:
    gateway = provider(books, api_key="sk_test_wrong")
    payment = intent()
    found = [await gateway.charge(payment), await gateway.lookup(payment), await gateway.void(payment)]
    await gateway.stop()

    assert [f.found for f in found] == [Found.UNKNOWN] * 3
    assert all("sk_test_wrong" not in f.detail for f in found)


async def test_other_settings_meanwhile_do_not_charge_again(gateway: StripeProvider, books: StandIn) -> None:
    payment = intent()
    books.fail("limited", path="/capture")
    await gateway.charge(payment)
    moved = provider(books, return_url="https://new-shop.test/paid")
    found = await moved.lookup(payment)
    await moved.stop()

    assert found.found is Found.CAPTURED
    assert (books.taken(), len(books.of(payment.id))) == (1999, 1)


async def test_fifty_charges_at_once_take_the_money_once(gateway: StripeProvider, books: StandIn) -> None:
    payment = intent()
    found = await asyncio.gather(*(gateway.charge(payment) for _ in range(50)))
    settled = await gateway.lookup(payment)

    assert {f.found for f in found} <= {Found.CAPTURED, Found.UNKNOWN, Found.PROCESSING}
    assert settled.found is Found.CAPTURED
    assert (books.taken(), len(books.of(payment.id))) == (1999, 1)


# --- voids ------------------------------------------------------------------------------------------------------------


async def test_a_charge_that_never_arrived_is_barred_from_arriving(gateway: StripeProvider, books: StandIn) -> None:
    payment = intent()
    voided = await gateway.void(payment)
    again = await gateway.void(payment)
    late = await gateway.charge(payment)

    assert (voided.found, again.found, late.found) == (Found.VOIDED, Found.VOIDED, Found.VOIDED)
    assert books.taken() == 0


@pytest.mark.parametrize("known", [True, False])
async def test_a_hold_is_given_back_before_it_was_taken(gateway: StripeProvider, books: StandIn, known: bool) -> None:
    payment = intent()
    books.fail("limited", path="/capture")
    held = await gateway.charge(payment)
    payment.reference = held.reference if known else None
    voided = await gateway.void(payment)

    assert voided.found is Found.VOIDED
    assert [made["status"] for made in books.of(payment.id)] == ["canceled"]


@pytest.mark.parametrize("known", [True, False])
async def test_a_void_that_comes_too_late_says_so(gateway: StripeProvider, books: StandIn, known: bool) -> None:
    payment = intent()
    taken = await gateway.charge(payment)
    payment.reference = taken.reference if known else None
    voided = await gateway.void(payment)

    assert (voided.found, voided.amount, voided.reference) == (Found.CAPTURED, 1999, taken.reference)


async def test_a_void_of_what_was_declined_is_the_decline(gateway: StripeProvider) -> None:
    payment = intent("pm_card_chargeDeclined")
    await gateway.charge(payment)
    voided = await gateway.void(payment)

    assert (voided.found, voided.code) == (Found.DECLINED, "declined")


@pytest.mark.parametrize("loss", LOSSES)
async def test_a_void_whose_answer_is_lost_is_open(gateway: StripeProvider, books: StandIn, loss: str) -> None:
    payment = intent()
    books.fail(loss, loss, path="/payment_intents")
    lost = await gateway.void(payment)
    books.faults.clear()
    found = await gateway.void(payment)

    assert lost.found in (Found.UNKNOWN, Found.VOIDED)
    assert (found.found, books.taken()) == (Found.VOIDED, 0)


async def test_a_void_that_races_its_charge_never_lets_both_win(gateway: StripeProvider, books: StandIn) -> None:
    async def race(payment: Intent, head_start: float) -> set[Found]:
        charge = asyncio.create_task(gateway.charge(payment))
        await asyncio.sleep(head_start)
        voided = await gateway.void(payment)
        charged = await charge
        while voided.found is Found.UNKNOWN:
            voided = await gateway.void(payment)
        return {voided.found, charged.found} & {Found.CAPTURED, Found.VOIDED}

    payments = [intent() for _ in range(30)]
    won = [await race(payment, n * 0.0005) for n, payment in enumerate(payments)]

    for payment, outcome in zip(payments, won, strict=True):
        taken = [made for made in books.of(payment.id) if made["status"] == "succeeded"]
        assert len(taken) == (Found.CAPTURED in outcome)
        assert len(outcome) == 1


@pytest.mark.parametrize("method", ["pm_card_visa", "pm_card_authenticationRequired"])
async def test_after_a_day_the_list_tells_what_the_key_no_longer_does(books: StandIn, method: str) -> None:
    clock = ManualClock(NOW)
    gateway = provider(books, clock=clock)
    payment, neighbours = intent(method), [intent() for _ in range(3)]
    for one in (payment, *neighbours):
        await gateway.charge(one)
    books.forget_keys()
    clock.advance(hours=24)
    looked_up, voided = await gateway.lookup(payment), await gateway.void(payment)
    never = intent()
    unheard, barred = await gateway.lookup(never), await gateway.void(never)
    await gateway.stop()

    captured = method == "pm_card_visa"
    assert looked_up.found is (Found.CAPTURED if captured else Found.REQUIRES_ACTION)
    assert voided.found is (Found.CAPTURED if captured else Found.VOIDED)
    assert (unheard.found, barred.found) == (Found.NOT_FOUND, Found.VOIDED)
    assert len(books.of(payment.id)) == 1


async def test_the_list_is_read_to_its_end(books: StandIn) -> None:
    clock = ManualClock(NOW)
    gateway = provider(books, clock=clock)
    payment = intent()
    await gateway.charge(payment)
    (made,) = books.of(payment.id)
    for n in range(250):
        books.intents[f"pi_x{n}"] = made | {"id": f"pi_x{n}", "metadata": {}}
    clock.advance(days=2)
    found = await gateway.lookup(payment)
    await gateway.stop()

    assert (found.found, found.reference) == (Found.CAPTURED, made["id"])
    assert books.calls["GET /payment_intents"] == 3


def test_secrets_are_in_no_representation(books: StandIn, gateway: StripeProvider) -> None:
    shown = repr(gateway._settings) + repr(vars(gateway))

    assert KEY not in shown
    assert "whsec_" not in shown


@pytest.mark.parametrize(
    ("method", "taken"),
    [
        ("pm_1MtwBwLkdIwHu7ix28a3tqPa", True),
        ("pm_card_visa", True),
        ("ctoken_1NnQUf2eZvKYlo2CIObdtbnb", True),
        ("pm_ok", False),
        ("pm_requires_action", False),
        ("invoice", False),
        ("", False),
    ],
)
async def test_stripe_takes_its_own_methods_and_leaves_the_others(
    gateway: StripeProvider, method: str, taken: bool
) -> None:
    assert gateway.accepts(method) is taken


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_fails_in_whatever_order_money_and_findings_agree(
    gateway: StripeProvider, books: StandIn, seed: int
) -> None:
    """Random steps with random faults, then peace: what was found at last is what happened to the money."""
    luck = random.Random(seed)
    gateway._http.sleep_async = lambda secs: asyncio.sleep(0)  # type: ignore[method-assign]
    faults = ("lost", "unavailable", "limited", "in_use", "broken", "broken_after")
    for _ in range(15):
        payment = intent(luck.choice(["pm_card_visa", "pm_card_visa", "pm_card_chargeDeclined"]))
        found: list[Finding] = []
        for step in [gateway.charge, gateway.lookup, gateway.charge, gateway.lookup, gateway.void]:
            for path in ("/payment_intents", "/capture", "/cancel"):
                books.fail(*(luck.choice(faults) for _ in range(luck.choice((0, 0, 1, 2)))), path=path)
            found.append(await step(payment))
            payment.tries += 1
            if luck.random() < 0.5:
                payment.reference = payment.reference or found[-1].reference
            if found[-1].found in (Found.CAPTURED, Found.DECLINED, Found.VOIDED):
                break
        books.faults.clear()
        while (last := await gateway.void(payment)).found is Found.UNKNOWN:
            payment.tries += 1
        late = await gateway.charge(payment)

        statuses = sorted(made["status"] for made in books.of(payment.id))
        taken = statuses.count("succeeded")
        assert taken <= 1
        assert (last.found is Found.CAPTURED) == (taken == 1)
        assert Found.CAPTURED not in {f.found for f in found} or taken == 1
        assert not {Found.VOIDED, Found.DECLINED} & {f.found for f in found} or taken == 0
        assert (late.found is Found.CAPTURED) == (taken == 1)
