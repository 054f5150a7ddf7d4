"""Routes: sign up."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Response
from pydantic import Field, SecretStr

from app.addresses import Email
from app.api.house import TheHouse
from app.api.openapi import Tag, operation_id
from app.api.problems import refusals
from app.api.rates import spends
from app.api.strict import StrictRoute
from app.api.visitor import TheVisitor
from app.factors.base import Shape, SixDigits
from app.flows.answers import VerificationSent
from app.names import Locale
from app.problems import (
    InvalidVerificationCode,
    Overloaded,
    PasswordBlocklisted,
    PasswordTooLong,
    PasswordTooShort,
    RateLimited,
)
from app.problems.fields import PLAIN_ID

router = APIRouter(route_class=StrictRoute, generate_unique_id_function=operation_id, tags=[Tag.SIGNING_UP])

Password = Annotated[SecretStr, Field(min_length=1, max_length=4096, examples=["four unrelated long words"])]
RegistrationId = Annotated[UUID, PLAIN_ID]


class RegisterRequest(Shape):
    email: Email
    password: Password
    locale: Annotated[Locale | None, Field(description="Unset: the nearest to Accept-Language that there is.")] = None


class VerifyEmailRequest(Shape):
    registration_id: RegistrationId
    code: SixDigits


class ResendVerificationRequest(Shape):
    registration_id: RegistrationId


@router.post(
    "/register",
    status_code=202,
    dependencies=[spends("register")],
    responses=refusals(PasswordTooShort, PasswordTooLong, PasswordBlocklisted, Overloaded, RateLimited, body=True),
)
async def register(
    body: RegisterRequest,
    house: TheHouse,
    visitor: TheVisitor,
    accept_language: Annotated[str | None, Header(max_length=1000)] = None,
) -> VerificationSent:
    """Sign up with an e-mail address and a password.

    The answer is the same whether or not the address is known; a code is mailed to a new one. Nobody is signed in yet:
    confirm the address with `POST /verify-email`, then `POST /login`.
    """
    return await house.register(
        email=body.email,
        password=body.password.get_secret_value(),
        locale=body.locale,
        accept_language=accept_language,
        visitor=visitor,
    )


@router.post(
    "/verify-email",
    status_code=204,
    response_class=Response,
    dependencies=[spends("codes")],
    responses=refusals(InvalidVerificationCode, RateLimited, body=True),
)
async def verify_email(body: VerifyEmailRequest, house: TheHouse) -> None:
    """Confirm the address with the code that was mailed. The code is good for 24 hours and five tries.

    Only the password given in this registration is activated; every other pending one of the address is void.
    """
    await house.register.verify(body.registration_id, body.code)


@router.post(
    "/verify-email/resend",
    status_code=202,
    dependencies=[spends("codes")],
    responses=refusals(RateLimited, body=True),
)
async def resend_verification(
    body: ResendVerificationRequest, house: TheHouse, visitor: TheVisitor
) -> VerificationSent:
    """Mail a new code, which replaces the one before. Too many mails to one address are dropped without a word."""
    return await house.register.resend(body.registration_id, visitor)
