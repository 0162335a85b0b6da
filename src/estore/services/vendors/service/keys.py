"""API keys of vendors.

A secret is the HMAC of the key's id under the store's master secret, so a repeated request is shown the same key again
although neither the key's row nor the answer kept for its Idempotency-Key holds it: a copy of the database opens
nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC

import msgspec

from estore.kit.api_keys import ApiKeyChanged, hash_of, key_text, store_api_keys
from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.http.pages import Page, page_of
from estore.kit.ids import new_id
from estore.services.vendors import store
from estore.services.vendors.domain import (
    MAX_KEYS,
    ApiKey,
    ApiKeyNotFound,
    TooManyApiKeys,
    VendorNotFound,
    may_have_key,
)
from estore.services.vendors.service.access import found, owners, owners_and_operators
from estore.services.vendors.service.changing import note
from estore.services.vendors.service.shapes import ApiKeyView, ListOf, MakeApiKey, NewApiKey


class Keys:
    """secrets: from which the keys' secrets are derived; the first for new ones."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = [secret.encode() for secret in secrets]

    async def make_api_key(self, tx: Tx, ctx: Context, request: tuple[str, MakeApiKey]) -> ApiKeyView:
        """Make an API key; `shown` adds its secret. Raises OwnersOnly, StatusForbids, ExpiryInvalid, TooManyApiKeys."""
        form = request[1]
        vendor = await store.lock_vendor(tx, request[0])
        if vendor is None:
            raise VendorNotFound()
        owners(vendor, ctx)
        may_have_key(vendor, form.expires_at, ctx.now)
        if await store.live_keys(tx, vendor.id, ctx.now) >= MAX_KEYS:
            raise TooManyApiKeys()
        key_id = new_id("key")
        secret = self._secret_of(key_id)
        key = ApiKey(
            id=key_id,
            vendor_id=vendor.id,
            name=form.name.strip(),
            scopes=tuple(sorted(set(form.scopes))),
            hash=hash_of(secret),
            last4=secret[-4:],
            created_by=ctx.principal.account_id,
            created_at=ctx.now,
            expires_at=None if form.expires_at is None else form.expires_at.astimezone(UTC),
        )
        await store.insert_key(tx, key)
        await _tell(tx, ctx, key)
        details = {"key_id": key.id, "name": key.name, "scopes": key.scopes, "expires_at": key.expires_at}
        await note(tx, ctx, vendor, "api_key_made", details)
        return _view(key)

    def shown(self, made: ApiKeyView) -> NewApiKey:
        """Return what its maker is told, now and on a repeat."""
        candidates = [self._secret_of(made.id, which) for which in range(len(self._secrets))]
        secret = next((each for each in candidates if each.endswith(made.last4)), candidates[0])
        return NewApiKey(**msgspec.structs.asdict(made), key=key_text(made.id, secret))

    def _secret_of(self, key_id: str, which: int = 0) -> str:
        digest = hmac.new(self._secrets[which], key_id.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


async def revoke_api_key(tx: Tx, ctx: Context, request: tuple[str, str]) -> None:
    """End an API key for good; again is fine. Raises OwnersOnly, ApiKeyNotFound."""
    vendor = await found(tx, request[0])
    owners_and_operators(vendor, ctx)
    updated = await store.update_key(
        tx, vendor.id, request[1], lambda key: key.revoke(ctx.principal.account_id, ctx.now)
    )
    if updated is None:
        raise ApiKeyNotFound()
    before, after = updated
    if after != before:
        await _tell(tx, ctx, after)
        await note(tx, ctx, vendor, "api_key_revoked", {"key_id": after.id, "name": after.name})


async def list_api_keys(tx: Tx, ctx: Context, request: ListOf) -> Page[ApiKeyView]:
    """Return a vendor's keys, newest first, never a secret. Raises OwnersOnly."""
    vendor = await found(tx, request.vendor)
    owners_and_operators(vendor, ctx)
    rows = await store.list_keys(tx, vendor.id, request.before, request.limit + 1)
    page = page_of(rows, request.limit, lambda key: (key.id,))
    return Page([_view(key) for key in page.data], page.next_cursor)


def told(key: ApiKey) -> ApiKeyChanged:
    """Return the event that tells the whole state of a key."""
    return ApiKeyChanged(
        key_id=key.id,
        vendor_id=key.vendor_id,
        scopes=key.scopes,
        hash=key.hash,
        expires_at=key.expires_at,
        revoked=key.revoked_at is not None,
        version=key.version,
    )


async def _tell(tx: Tx, ctx: Context, key: ApiKey) -> None:
    """Tell everybody, ourselves in this transaction: a key works here, and ends here, at once."""
    await store_api_keys(tx, [told(key)])
    tx.emit(told(key), ctx)


def _view(key: ApiKey) -> ApiKeyView:
    return ApiKeyView(
        id=key.id,
        name=key.name,
        scopes=key.scopes,
        last4=key.last4,
        created_by=key.created_by,
        created_at=key.created_at,
        expires_at=key.expires_at,
        revoked_by=key.revoked_by,
        revoked_at=key.revoked_at,
    )
