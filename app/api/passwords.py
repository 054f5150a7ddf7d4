"""Routes: reset a forgotten password, and change the password."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field, SecretStr

from app.addresses import Email
from app.api.guard import FullAccess
from app.api.house import TheHouse
from app.api.openapi import Tag, operation_id
from app.api.problems import refusals
from app.api.rates import spends
from app.api.schemas import prefilled
from app.api.signing_up import Password
from app.api.strict import StrictRoute
from app.api.visitor import TheVisitor
from app.factors.base import Shape
from app.flows.answers import ResetSent
from app.problems import (
    InvalidResetToken,
    InvalidToken,
    Overloaded,
    PasswordBlocklisted,
    PasswordTooLong,
    PasswordTooShort,
    PasswordUnchanged,
    RateLimited,
    StepUpRequired,
    WrongCurrentPassword,
)

router = APIRouter(route_class=StrictRoute, generate_unique_id_function=operation_id)

_CHOOSING = (PasswordTooShort, PasswordTooLong, PasswordBlocklisted, PasswordUnchanged, Overloaded)

ResetToken = Annotated[
    SecretStr,
    Field(min_length=1, max_length=256, examples=["mZ4x0n6Yw1rQbJ8uTqk3vX5c7LdPfHs9AeGi2oKjNtU"]),
]


class ForgotPasswordRequest(Shape):
    email: Email


class ResetPasswordRequest(Shape):
    token: ResetToken
    password: Password


class ChangePasswordRequest(Shape):
    current_password: Password
    new_password: Password


@router.post(
    "/password/forgot",
    status_code=202,
    tags=[Tag.SIGNING_IN],
    dependencies=[spends("forgot")],
    responses=refusals(RateLimited, body=True),
)
async def forgot_password(body: ForgotPasswordRequest, house: TheHouse, visitor: TheVisitor) -> ResetSent:
    """Mail a link that resets the password, good once and for an hour.

    The answer is always the same. An unknown address gets no mail, and too many mails to one address are dropped
    without a word. A link that was mailed before stays good until one of them is used.
    """
    return await house.reset.ask(body.email, visitor)


@router.post(
    "/password/reset",
    status_code=204,
    response_class=Response,
    tags=[Tag.SIGNING_IN],
    dependencies=[spends("codes")],
    responses=refusals(InvalidResetToken, RateLimited, *_CHOOSING, body=True),
)
async def reset_password(body: ResetPasswordRequest, house: TheHouse) -> None:
    """Choose a new password, with the token from the mailed link's fragment.

    All sessions, pending sign-ins and other links end. Nobody is signed in, and second factors stay as they are. A
    password that is refused (422) does not use the token up.
    """
    await house.reset(token=body.token.get_secret_value(), password=body.password.get_secret_value())


@router.put(
    "/me/password",
    status_code=204,
    response_class=Response,
    tags=[Tag.ACCOUNT],
    responses=refusals(InvalidToken, StepUpRequired, WrongCurrentPassword, RateLimited, *_CHOOSING, body=True),
    openapi_extra=prefilled(
        {"current_password": "four unrelated long words", "new_password": "four others that are not those"}
    ),
)
async def change_password(body: ChangePasswordRequest, who: FullAccess, house: TheHouse, visitor: TheVisitor) -> None:
    """Change the password, with the current one and a proof of the last five minutes.

    This session goes on; every other one, pending sign-ins, mailed links and remembered devices end. The owner is told
    by mail.
    """
    current, new = body.current_password.get_secret_value(), body.new_password.get_secret_value()
    await house.change_password(who, current=current, new=new, visitor=visitor)
