"""Accounts, addresses, and what an account may be."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from estore.kit.auth import MAX_EMAIL, normal_email
from estore.kit.context import Principal
from estore.kit.errors import Conflict, Fault, Invalid, NotFound, Unauthenticated

MAX_ADDRESSES = 50
_PRINTABLE = r"^[^\x00-\x1f\x7f]*\Z"
_FILLED = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*\Z"

EmailText = Annotated[
    str, msgspec.Meta(min_length=3, max_length=MAX_EMAIL, pattern=_FILLED, examples=["ada@example.com"])
]
NameText = Annotated[str, msgspec.Meta(min_length=1, max_length=120, pattern=_FILLED, examples=["Ada Lovelace"])]
Line = Annotated[str, msgspec.Meta(min_length=1, max_length=120, pattern=_FILLED)]
AddressText = Annotated[str, msgspec.Meta(max_length=120, pattern=_PRINTABLE)]
Country = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}\Z", description="ISO 3166-1 alpha-2", examples=["DE"])]


class AccountNotFound(NotFound):
    code, title = "identity.account_not_found", "There is no such account"


class AddressNotFound(NotFound):
    code, title = "identity.address_not_found", "There is no such address"


class TooManyAddresses(Conflict):
    code, title = "identity.too_many_addresses", "The address book is full"


class AddressProved(Conflict):
    code, title = "identity.email_taken", "This e-mail address is confirmed for another account; sign in there"


class LastOperator(Conflict):
    code, title = "identity.last_operator", "The last operator must stay one"


class EmailInvalid(Invalid):
    code, title = "identity.email_invalid", "This is not an e-mail address"


class TokenUnusable(Invalid):
    code, title = "identity.token_unusable", "This token is wrong, used or expired; ask for a new mail"


class CredentialsWrong(Unauthenticated):
    code, title = "identity.credentials_wrong", "The e-mail address or the password is wrong"


class PasswordWrong(Invalid):
    code, title = "identity.password_wrong", "The current password is wrong"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A person. email is in its normal form; verified_at: when it was proved to be theirs."""

    id: str
    email: str
    name: str
    password_hash: str
    roles: list[str]
    version: int
    created_at: datetime
    verified_at: datetime | None = None

    @property
    def verified(self) -> bool:
        return self.verified_at is not None


class AddressForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where parcels go."""

    name: Line
    line1: Line
    city: Line
    postal_code: Annotated[str, msgspec.Meta(max_length=16, pattern=_PRINTABLE)]
    country: Country
    line2: AddressText = ""
    region: AddressText = ""
    phone: Annotated[str, msgspec.Meta(max_length=32, pattern=_PRINTABLE)] = ""


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of an account's address book. version: the ETag."""

    id: str
    name: str
    line1: str
    line2: str
    city: str
    region: str
    postal_code: str
    country: str
    phone: str
    version: int


def email_of(text: str, pointer: str = "/email") -> str:
    """Return the normal form of an address that somebody typed. Raises EmailInvalid."""
    try:
        return normal_email(text)
    except ValueError as error:
        raise EmailInvalid(str(error), errors=[Fault(str(error), pointer)]) from None


def principal_of(account: Account, vendors: dict[str, str], session_id: str) -> Principal:
    """Return what an access token says: an address, and what hangs on it, only once it is proved."""
    return Principal(
        account_id=account.id,
        email=account.email if account.verified else None,
        roles=frozenset(account.roles),
        vendors=vendors if account.verified else {},
        session_id=session_id,
    )
