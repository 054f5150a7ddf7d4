"""Routes: sign in."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field, SecretStr

from app.addresses import Email
from app.api.cookies import TheJar, sets_cookie
from app.api.guard import PendingAccess
from app.api.house import TheHouse
from app.api.openapi import Tag, operation_id
from app.api.problems import refusals
from app.api.refused import ASKING, JUDGING
from app.api.schemas import prefilled
from app.api.signing_up import Password
from app.api.strict import StrictRoute
from app.api.visitor import TheVisitor
from app.factors.base import Shape
from app.factors.registry import Factors
from app.flows.answers import Authenticated, ChallengeState, LoginAnswer
from app.flows.login import SignIn
from app.problems import (
    FactorNotEnrolled,
    InvalidCredentials,
    InvalidMfaCode,
    InvalidToken,
    MfaAttemptsExhausted,
    MfaLocked,
    Overloaded,
    RateLimited,
)
from app.problems.fields import says

router = APIRouter(route_class=StrictRoute, generate_unique_id_function=operation_id, tags=[Tag.SIGNING_IN])

FactorKind = Annotated[
    str, Field(pattern=r"^[a-z_]{1,32}$", examples=["sms"]), says("Must be a kind of factor, such as sms.")
]


class LoginRequest(Shape):
    email: Email
    password: Password
    factor: Annotated[
        FactorKind | None, Field(description="Which enrolled factor to ask for; the default one if unset.")
    ] = None
    code: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=64,
            examples=["123456"],
            description="An authenticator app's code or a recovery code, to sign in with this one request.",
        ),
    ] = None
    device_token: Annotated[
        SecretStr | None,
        Field(
            min_length=1, max_length=256, description="From an earlier sign-in on this device; a dead one is ignored."
        ),
    ] = None
    remember_device: Annotated[
        bool,
        Field(
            strict=True,
            description="Once a second factor is proved, skip it on this device for a while (30 days by default). "
            "False if unset.",
        ),
    ] = False
    cookie: Annotated[
        bool,
        Field(
            strict=True,
            description="For browsers: keep the refresh token in a cookie that no script can read. False if unset.",
        ),
    ] = False

    def wanted(self) -> SignIn:
        return SignIn(
            email=self.email,
            password=self.password.get_secret_value(),
            factor=self.factor,
            code=self.code,
            device_token=self.device_token.get_secret_value() if self.device_token else None,
            remember=self.remember_device,
            cookie=self.cookie,
        )


class ChallengeRequest(Shape):
    factor: FactorKind


@router.post(
    "/login",
    responses=refusals(
        InvalidCredentials, InvalidMfaCode, MfaLocked, RateLimited, FactorNotEnrolled, Overloaded, body=True
    )
    | sets_cookie(200),
    openapi_extra=prefilled({"email": "ada@example.com", "password": "four unrelated long words"}),
)
async def login(body: LoginRequest, house: TheHouse, visitor: TheVisitor, jar: TheJar) -> LoginAnswer:
    """Prove the password.

    `authenticated` carries the tokens of a new session. `mfa_required` carries an `mfa_token`, which opens
    `/verify-otp` and nothing else, and says what was asked. The answer waits at most three seconds for the SMS
    provider; `delivery: unknown` means that the message may still come. A wrong address, a wrong password and an
    account that cannot sign in are refused alike. `enrollment_required` carries an `enrollment_token`, which opens the
    enrolment of a first factor. With `code` beside the password everything happens in this one request. On a device
    that was remembered (`device_token`) the password alone opens a session, whose `acr` says so. With `cookie` the refresh token goes into a
    cookie. After too many wrong passwords, for this address or from this network, the answer is 429 for a while.
    """
    return jar.keep(await house.login(body.wanted(), visitor))


@router.post(
    "/verify-otp/challenge",
    responses=refusals(*ASKING, body=True),
)
async def send_challenge(
    body: ChallengeRequest, who: PendingAccess, house: TheHouse, visitor: TheVisitor
) -> ChallengeState:
    """Ask for a new code, or for another factor. Only the newest code is good; the attempts are not refilled."""
    return await house.verify.ask_again(who, body.factor, visitor)


@router.get("/verify-otp", responses=refusals(InvalidToken, MfaAttemptsExhausted))
async def show_challenge(who: PendingAccess, house: TheHouse) -> ChallengeState:
    """Show the challenge as it stands, with `delivery` as it is known by now."""
    return await house.verify.look(who)


def routes(factors: Factors) -> APIRouter:
    """Make the route whose request schema depends on this installation's factors."""
    answering = APIRouter(route_class=StrictRoute, generate_unique_id_function=operation_id, tags=[Tag.SIGNING_IN])
    AnyAnswer: Any = factors.answers()  # noqa: N806  a type

    @answering.post(
        "/verify-otp",
        responses=refusals(*JUDGING, body=True) | sets_cookie(200),
    )
    async def verify_otp(
        body: AnyAnswer, who: PendingAccess, house: TheHouse, visitor: TheVisitor, jar: TheJar
    ) -> Authenticated:
        """Complete the sign-in with an answer to the second factor; `factor` defaults to the one that was asked.

        Every answer spends one of five attempts, over all codes and factors of this sign-in.
        """
        return jar.keep(await house.verify(who, body, visitor))

    return answering
