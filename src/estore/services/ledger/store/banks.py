"""Bank accounts: sealed, known by their token."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from estore.kit.db import Tx


class BankRow(msgspec.Struct, frozen=True):
    """A bank account. sealed: what only the vault reads, with the key `key_id`. last4, country, bank: to be shown."""

    token: str
    account_id: str
    key_id: str
    sealed: bytes
    last4: str
    country: str
    bank: str | None
    created_at: datetime


_COLUMNS = ", ".join(BankRow.__struct_fields__)


async def insert_bank(tx: Tx, row: BankRow) -> None:
    await tx.execute(
        f"INSERT INTO bank_account ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        *msgspec.structs.astuple(row),
    )


async def banks_of(tx: Tx, tokens: Sequence[str]) -> dict[str, BankRow]:
    """Return the bank accounts with these tokens, as far as they are known."""
    rows = await tx.fetch(f"SELECT {_COLUMNS} FROM bank_account WHERE token = ANY($1::text[])", sorted(set(tokens)))
    return {row["token"]: BankRow(*row) for row in rows}


class Sealed(msgspec.Struct, frozen=True):
    """Something sealed: name is what it is bound to."""

    name: str
    key_id: str
    sealed: bytes


_OTHERS = {
    "bank_account": "SELECT token, key_id, sealed FROM bank_account WHERE key_id <> $1"
    " ORDER BY token LIMIT $2 FOR UPDATE SKIP LOCKED",
    "payout_file": "SELECT id, key_id, sealed FROM payout_file WHERE key_id <> $1"
    " ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED",
}
_RESEAL = {
    "bank_account": "UPDATE bank_account b SET key_id = $1, sealed = u.sealed"
    " FROM unnest($2::text[], $3::bytea[]) AS u (name, sealed) WHERE b.token = u.name",
    "payout_file": "UPDATE payout_file f SET key_id = $1, sealed = u.sealed"
    " FROM unnest($2::text[], $3::bytea[]) AS u (name, sealed) WHERE f.id = u.name",
}
SEALED_TABLES = tuple(_OTHERS)


async def lock_sealed_otherwise(tx: Tx, table: str, key_id: str, at_most: int) -> list[Sealed]:
    """Lock up to `at_most` rows that were sealed with another key than `key_id`."""
    return [Sealed(*row) for row in await tx.fetch(_OTHERS[table], key_id, at_most)]


async def reseal(tx: Tx, table: str, key_id: str, rows: Sequence[tuple[str, bytes]]) -> None:
    """Write rows, (what it is bound to, sealed anew with `key_id`)."""
    await tx.execute(_RESEAL[table], key_id, [name for name, _ in rows], [sealed for _, sealed in rows])
