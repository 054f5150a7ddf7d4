"""Recovery codes: ten, of 128 bits each, shown once, good once. They come with the first factor and go with the last one.

At 128 bits a plain digest is enough (ASVS 6.5.2 wants a slow hash below 112), so they outlive a turn of the key ring.
"""

import hashlib
from datetime import datetime
from textwrap import wrap
from typing import Annotated, Literal

from pydantic import BaseModel, Field
from typing_extensions import override

from app.crypto.chance import random_bytes
from app.factors.base import (
    About,
    AnswerShape,
    Asked,
    CodeRejected,
    Described,
    Enrolled,
    EnrollShape,
    Factor,
    Holder,
    Question,
    Shape,
)
from app.problems.fields import says

CODES = 10
CODE_BYTES = 16
CODE_CHARACTERS = 26
_GROUP = 7
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base32: no I, L, O, U
_FORGIVEN = str.maketrans({"O": "0", "I": "1", "L": "1", " ": "", "-": ""})


class RecoverySettings(BaseModel):
    """Nothing to choose."""


class RecoveryState(Shape):
    """SHA-256 digests of the codes that were not used yet."""

    digests: tuple[str, ...]


class IssueRecoveryCodes(EnrollShape):
    factor: Literal["recovery_code"] = "recovery_code"


class RecoverySetup(Shape):
    factor: Literal["recovery_code"] = "recovery_code"
    recovery_codes: tuple[str, ...]


class RecoveryAnswer(AnswerShape):
    """One of the codes that were shown with the first factor. Case, blanks and hyphens do not matter, nor O/0 and I/L/1."""

    factor: Literal["recovery_code"] | None = None
    code: Annotated[
        str,
        Field(pattern=r"^[0-9A-Za-z -]{26,64}$", examples=["7ZC3K9Q-0VH5TJB-X2M8RNE-4WPAD"]),
        says("Must be a recovery code: 26 letters and digits."),
    ]


class RecoveryCodes(Factor[RecoveryState, IssueRecoveryCodes, RecoveryAnswer, RecoverySettings]):
    kind = "recovery_code"
    amr = "rc"  # a local value: RFC 8176 registers none
    strength = 100
    at_once = True
    issued = True
    notice = "recovery_code_used"
    Settings, State, Enroll = RecoverySettings, RecoveryState, IssueRecoveryCodes
    Answer, Setup = RecoveryAnswer, RecoverySetup

    @override
    def enroll(self, request: IssueRecoveryCodes, holder: Holder) -> Enrolled[RecoveryState]:
        codes = [_new_code() for _ in range(CODES)]
        shown = tuple("-".join(wrap(code, _GROUP)) for code in codes)
        return Enrolled(RecoveryState(digests=tuple(map(_digest, codes))), RecoverySetup(recovery_codes=shown))

    @override
    def ask(self, state: RecoveryState, about: About) -> Question:
        return Question()

    @override
    def accept(self, state: RecoveryState, answer: RecoveryAnswer, asked: Asked, at: datetime) -> RecoveryState:
        used = _digest(answer.code.upper().translate(_FORGIVEN))
        if used not in state.digests:
            raise CodeRejected
        return RecoveryState(digests=tuple(digest for digest in state.digests if digest != used))

    @override
    def held(self, state: RecoveryState) -> dict[str, str | int]:
        return {"codes": "kept as SHA-256 digests, not given", "remaining": len(state.digests)}

    @override
    def describe(self, state: RecoveryState) -> Described:
        return Described(remaining=len(state.digests))


def _new_code() -> str:
    number = int.from_bytes(random_bytes(CODE_BYTES))
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(CODE_CHARACTERS)))


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
