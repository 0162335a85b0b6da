"""What Stripe must be told, checked before anything starts. No message ever holds a key."""

from __future__ import annotations

import re

import msgspec

from estore.kit.settings import SettingError

_KEY = re.compile(r"(sk|rk)_(test|live)_[0-9A-Za-z_]{3,250}")
_SECRET = re.compile(r"whsec_[!-~]{3,250}")
_URL = re.compile(r"https?://[!-~]+")


class StripeSettings(msgspec.Struct, frozen=True):
    """api_key: a secret or restricted key. webhook_secrets: of the endpoint; two while one is exchanged.

    return_url: where the customer's bank sends the customer back to. timeout: seconds for one answer.
    tolerance: seconds by which a webhook's signature may be old. api_base: of another server than Stripe's.
    """

    api_key: str
    webhook_secrets: tuple[str, ...]
    return_url: str
    timeout: float
    tolerance: int = 300
    api_base: str = ""

    def __repr__(self) -> str:
        return f"StripeSettings(return_url={self.return_url!r})"


def checked(
    api_key: str, webhook_secret: str, return_url: str, *, timeout: float, tolerance: int, api_base: str
) -> StripeSettings:
    """Return the settings. webhook_secret: one or more, separated by commas. Raises SettingError."""
    if not _KEY.fullmatch(api_key):
        raise SettingError(
            "ESTORE_PAYMENTS_STRIPE_API_KEY must be a secret or restricted key of Stripe (sk_... or rk_...)"
            + ("" if api_key else "; it is not set")
        )
    secrets = tuple(part.strip() for part in webhook_secret.split(",") if part.strip())
    if not secrets or not all(_SECRET.fullmatch(secret) for secret in secrets):
        raise SettingError(
            "ESTORE_PAYMENTS_STRIPE_WEBHOOK_SECRET must be the signing secret of the endpoint (whsec_...), two"
            " separated by a comma while one is exchanged" + ("" if secrets else "; it is not set")
        )
    for name, url in (("RETURN_URL", return_url), ("API_BASE", api_base or "https://api.stripe.com")):
        if not _URL.fullmatch(url):
            raise SettingError(f"ESTORE_PAYMENTS_STRIPE_{name}={url!r} must be an address with http or https")
    return StripeSettings(api_key, secrets, return_url, timeout, tolerance, api_base.rstrip("/"))
