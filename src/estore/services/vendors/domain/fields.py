"""The shapes of single values."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from stdnum import get_cc_module
from stdnum.eu import vat
from stdnum.exceptions import ValidationError

from estore.kit.auth import MAX_EMAIL, normal_email
from estore.kit.errors import Fault
from estore.services.vendors.domain.errors import EmailInvalid, TaxIdInvalid

Status = Literal["applied", "approved", "rejected", "suspended"]
RoleName = Literal["owner", "catalog", "fulfilment", "finance"]
Scope = Literal["catalog", "fulfilment", "finance"]
_FILLED = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*\Z"

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=120, pattern=_FILLED, examples=["Tonwerk Studio"])]
Line = Annotated[str, msgspec.Meta(max_length=120, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
Short = Annotated[str, msgspec.Meta(max_length=40, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
Number = Annotated[str, msgspec.Meta(min_length=1, max_length=60, pattern=_FILLED, examples=["HRB 30412 Leipzig"])]
TaxId = Annotated[str, msgspec.Meta(min_length=4, max_length=30, pattern=r"^[ -~]+\Z", examples=["DE136695976"])]
Description = Annotated[str, msgspec.Meta(max_length=4000, pattern=r"^[^\x00]*\Z")]
Country = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}\Z", description="ISO 3166-1 alpha-2", examples=["DE"])]
EmailText = Annotated[str, msgspec.Meta(min_length=3, max_length=MAX_EMAIL, pattern=_FILLED)]
Slug = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,99}\Z", description="Its address, for good")]
CategorySlug = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,100}\Z", examples=["books"])]
Bps = Annotated[int, msgspec.Meta(ge=0, le=10_000, description="Basis points: 1250 is 12.5 %")]
Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=r"^[^\x00]*[^\s\x00][^\x00]*\Z")]
BankToken = Annotated[
    str, msgspec.Meta(pattern=r"^bat_[0-9A-Za-z]{1,60}\Z", examples=["bat_01JD5ZC8A1B2C3D4E5F6G7H8JK"])
]
Last4 = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Z]{4}\Z", description="The end of the account's number")]
TermsVersion = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z._-]{1,40}\Z", examples=["2026-01"])]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Address(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A postal address."""

    line1: Name
    city: Name
    country: Country
    postal_code: Short = ""
    line2: Line = ""
    region: Line = ""


class AcceptedTerms(msgspec.Struct, frozen=True):
    """by: the account that accepted them for the vendor."""

    version: str
    accepted_at: datetime
    by: str


def email_of(text: str, pointer: str = "/email") -> str:
    """Return the normal form of an address that somebody typed. Raises EmailInvalid."""
    try:
        return normal_email(text)
    except ValueError as error:
        raise EmailInvalid(str(error), errors=[Fault(str(error), pointer)]) from None


def slug_of(name: str) -> str:
    """Return a slug made from `name`: `Linho do Norte, Têxteis` is `linho-do-norte-texteis`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:90].rstrip("-") or "shop"


def tax_id_of(text: str, country: str) -> str:
    """Return the normal form of a VAT id (EU: with its prefix, which for Greece is EL), or of what the country has
    instead; where its rules are not known, letters and digits. Raises TaxIdInvalid."""
    code = country.lower()
    try:
        if code == "gr" or code in vat.MEMBER_STATES:
            prefix = "EL" if code == "gr" else country
            compact = re.sub(r"[ ./-]", "", text.upper())
            return str(vat.validate(compact if compact.startswith(prefix) else prefix + compact))
        if (module := get_cc_module(code, "vat")) is not None:
            return str(module.validate(text))
    except ValidationError as error:
        raise TaxIdInvalid(str(error), pointer="/tax_id") from None
    plain = re.sub(r"[ ./-]", "", text.upper())
    if not re.fullmatch(r"[A-Z0-9]{4,20}", plain):
        raise TaxIdInvalid("4 to 20 letters and digits", pointer="/tax_id")
    return plain
