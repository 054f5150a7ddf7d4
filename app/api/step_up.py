"""Routes: step-up authentication, a new proof within a session (RFC 9470)."""

from typing import Any

from fastapi import APIRouter

from app.api.guard import FullAccess
from app.api.house import TheHouse
from app.api.openapi import Tag, operation_id
from app.api.problems import refusals
from app.api.refused import ASKING, JUDGING
from app.api.signing_in import ChallengeRequest
from app.api.signing_up import Password
from app.api.strict import StrictRoute
from app.api.visitor import TheVisitor
from app.factors.base import Shape
from app.factors.registry import Factors
from app.flows.answers import AccessGranted, ChallengeState
from app.problems import (
    Overloaded,
    RateLimited,
    StepUpRequired,
    WrongCurrentPassword,
)

router = APIRouter(route_class=StrictRoute, generate_unique_id_function=operation_id, tags=[Tag.SESSIONS])


class PasswordProof(Shape):
    """For users who have no factor."""

    password: Password


@router.post(
    "/step-up/challenge",
    responses=refusals(*ASKING, body=True),
)
async def send_step_up_challenge(
    body: ChallengeRequest, who: FullAccess, house: TheHouse, visitor: TheVisitor
) -> ChallengeState:
    """Have a code sent for a step-up. The attempts of a step-up under way are not refilled."""
    return await house.step_up.ask(who, body.factor, visitor)


def routes(factors: Factors) -> APIRouter:
    """Make the route whose request schema depends on this installation's factors."""
    answering = APIRouter(route_class=StrictRoute, generate_unique_id_function=operation_id, tags=[Tag.SESSIONS])
    AnyProof: Any = factors.answers(PasswordProof)  # noqa: N806  a type

    @answering.post(
        "/step-up",
        responses=refusals(*JUDGING, StepUpRequired, WrongCurrentPassword, RateLimited, Overloaded, body=True),
    )
    async def step_up(body: AnyProof, who: FullAccess, house: TheHouse, visitor: TheVisitor) -> AccessGranted:
        """Prove again who you are, with a factor or, for users who have none, with the password.

        The access token in the answer says so (`auth_time`, `acr`, `amr`), and only it: a refresh gives one that does not.
        """
        if isinstance(body, PasswordProof):
            return await house.step_up.with_password(who, body.password.get_secret_value(), visitor)
        return await house.step_up.with_factor(who, body)

    return answering
