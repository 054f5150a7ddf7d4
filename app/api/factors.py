"""Routes: the user's second factors. The shapes of requests are those of this installation's factors."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from app.api.guard import FullAccess
from app.api.house import TheHouse
from app.api.openapi import Tag, operation_id
from app.api.problems import refusals
from app.api.strict import StrictRoute
from app.factors.registry import Factors
from app.flows.answers import ChallengeState, Confirmed, EnrollmentBegun, FactorList
from app.problems import (
    FactorNotEnrolled,
    InvalidMfaCode,
    InvalidToken,
    MfaAttemptsExhausted,
    PhoneInUse,
    ResendTooSoon,
    SmsNotAllowed,
    SmsUnavailable,
    StepUpRequired,
)


def routes(factors: Factors) -> APIRouter:
    """The routes, with the shapes that this installation's factors bring."""
    router = APIRouter(route_class=StrictRoute, generate_unique_id_function=operation_id, tags=[Tag.FACTORS])
    AnyEnroll: Any = factors.enrolls()  # noqa: N806  a type
    AnyAnswer: Any = factors.answers()  # noqa: N806  a type
    Begun: Any = EnrollmentBegun.__class_getitem__(factors.setups())  # noqa: N806  a type made at run time

    @router.get("/me/factors", responses=refusals(InvalidToken))
    async def list_factors(who: FullAccess, house: TheHouse) -> FactorList:
        """The enrolled factors, and the kinds that may be enrolled or replaced."""
        return await house.profiles.list_factors(who)

    @router.post(
        "/me/factors",
        status_code=201,
        responses=refusals(
            InvalidToken, StepUpRequired, SmsNotAllowed, FactorNotEnrolled, ResendTooSoon, SmsUnavailable, body=True
        ),
    )
    async def enroll_factor(body: AnyEnroll, who: FullAccess, house: TheHouse) -> Begun:
        """Begin to enrol a factor, or to replace one: it counts once it is confirmed, within 15 minutes.

        Needs a sign-in of the last five minutes, with a second factor where one is enrolled.
        """
        return await house.enroll(who, body)

    @router.post(
        "/me/factors/{factor_id}/confirm",
        responses=refusals(
            InvalidToken, InvalidMfaCode, MfaAttemptsExhausted, FactorNotEnrolled, PhoneInUse, body=True
        ),
    )
    async def confirm_factor(factor_id: UUID, body: AnyAnswer, who: FullAccess, house: TheHouse) -> Confirmed:
        """Confirm a factor with its first right answer, within five attempts.

        Every other session ends; this one goes on with the access token in the answer, and its refresh token stays good.
        """
        return await house.confirm(who, factor_id, body)

    @router.post(
        "/me/factors/{factor_id}/resend",
        responses=refusals(
            InvalidToken, FactorNotEnrolled, MfaAttemptsExhausted, ResendTooSoon, SmsUnavailable, parameters=True
        ),
    )
    async def resend_confirmation(factor_id: UUID, who: FullAccess, house: TheHouse) -> ChallengeState:
        """Send a new code for a factor that is not confirmed yet. Only the newest code is good."""
        return await house.enroll.ask_again(who, factor_id)

    return router
