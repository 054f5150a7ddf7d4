"""A toy second factor, in one file: the user agrees on a word and is asked for it. It is registered by one line in its test."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field
from typing_extensions import override

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


class WordSettings(BaseModel):
    longest: int = 20


class WordState(Shape):
    word: str
    used: int = 0


class EnrollWord(EnrollShape):
    factor: Literal["word"]
    word: Annotated[str, Field(pattern="^[a-z]+$")]


class WordSetup(Shape):
    factor: Literal["word"] = "word"
    letters: int


class WordAnswer(AnswerShape):
    factor: Literal["word"] | None = None
    word: Annotated[str, Field(pattern="^[a-z]+$")]


class Word(Factor[WordState, EnrollWord, WordAnswer, WordSettings]):
    kind = "word"
    amr = "kba"
    strength = 2
    Settings, State, Enroll, Answer, Setup = WordSettings, WordState, EnrollWord, WordAnswer, WordSetup

    @override
    def enroll(self, request: EnrollWord, holder: Holder) -> Enrolled[WordState]:
        return Enrolled(WordState(word=request.word[: self.settings.longest]), WordSetup(letters=len(request.word)))

    @override
    def ask(self, state: WordState, about: About) -> Question:
        return Question(show={"letters": len(state.word)})

    @override
    def accept(self, state: WordState, answer: WordAnswer, asked: Asked, at: datetime) -> WordState:
        if answer.word != state.word:
            raise CodeRejected
        return state.model_copy(update={"used": state.used + 1})
