"""A factor that mails its code, in one file: to an address that its user names."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field
from typing_extensions import override

from app.crypto.chance import six_digits
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
    SixDigits,
)
from app.messages import Channel, Draft


class MailedSettings(BaseModel):
    """Nothing to choose."""


class MailedState(Shape):
    address: str


class EnrollMailed(EnrollShape):
    factor: Literal["mailed"]
    address: Annotated[str, Field(pattern="^[a-z0-9.]+@example[.]test$")]


class MailedSetup(Shape):
    factor: Literal["mailed"] = "mailed"


class MailedAnswer(AnswerShape):
    factor: Literal["mailed"] | None = None
    code: SixDigits


class Mailed(Factor[MailedState, EnrollMailed, MailedAnswer, MailedSettings]):
    kind = "mailed"
    amr = "otp"
    strength = 2
    Settings, State, Enroll, Answer, Setup = MailedSettings, MailedState, EnrollMailed, MailedAnswer, MailedSetup

    @override
    def enroll(self, request: EnrollMailed, holder: Holder) -> Enrolled[MailedState]:
        return Enrolled(MailedState(address=request.address), MailedSetup())

    @override
    def ask(self, state: MailedState, about: About) -> Question:
        code = six_digits()
        fingerprint = self.fingerprints.take(code, purpose=about.purpose, about=about.challenge_id)
        return Question(fingerprint, Draft(Channel.EMAIL, state.address, code))

    @override
    def accept(self, state: MailedState, answer: MailedAnswer, asked: Asked, at: datetime) -> MailedState:
        if asked.fingerprint is None or asked.expires_at is None or at >= asked.expires_at:
            raise CodeRejected
        about = asked.about
        if not self.fingerprints.match(asked.fingerprint, answer.code, purpose=about.purpose, about=about.challenge_id):
            raise CodeRejected
        return state
