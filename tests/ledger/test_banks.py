"""Bank accounts: checked, sealed, and nowhere to be read again."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from estore.kit.settings import SettingError
from estore.services.ledger.app import build
from estore.services.ledger.gateways.sandbox import mood_of
from estore.services.ledger.service.banks import Destination, KeyLost, Vault
from ledger.payees import VENDOR, WELL, Payees, iban, key, ok, opened
from support.databases import Databases
from support.world import settings_for, world

CANARY = "DE02120300000000202051"
HOLDER = "Zacharias Canary"
_TEXTS = """
SELECT c.table_name, c.column_name FROM information_schema.columns c
JOIN information_schema.tables t USING (table_schema, table_name)
WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE'
"""


async def everything_kept(payees: Payees) -> bytes:
    """Every value of every row of every table of the ledger, as text, and as the bytes that it holds."""
    found = b""
    for row in await payees.world.fetch("ledger", _TEXTS):
        sql = f'SELECT "{row["column_name"]}" AS value FROM "{row["table_name"]}"'
        for value in await payees.world.fetch("ledger", sql):
            found += value["value"] if isinstance(value["value"], bytes) else str(value["value"]).encode()
    return found


async def test_an_iban_is_kept_nowhere_but_sealed(databases: Databases) -> None:
    async with opened(databases) as payees:
        headers = key()
        body = {"iban": CANARY, "holder": HOLDER}
        first = await payees.owner.post("/v1/payouts/bank-accounts", json=body, headers=headers)
        again = await payees.owner.post("/v1/payouts/bank-accounts", json=body, headers=headers)
        other = await payees.owner.post("/v1/payouts/bank-accounts", json=body | {"holder": "X"}, headers=headers)
        wrong = await payees.owner.post("/v1/payouts/bank-accounts", json=body | {"iban": CANARY[:-1] + "2"})
        await payees.approve(token=first.json()["token"])
        await payees.earn(5_000)
        payout = await payees.pay()

        async def broken(_: Any) -> None:
            raise RuntimeError(f"the bank's client prints {CANARY}")

        payees.bank.send = broken  # type: ignore[method-assign, assignment]
        with capture_logs() as logs:
            await payees.run("payout-send")
        shown = await payees.owner.get(f"/v1/payouts/{payout['id']}")
        kept = await everything_kept(payees)
        # The body's own hash would let anybody who reads it try all IBANs of a bank.
        prints = await payees.world.fetch("ledger", "SELECT fingerprint FROM once WHERE key = $1", headers.popitem()[1])

    told = "".join([first.text, again.text, other.text, wrong.text, shown.text, str(logs)])
    assert (first.status_code, again.json(), other.status_code, wrong.status_code) == (201, first.json(), 422, 422)
    assert first.json() == {**first.json(), "last4": "2051", "country": "DE", "bank": "Deutsche Kreditbank Berlin"}
    for secret in (CANARY, CANARY[4:-4], HOLDER):
        assert secret not in told
        assert secret.encode() not in kept
    assert b"2051" in kept
    # A busy machine may say besides that it was slow.
    assert [line["event"] for line in logs if line["event"] != "slow"] == ["the bank failed"]
    assert len(prints) == 1


async def test_the_fingerprint_of_a_request_with_an_iban_is_not_its_hash(databases: Databases) -> None:
    async with opened(databases) as payees:
        await payees.account()
        await payees.world.http("ledger", payees.world.token("acc_owner", vendors={VENDOR: "owner"})).get("/v1/payouts")
        rows = await payees.world.fetch("ledger", "SELECT fingerprint FROM once WHERE scope LIKE '%bank%'")
        route = Vault([b"k" * 32], b"p")

    assert len(rows) == 1
    assert route.blind(b"x") != Vault([b"k" * 32], b"q").blind(b"x")
    assert len(rows[0]["fingerprint"]) == 32


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"iban": "DE89370400440532013001", "holder": "A"}, "ledger.iban_invalid", "/iban"),
        ({"iban": "DE8937040044053201300", "holder": "A"}, "ledger.iban_invalid", "/iban"),
        ({"iban": "US64SVBKUS6S3300958879", "holder": "A"}, "ledger.iban_invalid", "/iban"),
        ({"iban": "not an iban", "holder": "A"}, "ledger.iban_invalid", "/iban"),
        ({"iban": "DE;89", "holder": "A"}, "request.invalid", "/iban"),
        ({"iban": WELL, "holder": "  "}, "request.invalid", "/holder"),
        ({"iban": WELL, "holder": "A\x00"}, "request.invalid", "/holder"),
        ({"iban": WELL, "holder": "A", "bic": "NOTABIC1"}, "ledger.bic_invalid", "/bic"),
        ({"iban": WELL, "holder": "A", "bic": "DEUTDEFF"}, "ledger.bic_invalid", "/bic"),
        ({"iban": WELL}, "request.invalid", "/holder"),
    ],
)
async def test_what_is_no_bank_account_is_refused(
    databases: Databases, body: dict[str, str], code: str, pointer: str
) -> None:
    async with opened(databases) as payees:
        answer = await payees.owner.post("/v1/payouts/bank-accounts", json=body, headers=key())

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert body["iban"] not in answer.text


async def test_guests_register_no_bank_account(databases: Databases) -> None:
    async with opened(databases) as payees:
        guest = payees.world.http("ledger")
        answer = await guest.post("/v1/payouts/bank-accounts", json={"iban": WELL, "holder": "A"})

    assert answer.status_code == 401


async def test_spaces_and_small_letters_are_no_matter(databases: Databases) -> None:
    async with opened(databases) as payees:
        body = {"iban": "de89 3704 0044 0532 0130 00", "holder": "A", "bic": "cobadeff"}
        answer = await ok(payees.owner.post("/v1/payouts/bank-accounts", json=body), 201)

    assert (answer["last4"], answer["country"], answer["bank"]) == ("3000", "DE", "Commerzbank")


async def test_keys_can_be_changed(databases: Databases) -> None:
    old, new = "11" * 32, "22" * 32
    async with opened(databases, ESTORE_LEDGER_BANK_KEY=old) as payees:
        await payees.vendor(available=5_000, number=iban("4711"))
        both = {"ESTORE_LEDGER_BANK_KEY": new, "ESTORE_LEDGER_BANK_KEYS_BEFORE": old}
        async with world(databases, "ledger", dsn=payees.world.dsn, **both) as made:
            await Payees(made).run("bank-reseal")
        sealed = await payees.world.fetch("ledger", "SELECT DISTINCT key_id FROM bank_account")
        only_new = {"ESTORE_LEDGER_BANK_KEY": new, "ESTORE_LEDGER_PAYOUT_MINIMUM": "100"}
        async with world(databases, "ledger", dsn=payees.world.dsn, **only_new) as made:
            later = Payees(made)
            await later.pay()
            await later.run("payout-send")

            assert (await later.payouts())[0]["status"] == "paid"
    assert sealed == [{"key_id": Vault([bytes.fromhex(new)], b"").key_id}]


def test_what_is_sealed_opens_with_its_key_and_in_its_row_only() -> None:
    vault = Vault([b"a" * 32], b"")
    sealed = vault.seal(b"secret", "bat_1")

    assert vault.open(vault.key_id, sealed, "bat_1") == b"secret"
    assert vault.seal(b"secret", "bat_1") != sealed
    for key_id, content, name in (
        (vault.key_id, sealed, "bat_2"),
        (vault.key_id, sealed[:-1] + bytes([sealed[-1] ^ 1]), "bat_1"),
        ("other", sealed, "bat_1"),
    ):
        with pytest.raises(KeyLost):
            vault.open(key_id, content, name)


def test_a_destination_has_no_text() -> None:
    assert CANARY not in repr(Destination(CANARY, HOLDER, None))
    assert CANARY not in str([Destination(CANARY, HOLDER, None)])


def test_the_bank_misbehaves_by_digits_or_by_name() -> None:
    assert mood_of(Destination(iban("9003"), "A", None)) == "refused"
    assert mood_of(Destination(WELL, "Very Slow Ltd", None)) == "slow"
    assert mood_of(Destination(WELL, "Slowly", None)) == ""


@pytest.mark.parametrize("wrong", ["xyz", "11" * 31])
def test_a_key_that_is_none_stops_the_start(wrong: str) -> None:
    with pytest.raises(SettingError, match="ESTORE_LEDGER_BANK_KEY"):
        build(settings_for("postgresql://nowhere", ["ledger"], ESTORE_LEDGER_BANK_KEY=wrong))
