"""A factor whose six digits need no question, as an app's: a printed list of them, each of which is good once."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel
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


class ListSettings(BaseModel):
    length: int = 10


class ListState(Shape):
    codes: tuple[str, ...]


class EnrollList(EnrollShape):
    factor: Literal["list"]


class ListSetup(Shape):
    factor: Literal["list"] = "list"
    codes: tuple[str, ...]


class ListAnswer(AnswerShape):
    factor: Literal["list"] | None = None
    code: SixDigits


class PrintedList(Factor[ListState, EnrollList, ListAnswer, ListSettings]):
    kind = "list"
    amr = "otp"
    strength = 2
    at_once = True
    Settings, State, Enroll, Answer, Setup = ListSettings, ListState, EnrollList, ListAnswer, ListSetup

    @override
    def enroll(self, request: EnrollList, holder: Holder) -> Enrolled[ListState]:
        codes = tuple(six_digits() for _ in range(self.settings.length))
        return Enrolled(ListState(codes=codes), ListSetup(codes=codes))

    @override
    def ask(self, state: ListState, about: About) -> Question:
        return Question()

    @override
    def accept(self, state: ListState, answer: ListAnswer, asked: Asked, at: datetime) -> ListState:
        if answer.code not in state.codes:
            raise CodeRejected
        return ListState(codes=tuple(code for code in state.codes if code != answer.code))
