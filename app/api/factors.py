"""Routes: the user's second factors. The request schemas depend on which factors this installation has."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from app.api.cookies import TheJar, sets_cookie
from app.api.guard import EnrollmentAccess, FullAccess
from app.api.house import TheHouse
from app.api.openapi import Tag, operation_id
from app.api.problems import refusals
from app.api.refused import ASKING, CHANGING, JUDGING
from app.api.strict import StrictRoute
from app.api.visitor import TheVisitor
from app.factors.base import Label, Shape
from app.factors.registry import Factors
from app.flows.answers import (
    ChallengeState,
    Confirmed,
    ConfirmedAndAuthenticated,
    EmailCode,
    EnrollmentBegun,
    FactorEntry,
    FactorList,
    RecoveryCodesShown,
)
from app.problems import (
    FactorNotEnrolled,
    InvalidMfaCode,
    InvalidToken,
    LastFactor,
    MfaAttemptsExhausted,
    MfaLocked,
    Overloaded,
    PhoneInUse,
    RateLimited,
    ResendTooSoon,
    SmsNotAllowed,
    SmsUnavailable,
    StepUpRequired,
)
from app.problems.fields import BOOLEAN

router = APIRouter(route_class=StrictRoute, generate_unique_id_function=operation_id, tags=[Tag.FACTORS])
EITHER: dict[str, Any] = {"security": [{"AccessToken": []}]}
"""For `openapi_extra=`: an access token is accepted, too, besides the enrolment token that the guard declares."""
MAILED = (InvalidMfaCode, MfaAttemptsExhausted, MfaLocked)
"""The problems with which a mailed code may be refused."""


class FactorChange(Shape):
    """What is left out stays as it is; `"label": null` takes the label away."""

    default: Annotated[
        Annotated[Literal[True], BOOLEAN] | None, Field(description="True: ask this factor first at sign-in.")
    ] = None
    label: Label = None


@router.post(
    "/me/factors/{factor_id}/resend",
    openapi_extra=EITHER,
    responses=refusals(*ASKING, parameters=True),
)
async def resend_confirmation(
    factor_id: UUID, who: EnrollmentAccess, house: TheHouse, visitor: TheVisitor
) -> ChallengeState:
    """Send a new code for a factor that is not confirmed yet. Only the newest code is good."""
    return await house.enroll.ask_again(who, factor_id, visitor)


@router.post(
    "/me/factors/email-code",
    responses=refusals(InvalidToken, MfaAttemptsExhausted, ResendTooSoon, Overloaded),
)
async def resend_email_code(who: EnrollmentAccess, house: TheHouse) -> EmailCode:
    """Mail another code, for a sign-in whose answer had `email_code`. Only the newest code is good."""
    return await house.mailbox.ask_again(who)


@router.get("/me/factors", openapi_extra=EITHER, responses=refusals(InvalidToken))
async def list_factors(who: EnrollmentAccess, house: TheHouse) -> FactorList:
    """The enrolled factors, the kinds that may be enrolled or replaced, and how many recovery codes are left."""
    return await house.profiles.list_factors(who)


@router.patch(
    "/me/factors/{factor_id}",
    responses=refusals(InvalidToken, StepUpRequired, FactorNotEnrolled, RateLimited, body=True),
)
async def change_factor(factor_id: UUID, body: FactorChange, who: FullAccess, house: TheHouse) -> FactorEntry:
    """Name a factor, or have it asked first at sign-in; the latter needs a proof of the last five minutes."""
    relabel = "label" in body.model_fields_set
    return await house.manage.change(who, factor_id, label=body.label, relabel=relabel, prefer=body.default is not None)


@router.delete(
    "/me/factors/{factor_id}",
    status_code=204,
    response_class=Response,
    responses=refusals(*CHANGING, LastFactor, RateLimited, parameters=True),
)
async def remove_factor(factor_id: UUID, who: FullAccess, house: TheHouse, visitor: TheVisitor) -> None:
    """Remove a factor, with a proof of the last five minutes by the strongest one or a recovery code.

    Every other session ends. With the last factor, the recovery codes go too. A phone is told by SMS.
    """
    await house.manage.remove(who, factor_id, visitor)


@router.post(
    "/me/recovery-codes",
    responses=refusals(*CHANGING, RateLimited),
)
async def renew_recovery_codes(who: FullAccess, house: TheHouse) -> RecoveryCodesShown:
    """Make ten new recovery codes, shown this once; the old ones die. Needs what a change of factors needs."""
    return await house.issuing(who)


def routes(factors: Factors) -> APIRouter:
    """Make the routes whose request schemas depend on this installation's factors."""
    enrolling = APIRouter(route_class=StrictRoute, generate_unique_id_function=operation_id, tags=[Tag.FACTORS])
    AnyEnroll: Any = factors.enrolls()  # noqa: N806  a type
    AnyAnswer: Any = factors.answers()  # noqa: N806  a type
    Begun: Any = EnrollmentBegun.of(factors.setups())  # noqa: N806  a type made at run time

    @enrolling.post(
        "/me/factors",
        status_code=201,
        openapi_extra=EITHER,
        responses=refusals(*CHANGING, *MAILED, RateLimited, SmsNotAllowed, ResendTooSoon, SmsUnavailable, body=True),
    )
    async def enroll_factor(body: AnyEnroll, who: EnrollmentAccess, house: TheHouse, visitor: TheVisitor) -> Begun:
        """Begin to enrol a factor, or to replace one: it counts once it is confirmed, within 15 minutes.

        Needs a proof of the last five minutes, by the strongest factor that is enrolled or a recovery code; the first
        factor may also be enrolled with an enrolment token. If the sign-in's answer has `email_code`, the code that was
        mailed goes with it, within five attempts; once it was right, it is asked for no more.
        """
        return await house.enroll(who, body, visitor)

    @enrolling.post(
        "/me/factors/{factor_id}/confirm",
        openapi_extra=EITHER,
        responses=refusals(*JUDGING, PhoneInUse, RateLimited, body=True) | sets_cookie(200),
    )
    async def confirm_factor(
        factor_id: UUID, body: AnyAnswer, *, who: EnrollmentAccess, house: TheHouse, visitor: TheVisitor, jar: TheJar
    ) -> Confirmed | ConfirmedAndAuthenticated:
        """Confirm a factor with its first right answer, within five attempts.

        Every other session ends; this one goes on with the access token in the answer, and its refresh token stays good.
        With an enrolment token the answer opens a session. Recovery codes come with the first factor: show them now.
        """
        return jar.keep(await house.confirm(who, factor_id, body, visitor))

    return enrolling
