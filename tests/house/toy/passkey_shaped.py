"""A factor of the shape of a passkey: a challenge to sign, options to show, a credential that appears only on confirming."""

import hashlib
from base64 import b64decode, b64encode
from datetime import datetime
from typing import Annotated, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import BaseModel, Field
from typing_extensions import override

from app.crypto.chance import random_bytes
from app.crypto.claims import PHISHING_RESISTANT
from app.factors.base import (
    About,
    AnswerShape,
    Asked,
    CodeRejected,
    Enrolled,
    EnrollShape,
    Factor,
    Holder,
    Question,
    Shape,
)
from app.messages import Purpose

Blob = Annotated[str, Field(max_length=1000)]


class PasskeySettings(BaseModel):
    origin: str = "https://example.com"


class PasskeyState(Shape):
    """Before confirming there is no credential yet."""

    public_key: str | None = None
    uses: int = 0


class EnrollPasskey(EnrollShape):
    factor: Literal["passkey"]


class PasskeySetup(Shape):
    factor: Literal["passkey"] = "passkey"
    account: str


class Credential(Shape):
    challenge: Blob
    signature: Blob
    public_key: Blob | None = None


class PasskeyAnswer(AnswerShape):
    factor: Literal["passkey"] | None = None
    credential: Credential


class Passkey(Factor[PasskeyState, EnrollPasskey, PasskeyAnswer, PasskeySettings]):
    kind = "passkey"
    amr = "hwk"
    acr = PHISHING_RESISTANT
    strength = 3
    Settings, State, Enroll, Answer, Setup = PasskeySettings, PasskeyState, EnrollPasskey, PasskeyAnswer, PasskeySetup

    @override
    def enroll(self, request: EnrollPasskey, holder: Holder) -> Enrolled[PasskeyState]:
        return Enrolled(PasskeyState(), PasskeySetup(account=holder.account))

    @override
    def ask(self, state: PasskeyState, about: About) -> Question:
        challenge = random_bytes(32)
        options = {"origin": self.settings.origin, "challenge": b64encode(challenge).decode()}
        if about.purpose == Purpose.CONFIRM:
            options["attestation"] = "none"
        return Question(hashlib.sha256(challenge).digest(), show=options)

    @override
    def confirm(self, state: PasskeyState, answer: PasskeyAnswer, asked: Asked, at: datetime) -> PasskeyState:
        return self.accept(PasskeyState(public_key=answer.credential.public_key), answer, asked, at)

    @override
    def accept(self, state: PasskeyState, answer: PasskeyAnswer, asked: Asked, at: datetime) -> PasskeyState:
        challenge = b64decode(answer.credential.challenge)
        if state.public_key is None or hashlib.sha256(challenge).digest() != asked.fingerprint:
            raise CodeRejected
        try:
            key = Ed25519PublicKey.from_public_bytes(b64decode(state.public_key))
            key.verify(b64decode(answer.credential.signature), challenge)
        except (InvalidSignature, ValueError):
            raise CodeRejected from None
        return state.model_copy(update={"uses": state.uses + 1})
