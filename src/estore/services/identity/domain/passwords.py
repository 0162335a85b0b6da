"""Which passwords are accepted: NIST SP 800-63B. Length counts, composition rules do not, the commonest are refused."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

import msgspec

from estore.kit.errors import Fault, Invalid

MIN_LENGTH, MAX_LENGTH = 10, 128
NewPassword = Annotated[
    str,
    msgspec.Meta(min_length=MIN_LENGTH, max_length=MAX_LENGTH, description="The commonest are refused"),
]

_ROWS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
)
_LEET = str.maketrans("0134578@$!", "oieastbasi")
# What the leaked lists begin with, once digits, signs and repetitions around the word are taken away.
_LEAKED_WORDS = """
password passwort passwd passw motdepasse contrasena senha parola wachtwoord letmein letmeinnow welcome welcomeback
iloveyou iloveu ilovegod loveyou iloveme trustno trustnoone admin administrator root user test tester testing default
changeme changeit secret topsecret master superman batman spiderman pokemon starwars dragon monkey shadow sunshine
princess football baseball basketball soccer hockey liverpool arsenal chelsea barcelona juventus realmadrid michael
jennifer jessica jordan ashley daniel charlie thomas andrew matthew joshua nicole elizabeth christian alexander
anthony samantha amanda blink metallica slipknot nirvana blessed jesus jesuschrist freedom whatever computer internet
samsung google facebook instagram microsoft linkedin myspace minecraft fortnite roblox cheese chocolate butterfly
flower summer winter spring autumn january february december monday hello helloworld hallo bonjour ficken fuckyou
asshole access login guest qwerty qwertyuiop qwertz azerty azertyuiop asdf asdfgh asdfghjkl zxcvbn zxcvbnm qazwsx
qazwsxedc wsxedc qweasd qweasdzxc qwe asd zxc abc abcd abcdef estore estorepassword mypassword thepassword babygirl
lovely angel family friends forever november correcthorsebatterystaple
"""
_LEAKED = """
1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx3edc zaq12wsxcde q1w2e3r4t5 q1w2e3r4t5y6 a1b2c3d4e5 1a2b3c4d5e 1472583690
0147258369 9638527410 7418529630 3216549870 1029384756 1324354657 1123581321 3141592653 3141592654 2718281828
123qweasdzxc qwe123qwe123 abc123abc123 gfhjkm12345 123123qweqwe 12qwaszx12 1234qwerasdf
"""
_WORDS = frozenset(_LEAKED_WORDS.split())
_COMMON = frozenset(_LEAKED.split())


class PasswordTooCommon(Invalid):
    code, title = "identity.password_too_common", "This password is among the first that anyone would try"


def normal_password(text: str) -> str:
    """Return the form that is hashed: the same password from every keyboard (NFKC)."""
    return unicodedata.normalize("NFKC", text)


def check_password(text: str, *personal: str, pointer: str = "/password") -> None:
    """Refuse the commonest passwords, simple patterns and `personal` words. Raises PasswordTooCommon."""
    plain = normal_password(text).casefold()
    cores = {_core(plain), _core(_bare(plain).translate(_LEET))}
    known = {word.casefold() for name in personal for word in (name, name.partition("@")[0]) if len(word) >= 4}
    if plain in _COMMON or cores & (_WORDS | known | {_core(w) for w in known}) or plain in known or _pattern(plain):
        raise PasswordTooCommon("choose a longer or less usual one", errors=[Fault("too common", pointer)])


def _core(text: str) -> str:
    """The word without what people put around it: `Password2024!` is `password`, `abcabcabc` is `abc`."""
    return _unit(_bare(text))


def _bare(text: str) -> str:
    return re.sub(r"^[^a-z]+|[^a-z]+\Z", "", text)


def _unit(text: str) -> str:
    """The shortest piece that makes `text` when repeated."""
    found = (text + text).find(text, 1)
    return text[:found] if 0 < found < len(text) else text


def _pattern(text: str) -> bool:
    """Whether it is a few characters repeated, or a run along the alphabet, the digits or a row of keys."""
    unit = _unit(text)
    if len(unit) <= 3 or len(set(text)) <= 3:
        return True
    return any(unit in row or unit in row[::-1] for row in _ROWS)
