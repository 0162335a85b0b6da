"""Invoices: what a customer writes on a transfer, and the check digits of it."""

from __future__ import annotations


def remainder_97(text: str) -> int:
    """Return the remainder by 97 of `text` with its letters as numbers, A = 10 (ISO/IEC 7064, MOD 97-10)."""
    return int("".join(str(int(character, 36)) for character in text)) % 97


def creditor_reference(payment_id: str) -> str:
    """Return the reference of a payment for a transfer: an RF creditor reference (ISO 11649), which banks check.

    It carries the random part of the id: sixteen characters of Crockford's alphabet, which has no I, L, O or U.
    """
    body = payment_id[-16:]
    return f"RF{98 - remainder_97(body + 'RF00'):02d}{body}"


def in_fours(text: str) -> str:
    """Return `text` in groups of four, as people read account numbers and references."""
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def is_iban(text: str) -> bool:
    """Tell whether `text`, without spaces, is an IBAN with true check digits (ISO 13616)."""
    fits = 15 <= len(text) <= 34 and text.isascii() and text.isalnum() and text == text.upper()
    return fits and text[:2].isalpha() and text[2:4].isdigit() and remainder_97(text[4:] + text[:4]) == 1
