"""The schemes that a stored password may be under: how their hashes look, what they may cost, how a password is tried.

A password under one of these is verified and then hashed anew with Argon2id (`passwords`); none of these makes a new hash.
Schemes of one quick round, such as salted SHA-1, are left out: what they protect is as good as known.
"""

import hashlib
import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import bcrypt
from passlib.hash import (
    argon2,
    django_pbkdf2_sha1,
    django_pbkdf2_sha256,
    pbkdf2_sha1,
    pbkdf2_sha256,
    pbkdf2_sha512,
    phpass,
    scrypt,
    sha256_crypt,
    sha512_crypt,
)
from passlib.utils.binary import bcrypt64

from app.settings.people import MOST_MEMORY_KIB, MOST_MEMORY_PASSES, MOST_PARALLELISM

Numbers: TypeAlias = Mapping[str, int]
"""The cost parameters that a hash states, by the names in its scheme's form."""

_BCRYPT_READS = 72
_LONGEST, LONGEST_REPEATED = 16_384, 128
"""The most bytes of a password; fewer where each round reads it again, because a longer one takes longer there."""
_MOST_BCRYPT_ROUNDS = 14
_MOST_SHA_CRYPT_ROUNDS = 1_000_000
_MOST_PBKDF2_ROUNDS = 2_000_000
_MOST_SCRYPT_MEMORY = 128 * 1024 * 1024
_MOST_SCRYPT_WORK = 2**21


class _Handler(Protocol):
    """A scheme of passlib's."""

    def verify(self, secret: str, hash_: str, /) -> bool: ...


@dataclass(frozen=True, slots=True)
class Scheme:
    """`form` names the cost parameters in a hash, `bound` says whether they are bearable: about a second of one core.

    *reads*: how many bytes of a password the scheme reads, ignoring the rest; None: all.
    """

    name: str
    form: re.Pattern[str]
    bound: Callable[[Numbers], bool]
    check: Callable[[str, str], bool]
    longest: int = _LONGEST
    reads: int | None = None


def _by(handler: _Handler) -> Callable[[str, str], bool]:
    """Look `verify` up at each call: passlib replaces it when it is first used."""
    return lambda password, hashed: bool(handler.verify(password, hashed))


def _bcrypt(secret: bytes, hashed: str) -> bool:
    """Check a bcrypt hash; clear the unused bits of the salt's last character, which some systems did not clear."""
    salt = hashed[:7] + bcrypt64.repair_unused(hashed[7:29])  # type: ignore[no-untyped-call]
    return hmac.compare_digest(bcrypt.hashpw(secret, salt.encode())[29:], hashed[29:].encode())


def _plain_bcrypt(password: str, hashed: str) -> bool:
    """Try the password's first 72 bytes, as all systems did. Raises ValueError at a NUL, where systems differ."""
    if "\0" in password:
        raise ValueError("bcrypt takes no NUL.")
    return _bcrypt(password.encode()[:_BCRYPT_READS], hashed)


def _passlib_bcrypt_sha256(password: str, hashed: str) -> bool:
    *_, numbers, salt, tag = hashed.split("$")
    kind, rounds = re.findall(r"2[ab]|\d+$", numbers)
    keyed = hmac.digest(salt.encode(), password.encode(), "sha256")
    digest = keyed if numbers.startswith("v=2,") else hashlib.sha256(password.encode()).digest()
    return _bcrypt(b64encode(digest), f"${kind}${int(rounds):02}${salt}{tag}")


def _django_bcrypt_sha256(password: str, hashed: str) -> bool:
    return _bcrypt(hashlib.sha256(password.encode()).hexdigest().encode(), hashed.removeprefix("bcrypt_sha256$"))


def _django_scrypt(password: str, hashed: str) -> bool:
    _, cost, salt, block, lanes, tag = hashed.split("$")
    wanted, n, r, p = b64decode(tag), int(cost), int(block), int(lanes)
    room = 128 * r * (n + p + 2)
    made = hashlib.scrypt(password.encode(), salt=salt.encode(), n=n, r=r, p=p, maxmem=2 * room, dklen=len(wanted))
    return hmac.compare_digest(made, wanted)


def _argon2_bound(numbers: Numbers) -> bool:
    memory, passes = numbers["m"], numbers["t"]
    within = memory <= MOST_MEMORY_KIB and memory * passes <= MOST_MEMORY_PASSES
    return within and numbers["p"] <= MOST_PARALLELISM


def _scrypt_bound(cost: int, numbers: Numbers) -> bool:
    block, lanes = numbers["r"], numbers["p"]
    return 128 * block * cost <= _MOST_SCRYPT_MEMORY and cost * block * lanes <= _MOST_SCRYPT_WORK


def _rounds(most: int) -> Callable[[Numbers], bool]:
    return lambda numbers: numbers["rounds"] <= most


def _form(text: str) -> re.Pattern[str]:
    """A form in which a blank stands for `$`, as there are many of them, and `~` for a character of base64."""
    return re.compile(text.replace(" ", r"\$").replace("~", "[A-Za-z0-9+/.]"), re.ASCII)


_BCRYPT, _PBKDF2, _SHA_CRYPT = map(_rounds, (_MOST_BCRYPT_ROUNDS, _MOST_PBKDF2_ROUNDS, _MOST_SHA_CRYPT_ROUNDS))
_BCRYPT_FORM = r"2[aby] (?P<rounds>\d\d) ~{53}"
_ROUNDS = r"(?P<rounds>\d{1,9})"
_SHA_CRYPT_FORM = rf"(?:rounds={_ROUNDS} )?~{{0,16}}"

SCHEMES = (
    Scheme(
        "argon2",
        _form(r" argon2(?:id|i|d) (?:v=1[69] )?m=(?P<m>\d{1,9}),t=(?P<t>\d{1,9}),p=(?P<p>\d{1,4}) ~{11,} ~{6,}"),
        _argon2_bound,
        _by(argon2),
    ),
    Scheme("bcrypt", _form(f" {_BCRYPT_FORM}"), _BCRYPT, _plain_bcrypt, reads=_BCRYPT_READS),
    Scheme("bcrypt_sha256", _form(f"bcrypt_sha256  {_BCRYPT_FORM}"), _BCRYPT, _django_bcrypt_sha256),
    Scheme(
        "bcrypt-sha256",
        _form(r" bcrypt-sha256 (?:v=2,t=2b,r=|2[ab],)(?P<rounds>\d\d?) ~{22} ~{31}"),
        _BCRYPT,
        _passlib_bcrypt_sha256,
    ),
    Scheme(
        "scrypt",
        _form(r" scrypt ln=(?P<ln>\d\d?),r=(?P<r>\d{1,7}),p=(?P<p>\d{1,7}) ~* ~{43}"),
        lambda numbers: _scrypt_bound(1 << numbers["ln"], numbers),
        _by(scrypt),
    ),
    Scheme(
        "django scrypt",
        _form(r"scrypt (?P<n>\d{1,9}) [^$]{0,64} (?P<r>\d{1,7}) (?P<p>\d{1,7}) ~{86}=="),
        lambda numbers: _scrypt_bound(numbers["n"], numbers),
        _django_scrypt,
    ),
    Scheme("pbkdf2_sha256", _form(rf"pbkdf2_sha256 {_ROUNDS} \w+ ~{{43}}="), _PBKDF2, _by(django_pbkdf2_sha256)),
    Scheme("pbkdf2_sha1", _form(rf"pbkdf2_sha1 {_ROUNDS} \w+ ~{{27}}="), _PBKDF2, _by(django_pbkdf2_sha1)),
    Scheme("pbkdf2-sha256", _form(rf" pbkdf2-sha256 {_ROUNDS} ~* ~{{43}}"), _PBKDF2, _by(pbkdf2_sha256)),
    Scheme("pbkdf2-sha512", _form(rf" pbkdf2-sha512 {_ROUNDS} ~* ~{{86}}"), _PBKDF2, _by(pbkdf2_sha512)),
    Scheme("pbkdf2", _form(rf" pbkdf2 {_ROUNDS} ~* ~{{27}}"), _PBKDF2, _by(pbkdf2_sha1)),
    Scheme("sha256-crypt", _form(f" 5 {_SHA_CRYPT_FORM} ~{{43}}"), _SHA_CRYPT, _by(sha256_crypt), LONGEST_REPEATED),
    Scheme("sha512-crypt", _form(f" 6 {_SHA_CRYPT_FORM} ~{{86}}"), _SHA_CRYPT, _by(sha512_crypt), LONGEST_REPEATED),
    Scheme("phpass", _form(" [PH] [5-9A-E]~{30}"), lambda _: True, _by(phpass), LONGEST_REPEATED),
)
