"""Codes that nobody can guess: from random bytes to what a person can read aloud and type."""

from __future__ import annotations

import math

LETTERS = b"ACDEFGHJKMNPQRTUVWXY34679"
"""Without those that look like another: 0 O, 1 I L, 2 Z, 5 S, 8 B."""
MIN_RANDOM = 8
"""Random characters of a code at least: 37 bits."""
DEFAULT_RANDOM = 12
"""55 bits: of 100,000 such codes one in 2^39 guesses is one."""
MAX_CODE = 40

_FAIR = 256 - 256 % len(LETTERS)
# Every letter stands for as many bytes as every other; the bytes that are left over are drawn in vain.
_TABLE = bytes(LETTERS[byte % len(LETTERS)] for byte in range(256))
_UNFAIR = bytes(range(_FAIR, 256))


def letters_of(random: bytes) -> str:
    """Return evenly distributed letters made of `random` bytes: one for each byte but those that would not be fair."""
    return random.translate(_TABLE, _UNFAIR).decode()


def codes_of(letters: str, prefix: str, length: int) -> set[str]:
    """Cut `letters` into codes of `prefix` and `length` letters each; what is left over is dropped."""
    return {prefix + letters[at : at + length] for at in range(0, len(letters) - length + 1, length)}


def bits_of(length: int) -> int:
    """Return how many bits of randomness (whole ones) a code of `length` random letters has."""
    return math.floor(length * math.log2(len(LETTERS)))


def bytes_for(count: int, length: int) -> int:
    """Return how many random bytes make about `count` codes, a little more than less."""
    return count * length * 256 // _FAIR + 2 * length
