"""A code by SMS: the weakest factor (NIST SP 800-63B-4 §3.1.3.3, restricted), and the one everybody has."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, field_validator, model_validator
from typing_extensions import override

from app.crypto.chance import six_digits
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
    SixDigits,
)
from app.factors.phones import E164, mask, read_phone
from app.factors.regions import REGIONS
from app.messages import Channel, Draft
from app.problems import SmsNotAllowed
from app.settings.fixed_codes import FixedCode, fixed_code


class SmsSettings(BaseModel):
    regions: tuple[str, ...] | None = None
    test_numbers: tuple[FixedCode, ...] = ()

    @model_validator(mode="after")
    def refuse_what_nobody_can_enrol(self) -> Self:
        """A test number that is no number as it is written, or of no region that is served, would silently be none."""
        if not all(_can_be_enrolled(fixed.number, self.regions) for fixed in self.test_numbers):
            raise ValueError(
                "GATEHOUSE_SMS__TEST_NUMBERS: each is a mobile number of a served region, in E.164, such as +12125550199."
            )
        return self

    @field_validator("regions")
    @classmethod
    def refuse_unknown(cls, regions: tuple[str, ...] | None) -> tuple[str, ...] | None:
        """A misspelt region would silently serve nobody."""
        if regions is not None and not set(regions) <= REGIONS:
            raise ValueError("GATEHOUSE_SMS__REGIONS: write regions as ISO 3166 does, such as US, GB or DE.")
        return regions


def _can_be_enrolled(number: str, regions: tuple[str, ...] | None) -> bool:
    try:
        return read_phone(number, regions=regions).e164 == number
    except SmsNotAllowed:
        return False


class SmsState(Shape):
    phone: str
    region: str


class EnrollSms(EnrollShape):
    """Begin to use a phone number: a code is sent to it."""

    factor: Literal["sms"]
    phone_number: E164


class SmsSetup(Shape):
    factor: Literal["sms"] = "sms"
    destination: Annotated[str, Field(examples=["+1 ••• ••• 0123"])]


class SmsAnswer(AnswerShape):
    """The six digits of the newest SMS."""

    factor: Literal["sms"] | None = None
    code: SixDigits


class Sms(Factor[SmsState, EnrollSms, SmsAnswer, SmsSettings]):
    kind = "sms"
    amr = "sms"
    strength = 1
    replaced = "phone_changed"
    Settings, State, Enroll, Answer, Setup = SmsSettings, SmsState, EnrollSms, SmsAnswer, SmsSetup

    @override
    def enroll(self, request: EnrollSms, holder: Holder) -> Enrolled[SmsState]:
        state = self.adopt(request.phone_number)
        return Enrolled(state, SmsSetup(destination=mask(state.phone)))

    @override
    def adopt(self, secret: str) -> SmsState:
        phone = read_phone(secret, regions=self.settings.regions)
        return SmsState(phone=phone.e164, region=phone.region)

    @override
    def hand_over(self, state: SmsState) -> str:
        return state.phone

    @override
    def ask(self, state: SmsState, about: About) -> Question:
        code = six_digits()
        fingerprint = self.fingerprints.take(code, purpose=about.purpose, about=about.challenge_id)
        return Question(fingerprint, Draft(Channel.SMS, state.phone, code, region=state.region))

    @override
    def accept(self, state: SmsState, answer: SmsAnswer, asked: Asked, at: datetime) -> SmsState:
        if asked.fingerprint is None or asked.expires_at is None or at >= asked.expires_at:
            raise CodeRejected
        fingerprint, about = self._fixed(state, asked.about, at) or asked.fingerprint, asked.about
        if not self.fingerprints.match(fingerprint, answer.code, purpose=about.purpose, about=about.challenge_id):
            raise CodeRejected
        return state

    def _fixed(self, state: SmsState, about: About, at: datetime) -> bytes | None:
        """Of a test number's own code, which takes the place of the one that nobody was sent."""
        fixed = fixed_code(self.settings.test_numbers, state.phone, at=at)
        if fixed is None:
            return None
        return self.fingerprints.take(fixed.code.get_secret_value(), purpose=about.purpose, about=about.challenge_id)

    @override
    def unique(self, state: SmsState) -> str:
        return state.phone

    @override
    def farewell(self, state: SmsState) -> Draft:
        return Draft(Channel.SMS, state.phone, code="", region=state.region)

    @override
    def held(self, state: SmsState) -> dict[str, str | int]:
        return {"phone_number": state.phone, "region": state.region, "index": "kept as a keyed digest, not given"}

    @override
    def describe(self, state: SmsState) -> Described:
        return Described(destination=mask(state.phone))
