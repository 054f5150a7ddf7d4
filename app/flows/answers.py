"""What the stories answer, as the wire shows it. Ages and lives are whole seconds."""

from datetime import datetime, timedelta
from math import ceil
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypeForm, override

from app.messages import Delivery

Jwt = Annotated[str, Field(examples=["eyJhbGciOiJFUzI1NiIsImtpZCI6Ii4uLiJ9.eyJpc3MiOiIuLi4ifQ.c2lnbmF0dXJl"])]
Bearer = Literal["Bearer"]


class Answer(BaseModel):
    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class VerificationSent(Answer):
    """The same for a new and for a known address: only the mail tells them apart."""

    status: Literal["verification_sent"] = "verification_sent"
    registration_id: UUID


class ResetSent(Answer):
    """The same for every address: only the mailbox tells them apart."""

    status: Literal["reset_sent"] = "reset_sent"


class FactorChoice(Answer):
    """A factor that this sign-in may be completed with."""

    kind: Annotated[str, Field(examples=["sms"])]
    destination: Annotated[str | None, Field(description="Where codes go, masked.", examples=["+1 ••• ••• 0123"])] = (
        None
    )
    remaining: Annotated[int | None, Field(description="How many are left, of codes that are used up.")] = None
    default: bool = False


class ChallengeState(Answer):
    """The question that waits for an answer, and how far its message has come."""

    factor: Annotated[str, Field(examples=["sms"])]
    shown: Annotated[
        dict[str, Any], Field(description="What this factor needs the client to see; empty for codes.", examples=[{}])
    ]
    delivery: Annotated[
        Delivery,
        Field(description="`none`: nothing was sent, because the factor needs nothing or a send is cooling down."),
    ]
    resend_after: Annotated[int, Field(ge=0, description="Seconds until another code may be asked for.", examples=[30])]
    attempts_left: Annotated[int, Field(ge=0, examples=[5])]
    expires_in: Annotated[int, Field(ge=0, description="Seconds the code is still good.", examples=[300])]


class MfaRequired(Answer):
    """The password was right. `mfa_token` opens `/verify-otp` and nothing else."""

    status: Literal["mfa_required"] = "mfa_required"
    mfa_token: Jwt
    token_type: Bearer = "Bearer"  # noqa: S105  a scheme's name
    expires_in: Annotated[int, Field(examples=[600])]
    factors: list[FactorChoice]
    challenge: Annotated[
        ChallengeState | None, Field(description="Null when no enrolled factor can be asked right now.")
    ]


class Authenticated(Answer):
    """A session. The refresh token is rotated at each use: keep the newest only."""

    status: Literal["authenticated"] = "authenticated"
    access_token: Jwt
    token_type: Bearer = "Bearer"  # noqa: S105  a scheme's name
    expires_in: Annotated[int, Field(examples=[583])]
    refresh_token: Annotated[
        str, Field(examples=["ghr_AaAf_8_cxSp90a3kF7mFOQAAAAAZz4M7Wc2lnbmF0dXJlLXVuZGVyLWEta2V5LW9mLXRoZS1yaW5n"])
    ]
    refresh_expires_in: Annotated[int, Field(examples=[1209600])]
    session_id: UUID


class EnrollmentRequired(Answer):
    """The password was right, and this installation demands a second factor: `enrollment_token` opens its enrolment."""

    status: Literal["enrollment_required"] = "enrollment_required"
    enrollment_token: Jwt
    token_type: Bearer = "Bearer"  # noqa: S105  a scheme's name
    expires_in: Annotated[int, Field(examples=[600])]
    enrollable: Annotated[list[str], Field(description="Kinds that may be enrolled here.", examples=[["totp", "sms"]])]


LoginAnswer = Annotated[MfaRequired | Authenticated | EnrollmentRequired, Field(discriminator="status")]


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
    items: list[FactorEntry]
    enrollable: Annotated[list[str], Field(description="Kinds that may be enrolled or replaced here.")]
    recovery_codes_left: Annotated[int, Field(description="Unused recovery codes; 0 without a factor.", examples=[10])]


SetupT = TypeVar("SetupT")


class EnrollmentBegun(Answer, Generic[SetupT]):
    """A factor that waits for its first right answer. `setup` is shown this once."""

    @classmethod
    @override
    def model_parametrized_name(cls, params: tuple[TypeForm[Any], ...]) -> str:
        """One name in the document, whatever factors there are."""
        return cls.__name__

    id: UUID
    setup: SetupT
    challenge: ChallengeState


RecoveryCodeList = Annotated[
    list[str] | None,
    Field(
        description="Shown this once, with the first factor; null otherwise.",
        examples=[["7ZC3K9Q-0VH5TJB-X2M8RNE-4WPAD"]],
    ),
]


class AccessGranted(Answer):
    """A fresh access token; the session's refresh token stays as it is."""

    access_token: Jwt
    token_type: Bearer = "Bearer"  # noqa: S105  a scheme's name
    expires_in: Annotated[int, Field(examples=[583])]


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


class Profile(Answer):
    id: UUID
    email: Annotated[str, Field(examples=["ada@example.com"])]
    email_verified: Literal[True] = True
    display_name: str | None
    locale: Annotated[str, Field(examples=["en"])]
    mfa_enabled: bool
    created_at: datetime
    last_login_at: datetime | None


def whole_seconds(span: timedelta) -> int:
    """Rounded up, so that coming back after this many is never too early; never below zero."""
    return max(0, ceil(span.total_seconds()))
