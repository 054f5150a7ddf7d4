"""Claims of tokens: one strict schema per kind, mutually exclusive by `typ`, `aud`, `scope` (RFC 8725 §3.11-3.12)."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Literal, TypeAlias
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

MFA = "urn:gatehouse:mfa"
PHISHING_RESISTANT = "urn:gatehouse:phr"
PASSWORD_ONLY = "urn:gatehouse:pwd"  # noqa: S105  an acr value, no secret

NumericDate = Annotated[int, Field(ge=0, lt=2**53, examples=[1_795_293_122])]
Issuer = Annotated[str, Field(examples=["https://id.example.com"])]
Id = Annotated[UUID, Field(strict=False)]


class Scope(StrEnum):
    """What a token opens. Nothing reads a token without naming one."""

    FULL = "full"
    MFA_PENDING = "mfa:verify"
    MFA_ENROLL = "mfa:enroll"


class Claims(BaseModel):
    """What every kind has (RFC 7519 §4.1). Times are NumericDates: whole seconds since 1970."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    iss: Issuer
    aud: Issuer
    sub: Id
    jti: Id
    iat: NumericDate
    exp: NumericDate


Own: TypeAlias = str | bool | int | float
"""A value that an operator may put into a user's claims."""


class AccessClaims(Claims):
    """RFC 9068 §2.2; `sid` is the session, `acr` and `amr` (RFC 8176) tell how it was opened."""

    scope: Literal[Scope.FULL]
    sid: Id
    auth_time: NumericDate
    acr: Annotated[str, Field(examples=[MFA])]
    amr: Annotated[tuple[str, ...], Field(strict=False)]
    client_id: Literal["gatehouse"]
    claims: Annotated[
        dict[str, Own] | None,
        Field(
            exclude_if=lambda own: own is None,
            description="What the operator says of the user (`gatehouse users set-claims`). Only there when there is something.",
            examples=[{"role": "editor"}],
        ),
    ] = None

    def authenticated_at(self) -> datetime:
        return datetime.fromtimestamp(self.auth_time, UTC)


class PendingClaims(Claims):
    """A sign-in that has its password and waits for its second factor; `jti` is the sign-in."""

    scope: Literal[Scope.MFA_PENDING]


class EnrollmentClaims(Claims):
    """A sign-in that has its password and must enrol its first factor; `jti` is the sign-in."""

    scope: Literal[Scope.MFA_ENROLL]
