"""SEPA credit transfers as files: ISO 20022 pain.001.001.09, as the EPC's implementation guidelines want them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

import msgspec
from schwifty import BIC, IBAN
from schwifty.exceptions import SchwiftyException
from sepaxml import SepaTransfer  # type: ignore[import-untyped]
from text_unidecode import unidecode  # type: ignore[import-untyped]

from estore.kit.settings import SettingError
from estore.services.ledger.service.payouts import Transfer

SCHEMA = "pain.001.001.09"
CURRENCY = "EUR"
_PREFIX = "ESTORE_LEDGER_SEPA_"
# What every bank of the SEPA must be able to carry (EPC217-08).
_UNKNOWN_CHARACTER = re.compile(r"[^A-Za-z0-9/\-?:().,'+ ]")


class Debtor(msgspec.Struct, frozen=True):
    """Whose account pays."""

    iban: str
    bic: str
    name: str

    @classmethod
    def of(cls, iban: str, bic: str, name: str) -> Debtor:
        """Check what the settings say. Raises SettingError, one line that names the first that is missing or wrong."""
        for field, value in (("IBAN", iban), ("NAME", name)):
            if not value.strip():
                raise SettingError(f"{_PREFIX}{field} must be set: ESTORE_LEDGER_PAYOUT_GATEWAY=sepa pays from there")
        try:
            account = IBAN(iban)
        except (SchwiftyException, ValueError):
            raise SettingError(f"{_PREFIX}IBAN is not an IBAN") from None
        try:
            bank = str(BIC(bic)) if bic else str(account.bic or "")
        except (SchwiftyException, ValueError):
            raise SettingError(f"{_PREFIX}BIC is not a BIC") from None
        if not bank:
            raise SettingError(f"{_PREFIX}BIC must be set: nobody knows the bank of ESTORE_LEDGER_SEPA_IBAN")
        return cls(str(account), bank, name)


class _Message(SepaTransfer):  # type: ignore[misc]  # the library has no types
    """The library's message, with an id and a time of ours instead of the machine's."""

    def __init__(self, config: dict[str, object], msg_id: str, at: datetime) -> None:
        self._own = (msg_id, at)
        super().__init__(config, schema=SCHEMA, clean=True)

    def _create_header(self) -> None:
        self.msg_id, at = self._own
        super()._create_header()
        next(self._xml.iter("CreDtTm")).text = at.strftime("%Y-%m-%dT%H:%M:%S+00:00")


class SepaFiles:
    """Makes files for the debtor's bank."""

    name = "sepa"

    def __init__(self, debtor: Debtor) -> None:
        self._debtor = debtor

    def render(self, file_id: str, now: datetime, transfers: Sequence[Transfer]) -> bytes:
        """Return the file, checked against the schema: all on the day of `now`, as one batch."""
        config = {
            "name": plain(self._debtor.name, 70),
            "IBAN": self._debtor.iban,
            "BIC": self._debtor.bic,
            "batch": True,
            "currency": CURRENCY,
        }
        message = _Message(config, plain(file_id.replace("_", "").upper(), 35), now)
        for transfer in transfers:
            payment: dict[str, object] = {
                "name": plain(transfer.to.holder, 70),
                "IBAN": transfer.to.iban,
                "amount": transfer.amount,
                "execution_date": now.date(),
                "description": plain(f"{self._debtor.name} payout {transfer.end_to_end}", 140),
                "endtoend_id": transfer.end_to_end,
            }
            if transfer.to.bic:
                payment["BIC"] = transfer.to.bic
            message.add_payment(payment)
        return bytes(message.export(validate=True))


def plain(text: str, at_most: int) -> str:
    """Return `text` in the characters that all banks know, `Muller   Sohne` for `Müller & Söhne`; never empty."""
    return _UNKNOWN_CHARACTER.sub(" ", unidecode(text)).strip()[:at_most].strip() or "-"
