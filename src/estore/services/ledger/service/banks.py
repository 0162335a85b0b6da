"""Bank accounts: checked, sealed at rest, and told to nobody but the bank that pays.

Sealing is AES-256-GCM (NIST SP 800-38D), bound to the name of the row, under a key with an id, so that keys can change.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Sequence
from typing import Annotated

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from schwifty import BIC, IBAN
from schwifty.exceptions import SchwiftyException

from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.errors import Invalid
from estore.kit.ids import new_id
from estore.services.ledger.store import banks as store
from estore.services.ledger.store.banks import BankRow

_NONCE_BYTES = 12
_RESEAL_AT_ONCE = 500


class IbanInvalid(Invalid):
    code, title = "ledger.iban_invalid", "This is not an IBAN"


class BicInvalid(Invalid):
    code, title = "ledger.bic_invalid", "This is not the BIC of the account's bank"


class KeyLost(RuntimeError):
    """Something was sealed with a key that we no longer have, or was tampered with. A defect of the configuration."""


class NewBankAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where to be paid. iban: spaces are ignored. holder: whom the account belongs to. bic: worked out if absent."""

    iban: Annotated[str, msgspec.Meta(min_length=5, max_length=42, pattern=r"^[A-Za-z0-9 ]+\Z")]
    holder: Annotated[
        str, msgspec.Meta(min_length=1, max_length=70, pattern=r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*\Z")
    ]
    bic: Annotated[str, msgspec.Meta(min_length=8, max_length=11, pattern=r"^[A-Za-z0-9]+\Z")] | None = None

    def __repr__(self) -> str:
        return "NewBankAccount(...)"


class BankAccountView(msgspec.Struct, frozen=True):
    """What is shown of a bank account. token: to be given to the vendors service."""

    token: str
    last4: str
    country: str
    bank: str | None = None


class Destination(msgspec.Struct, frozen=True):
    """Where money goes. It is never logged: it has no text."""

    iban: str
    holder: str
    bic: str | None

    def __repr__(self) -> str:
        return "Destination(...)"


class Vault:
    """Seals and opens. keys: 32 bytes each; new things are sealed with the first, the others only open."""

    def __init__(self, keys: Sequence[bytes], pepper: bytes) -> None:
        self._keys = {hashlib.sha256(key).hexdigest()[:16]: AESGCM(key) for key in keys}
        self.key_id = next(iter(self._keys))
        self._pepper = pepper

    def seal(self, content: bytes, bound_to: str) -> bytes:
        """Return `content` sealed with the newest key, for the row `bound_to` only."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._keys[self.key_id].encrypt(nonce, content, bound_to.encode())

    def open(self, key_id: str, sealed: bytes, bound_to: str) -> bytes:
        """Return what was sealed. Raises KeyLost."""
        try:
            key = self._keys[key_id]
            return key.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound_to.encode())
        except (KeyError, InvalidTag):
            raise KeyLost(f"{bound_to} cannot be opened; was it sealed with a key that is no longer given?") from None

    def destination(self, row: BankRow) -> Destination:
        """Return where a bank account is. Raises KeyLost."""
        return msgspec.json.decode(self.open(row.key_id, row.sealed, row.token), type=Destination)

    def blind(self, fingerprint: bytes) -> bytes:
        """Return a fingerprint from which nobody without our secret can guess the request that it is of.

        There are few IBANs per bank: who reads a plain hash of a request finds its IBAN by trying them all.
        """
        return hmac.new(self._pepper, fingerprint, hashlib.sha256).digest()


class Banks:
    """Use cases of bank accounts."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def add_bank_account(self, tx: Tx, ctx: Context, body: NewBankAccount) -> BankAccountView:
        """Keep a bank account, sealed. Raises IbanInvalid, BicInvalid."""
        iban = _iban(body.iban)
        bic = _bic(body.bic, iban)
        token = new_id("bat")
        destination = Destination(str(iban), body.holder.strip(), bic)
        await store.insert_bank(
            tx,
            BankRow(
                token=token,
                account_id=ctx.principal.account_id or "",
                key_id=self._vault.key_id,
                sealed=self._vault.seal(msgspec.json.encode(destination), token),
                last4=str(iban)[-4:],
                country=str(iban)[:2],
                bank=iban.bank_name or None,
                created_at=ctx.now,
            ),
        )
        return BankAccountView(token, str(iban)[-4:], str(iban)[:2], iban.bank_name or None)

    async def reseal(self, tx: Tx, ctx: Context, request: None) -> int:
        """Seal with the newest key what was sealed with another; returns how many rows, at most 500 of a table."""
        done = 0
        for table in store.SEALED_TABLES:
            rows = await store.lock_sealed_otherwise(tx, table, self._vault.key_id, _RESEAL_AT_ONCE)
            anew = [(r.name, self._vault.seal(self._vault.open(r.key_id, r.sealed, r.name), r.name)) for r in rows]
            if anew:
                await store.reseal(tx, table, self._vault.key_id, anew)
            done += len(anew)
        return done


def _iban(text: str) -> IBAN:
    """Return a checked IBAN (ISO 13616). Raises IbanInvalid, which never repeats it.

    National check digits are not looked at: banks change how they make them faster than anybody's tables know.
    """
    try:
        return IBAN(text)
    except (SchwiftyException, ValueError) as error:
        reason = {
            "InvalidLength": "it has the wrong length for its country",
            "InvalidChecksumDigits": "its check digits are wrong; is there a typo?",
            "InvalidCountryCode": "its country has no IBANs",
        }.get(type(error).__name__, "it does not look like one")
        raise IbanInvalid(reason, pointer="/iban") from None


def _bic(text: str | None, iban: IBAN) -> str | None:
    """Return the BIC: the one given, checked (ISO 9362), else what the registry knows. Raises BicInvalid."""
    if text is None:
        return str(iban.bic) if iban.bic else None
    try:
        bic = BIC(text.upper())
    except (SchwiftyException, ValueError):
        raise BicInvalid("it does not look like one", pointer="/bic") from None
    if iban.bic is not None and str(iban.bic)[:8] != str(bic)[:8]:
        raise BicInvalid("the IBAN belongs to another bank", pointer="/bic")
    return str(bic)
