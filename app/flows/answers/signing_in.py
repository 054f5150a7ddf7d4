"""What signing up and in answers, up to a session and its tokens."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from app.flows.answers.base import Answer, Bearer, Jwt
from app.messages import Delivery

REFRESH_TOKEN = "ghr_AaAf_8_cxSp90a3kF7mFOQAAAAAZz4M7Wc2lnbmF0dXJlLXVuZGVyLWEta2V5LW9mLXRoZS1yaW5n"  # noqa: S105  nobody's
"""An example."""


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
        Field(
            description="`none`: nothing was sent, because the factor needs nothing, a send is cooling down or a limit on SMS is reached."
        ),
    ]
    advice: Annotated[
        str | None,
        Field(
            exclude_if=lambda advice: advice is None,
            description="What the user can do about an undelivered code, in English. Only there when there is something.",
            examples=["Ask for another code, or use another factor."],
        ),
    ] = None
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
        str | None,
        Field(
            exclude_if=lambda token: token is None,
            description="Left out when it is kept in a cookie.",
            examples=[REFRESH_TOKEN],
        ),
    ] = None
    refresh_expires_in: Annotated[int, Field(examples=[1209600])]
    session_id: UUID
    device_token: Annotated[
        str | None,
        Field(
            exclude_if=lambda token: token is None,
            description="Keep it beyond the session and send it with the next sign-in: it marks this device as known. "
            "Left out by a refresh on a trusted device: the token of the sign-in stays good.",
            examples=["ghd_mZ4x0n6Yw1rQbJ8uTqk3vX5c7LdPfHs9AeGi2oKjNtU"],
        ),
    ] = None
    device_trust: Annotated[
        Literal["known", "trusted"], Field(description="`trusted`: the next sign-in needs no second factor.")
    ]
    in_cookie: Annotated[bool, Field(exclude=True)] = False


class EmailCode(Answer):
    """A code is mailed to the user's address: send it as `email_code` with `POST /me/factors`."""

    destination: Annotated[str, Field(examples=["a•••@example.com"])]
    delivery: Annotated[
        Delivery, Field(description="`none`: nothing was mailed just now; the newest code in the mailbox is good.")
    ]
    resend_after: Annotated[int, Field(ge=0, description="Seconds until another code may be asked for.", examples=[30])]
    attempts_left: Annotated[int, Field(ge=0, examples=[5])]
    expires_in: Annotated[int, Field(ge=0, description="Seconds this sign-in waits for it.", examples=[600])]


class EnrollmentRequired(Answer):
    """The password was right, and this installation demands a second factor: `enrollment_token` opens its enrolment."""

    status: Literal["enrollment_required"] = "enrollment_required"
    enrollment_token: Jwt
    token_type: Bearer = "Bearer"  # noqa: S105  a scheme's name
    expires_in: Annotated[int, Field(examples=[600])]
    enrollable: Annotated[
        list[str],
        Field(description="Kinds that may be enrolled here, the strongest first.", examples=[["totp", "sms"]]),
    ]
    email_code: Annotated[
        EmailCode | None,
        Field(
            exclude_if=lambda code: code is None,
            description="Only there when the enrolment first needs a code that is mailed to the user's address.",
        ),
    ] = None


LoginAnswer = Annotated[MfaRequired | Authenticated | EnrollmentRequired, Field(discriminator="status")]


class AccessGranted(Answer):
    """A fresh access token; the session's refresh token stays as it is."""

    access_token: Jwt
    token_type: Bearer = "Bearer"  # noqa: S105  a scheme's name
    expires_in: Annotated[int, Field(examples=[583])]
