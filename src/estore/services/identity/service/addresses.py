"""Use cases of the address book."""

from __future__ import annotations

import msgspec

from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.errors import PreconditionFailed, PreconditionRequired
from estore.kit.ids import new_id
from estore.services.identity import store
from estore.services.identity.domain import (
    MAX_ADDRESSES,
    Address,
    AddressForm,
    AddressNotFound,
    SessionEnded,
    TooManyAddresses,
)
from estore.services.identity.service.accounts import mine


class AddressBook(msgspec.Struct, frozen=True):
    """All addresses of an account, oldest first."""

    data: list[Address]


async def list_addresses(tx: Tx, ctx: Context, _request: None) -> AddressBook:
    account = await mine(tx, ctx)
    return AddressBook(await store.addresses(tx, account.id))


async def get_address(tx: Tx, ctx: Context, address_id: str) -> Address:
    account = await mine(tx, ctx)
    found = await store.address(tx, account.id, address_id)
    if found is None:
        raise AddressNotFound()
    return found


async def add_address(tx: Tx, ctx: Context, form: AddressForm) -> Address:
    """Add an entry. Raises TooManyAddresses."""
    account = await mine(tx, ctx)
    if await store.lock_account(tx, account.id) is None:
        raise SessionEnded()
    added = await store.insert_address(tx, account.id, new_id("adr"), form, MAX_ADDRESSES)
    if added is None:
        raise TooManyAddresses(f"it holds {MAX_ADDRESSES} addresses")
    return added


async def change_address(tx: Tx, ctx: Context, request: tuple[str, AddressForm]) -> Address:
    """Replace an entry. Raises AddressNotFound, PreconditionRequired, PreconditionFailed."""
    account = await mine(tx, ctx)
    address_id, form = request
    if ctx.if_match is None:
        raise PreconditionRequired()
    changed = await store.update_address(tx, account.id, address_id, ctx.if_match.numbers, form)
    if changed is not None:
        return changed
    if await store.address(tx, account.id, address_id) is None:
        raise AddressNotFound()
    raise PreconditionFailed()


async def remove_address(tx: Tx, ctx: Context, address_id: str) -> None:
    account = await mine(tx, ctx)
    if not await store.delete_address(tx, account.id, address_id):
        raise AddressNotFound()
