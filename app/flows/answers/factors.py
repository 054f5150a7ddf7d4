"""What is answered about second factors: the ones there are, and new ones."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field, create_model

from app.flows.answers.base import Answer
from app.flows.answers.signing_in import AccessGranted, Authenticated, ChallengeState


class FactorEntry(Answer):
    """An enrolled factor."""

    id: UUID
    kind: Annotated[str, Field(examples=["sms"])]
    destination: Annotated[str | None, Field(examples=["+1 ••• ••• 0123"])]
    remaining: int | None
    label: Annotated[str | None, Field(examples=["My tablet"])]
    default: Annotated[bool, Field(description="Asked first at sign-in.")]
    usable: Annotated[bool, Field(description="False when the operator switched this kind off: it still counts.")]
    created_at: datetime


class FactorList(Answer):
    items: Annotated[list[FactorEntry], Field(description="The strongest first.")]
    enrollable: Annotated[
        list[str],
        Field(
            description="Kinds that may be enrolled or replaced here, the strongest first.", examples=[["totp", "sms"]]
        ),
    ]
    recovery_codes_left: Annotated[int, Field(description="Unused recovery codes; 0 without a factor.", examples=[10])]


class EnrollmentBegun(Answer):
    """A factor that waits for its first right answer. `setup` is shown this once."""

    id: UUID
    setup: Any
    challenge: ChallengeState

    @classmethod
    def of(cls, setups: Any) -> type[Self]:  # noqa: ANN401  a type made at run time
        """The same with the shapes of an installation's factors: one name in the document, whatever they are."""
        return create_model(cls.__name__, __base__=cls, __doc__=cls.__doc__, setup=(setups, ...))


RecoveryCodeList = Annotated[
    list[str] | None,
    Field(
        description="Shown this once, with the first factor; null otherwise.",
        examples=[["7ZC3K9Q-0VH5TJB-X2M8RNE-4WPAD"]],
    ),
]


class Confirmed(AccessGranted):
    """The factor counts from now on. Other sessions have ended; this one goes on with the fresh access token."""

    factor: FactorEntry
    recovery_codes: RecoveryCodeList


class ConfirmedAndAuthenticated(Authenticated):
    """The first factor, enrolled with an enrolment token: it counts, and it has opened a session."""

    factor: FactorEntry
    recovery_codes: RecoveryCodeList


class RecoveryCodesShown(Answer):
    """New recovery codes, shown this once; the ones before are void."""

    recovery_codes: list[Annotated[str, Field(examples=["7ZC3K9Q-0VH5TJB-X2M8RNE-4WPAD"])]]
