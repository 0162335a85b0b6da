"""What identity can prove without keeping it: mail tokens, refresh tokens, sealed keys.

Prevents: a copy of the database that is a bunch of keys. Tokens are keyed hashes of what they stand for, so nothing
that opens a door is stored; private keys lie encrypted.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
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
    """Made from the master secret, one key per purpose."""

    def __init__(self, settings: Settings) -> None:
        self._mail = settings.derived("identity mail tokens").encode()
        self._refresh = settings.derived("identity refresh tokens").encode()
        self._throttle = settings.derived("identity throttle").encode()
        self._prints = settings.derived("identity fingerprints").encode()
        self._keys = AESGCM(bytes.fromhex(settings.derived("identity keys")))

    # --- mail tokens: account . expiry . hash over both, the purpose, and what the token is to change -------------

    def mail_token(self, purpose: Purpose, account: Account, expires_at: datetime) -> str:
        """Return a token that dies at `expires_at`, or once it was used: it covers the state that its use changes."""
        expiry = int(expires_at.timestamp())
        return f"{account.id}.{expiry}.{self._mail_mac(purpose, account, expiry)}"

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
        if not hmac.compare_digest(match[3], self._mail_mac(purpose, account, int(match[2]))):
            raise TokenUnusable()
        return account

    def _mail_mac(self, purpose: Purpose, account: Account, expiry: int) -> str:
        state = account.password_hash if purpose == "reset" else account.email
        return _mac(self._mail, f"{purpose}|{account.id}|{expiry}|{state}")[:32]

    # --- refresh tokens: session . generation . hash over both and the session's nonce ----------------------------

    def refresh_token(self, session: Session) -> str:
        """Return the only refresh token of `session` that is good now."""
        return f"{session.id}.{session.generation}.{self._refresh_mac(session, session.generation)}"

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
        if not hmac.compare_digest(match[3], self._refresh_mac(session, generation)) or generation > session.generation:
            raise RefreshRefused()
        return generation

    def _refresh_mac(self, session: Session, generation: int) -> str:
        return _mac(self._refresh, f"{session.id}|{generation}|{session.nonce.hex()}")

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
        return nonce + self._keys.encrypt(nonce, key.as_der(private=True), kid)

    def unseal(self, sealed: bytes, kid: str) -> OKPKey:
        """Return the private key. Raises SettingError when it was sealed under another master secret."""
        try:
            der = self._keys.decrypt(sealed[:12], sealed[12:], kid.encode())
        except InvalidTag:
            raise SettingError("ESTORE_SECRET is not the one that sealed identity's signing keys") from None
        return OKPKey.import_key(der, {"kid": kid})


def _mac(key: bytes, text: str) -> str:
    digest = hmac.digest(key, text.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
