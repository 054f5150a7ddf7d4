"""The factor contract. A factor is given its state and gives back the next one; flows save it, senders carry its messages.

So each factor can be tested without a database, a network or a clock.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, ClassVar, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.crypto.claims import MFA
from app.crypto.codes import Fingerprints
from app.messages import Draft, Purpose
from app.problems.fields import says

SEALED = "kept sealed, not given"


class CodeRejected(Exception):  # noqa: N818  named as the state it tells of
    """The answer is wrong, too late, or was good once already."""


class Shape(BaseModel):
    """What a client sends or is shown: nothing but the declared fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


SixDigits = Annotated[str, Field(pattern=r"^[0-9]{6}$", examples=["123456"]), says("Must be six digits.")]
Label = Annotated[
    str | None,
    Field(max_length=40, pattern=r"^[^\p{C}]*$", examples=["My tablet"]),
    says("Must not hold control characters."),
]


class EnrollShape(Shape):
    """What begins an enrolment; each kind narrows `factor` to its own name."""

    factor: str
    label: Label = None
    email_code: Annotated[
        SixDigits | None,
        Field(repr=False, description="What was mailed, where the sign-in's `email_code` says so; once a sign-in."),
    ] = None


class AnswerShape(Shape):
    """What answers a question; without `factor` it is for the one that was asked."""

    factor: str | None = None


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose factor it is going to be, as an authenticator app shows it."""

    account: str
    brand: str


@dataclass(frozen=True, slots=True)
class About:
    """What an answer is bound to: a code for one challenge or purpose is no code for another."""

    challenge_id: UUID
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked, as it was remembered."""

    about: About
    fingerprint: bytes | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Question:
    """What to remember (`fingerprint`), what to send (`draft`), and what the client needs to see (`show`, JSON)."""

    fingerprint: bytes | None = None
    draft: Draft | None = None
    show: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Described:
    """What an enrolled factor may tell about itself to its owner."""

    destination: str | None = None
    remaining: int | None = None


StateT = TypeVar("StateT", bound=Shape)
EnrollT = TypeVar("EnrollT", bound=EnrollShape)
AnswerT = TypeVar("AnswerT", bound=AnswerShape)
SettingsT = TypeVar("SettingsT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Enrolled(Generic[StateT]):
    """`setup` is shown once."""

    state: StateT
    setup: Shape


class Factor(ABC, Generic[StateT, EnrollT, AnswerT, SettingsT]):
    """One kind of second factor, without mutable state. Everything that is its own stands in its file."""

    kind: ClassVar[str]
    """Its name in rows and requests; the `factor` field of `Enroll`, `Setup` and `Answer` is this literal."""
    amr: ClassVar[str]
    """Its authentication method reference (RFC 8176 §2)."""
    acr: ClassVar[str] = MFA
    """What a session is worth that was opened with it."""
    strength: ClassVar[int]
    """Its rank: a weaker factor never approves a change of a stronger one."""
    at_once: ClassVar[bool] = False
    """Whether it can be answered without being asked, beside the password."""
    issued: ClassVar[bool] = False
    """Whether it comes with the first factor and goes with the last one, instead of being enrolled by itself."""
    replaced: ClassVar[str] = "factor_replaced"
    """The mail that its replacement causes."""
    notice: ClassVar[str | None] = None
    """The mail (a key of `app/texts`) that each use of it causes."""

    Settings: type[SettingsT]
    State: type[StateT]
    Enroll: type[EnrollT]
    Answer: type[AnswerT]
    Setup: type[Shape]

    def __init__(self, settings: SettingsT, *, fingerprints: Fingerprints) -> None:
        self.settings = settings
        self.fingerprints = fingerprints

    @abstractmethod
    def enroll(self, request: EnrollT, holder: Holder) -> Enrolled[StateT]:
        """Begin. Raises a Problem for what this installation does not allow."""

    @abstractmethod
    def ask(self, state: StateT, about: About) -> Question:
        """Put the question of one challenge."""

    @abstractmethod
    def accept(self, state: StateT, answer: AnswerT, asked: Asked, at: datetime) -> StateT:
        """Return the next state, or raise CodeRejected."""

    def adopt(self, secret: str) -> StateT:  # noqa: ARG002  most factors cannot
        """The state of what another system had confirmed. Raises ValueError, or a Problem, for what cannot be used here."""
        raise ValueError("This kind cannot be brought from elsewhere.")

    def hand_over(self, state: StateT) -> str | None:  # noqa: ARG002  most factors cannot
        """What `adopt` takes, for another system."""
        return None

    def confirm(self, state: StateT, answer: AnswerT, asked: Asked, at: datetime) -> StateT:
        """Activate with the first right answer."""
        return self.accept(state, answer, asked, at)

    def unique(self, state: StateT) -> str | None:  # noqa: ARG002  most factors have none
        """The value of which only one user may hold a confirmed factor."""
        return None

    def farewell(self, state: StateT) -> Draft | None:  # noqa: ARG002  most factors have none
        """What the holder of a state that was replaced or removed is told, by SMS, through what is not theirs any more."""
        return None

    def held(self, state: StateT) -> dict[str, str | int]:
        """What is kept of it, for its owner: what is secret is named, not given. All of it is, until a factor says better."""
        return dict.fromkeys(type(state).model_fields, SEALED)

    def describe(self, state: StateT) -> Described:  # noqa: ARG002  most factors tell nothing
        return Described()


AnyFactor = Factor[Any, Any, Any, Any]
