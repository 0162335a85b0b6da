"""What identity can prove without keeping it: mail tokens, refresh tokens, sealed keys.

Prevents: a copy of the database that is a bunch of keys. Tokens are keyed hashes of what they stand for, so nothing
that opens a door is stored; private keys lie encrypted.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from os import urandom
from typing import Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from joserfc.jwk import OKPKey

from estore.kit.settings import SettingError, Settings
from estore.services.identity.domain import Account, RefreshRefused, Session, TokenUnusable

Purpose = Literal["confirm", "reset"]
_MAIL_TOKEN = re.compile(r"(acc_[0-9A-Z]{26})\.(\d{1,11})\.([A-Za-z0-9_-]{32})")
_REFRESH_TOKEN = re.compile(r"(ses_[0-9A-Z]{26})\.(\d{1,15})\.([A-Za-z0-9_-]{43})")


class Seals:
    """Made from the master secret, one key per purpose; what was made from an accepted one is good as well."""

    def __init__(self, settings: Settings) -> None:
        self._mail = [key.encode() for key in settings.accepted("identity mail tokens")]
        self._refresh = [key.encode() for key in settings.accepted("identity refresh tokens")]
        self._throttle = settings.derived("identity throttle").encode()
        self._prints = settings.derived("identity fingerprints").encode()
        self._keys = [AESGCM(bytes.fromhex(key)) for key in settings.accepted("identity keys")]

    # --- mail tokens: account . expiry . hash over both, the purpose, and what the token is to change -------------

    def mail_token(self, purpose: Purpose, account: Account, expires_at: datetime) -> str:
        """Return a token that dies at `expires_at`, or once it was used: it covers the state that its use changes."""
        expiry = int(expires_at.timestamp())
        return f"{account.id}.{expiry}.{self._mail_macs(purpose, account, expiry)[0]}"

    @staticmethod
    def account_of(token: str) -> str:
        """Return the account that a mail token speaks of. Raises TokenUnusable."""
        if (match := _MAIL_TOKEN.fullmatch(token)) is None:
            raise TokenUnusable()
        return match[1]

    def check_mail_token(self, purpose: Purpose, token: str, account: Account | None, now: datetime) -> Account:
        """Return the account whose address the holder of `token` reads. Raises TokenUnusable."""
        match = _MAIL_TOKEN.fullmatch(token)
        if match is None or account is None or match[1] != account.id or int(match[2]) < now.timestamp():
            raise TokenUnusable()
        if not _among(match[3], self._mail_macs(purpose, account, int(match[2]))):
            raise TokenUnusable()
        return account

    def _mail_macs(self, purpose: Purpose, account: Account, expiry: int) -> list[str]:
        state = account.password_hash if purpose == "reset" else account.email
        return [_mac(key, f"{purpose}|{account.id}|{expiry}|{state}")[:32] for key in self._mail]

    # --- refresh tokens: session . generation . hash over both and the session's nonce ----------------------------

    def refresh_token(self, session: Session) -> str:
        """Return the only refresh token of `session` that is good now."""
        return f"{session.id}.{session.generation}.{self._refresh_macs(session, session.generation)[0]}"

    @staticmethod
    def session_of(token: str) -> str:
        """Return the session that a refresh token speaks of. Raises RefreshRefused."""
        if (match := _REFRESH_TOKEN.fullmatch(token)) is None:
            raise RefreshRefused()
        return match[1]

    def generation_of(self, token: str, session: Session) -> int:
        """Return which of the session's tokens this is. Raises RefreshRefused for one that was never given out."""
        match = _REFRESH_TOKEN.fullmatch(token)
        if match is None or match[1] != session.id:
            raise RefreshRefused()
        generation = int(match[2])
        if not _among(match[3], self._refresh_macs(session, generation)) or generation > session.generation:
            raise RefreshRefused()
        return generation

    def _refresh_macs(self, session: Session, generation: int) -> list[str]:
        return [_mac(key, f"{session.id}|{generation}|{session.nonce.hex()}") for key in self._refresh]

    # --- the rest ---------------------------------------------------------------------------------------------------

    def attempt_key(self, kind: str, who: str) -> str:
        """Return the name of a counter: it tells nobody whose address was tried."""
        return f"{kind}:{_mac(self._throttle, who)}"

    def fingerprint(self, digest: bytes) -> bytes:
        """Return a fingerprint of a body with a password in it that can be stored: it cannot be guessed offline."""
        return hmac.digest(self._prints, digest, hashlib.sha256)

    def seal(self, key: OKPKey) -> bytes:
        """Return the private key encrypted (AES-256-GCM, bound to its kid)."""
        nonce = urandom(12)
        kid = str(key.kid).encode()
        return nonce + self._keys[0].encrypt(nonce, key.as_der(private=True), kid)

    def unseal(self, sealed: bytes, kid: str) -> OKPKey:
        """Return the private key. Raises SettingError when it was sealed under another master secret."""
        for key in self._keys:
            with suppress(InvalidTag):
                return OKPKey.import_key(key.decrypt(sealed[:12], sealed[12:], kid.encode()), {"kid": kid})
        raise SettingError("ESTORE_SECRET is not the one that sealed identity's signing keys")


def _among(given: str, good: Sequence[str]) -> bool:
    # Each is compared in full, so that time tells nothing.
    return any([hmac.compare_digest(given, each) for each in good])  # noqa: C419


def _mac(key: bytes, text: str) -> str:
    digest = hmac.digest(key, text.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
