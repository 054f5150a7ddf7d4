"""Routes: change the e-mail address, and undo such a change."""

from fastapi import APIRouter, Response

from app.addresses import Email
from app.api.guard import FullAccess
from app.api.house import TheHouse
from app.api.openapi import Tag, operation_id
from app.api.passwords import ResetToken
from app.api.problems import refusals
from app.api.rates import spends
from app.api.strict import StrictRoute
from app.api.visitor import TheVisitor
from app.factors.base import Shape, SixDigits
from app.flows.answers import EmailChangeBegun
from app.problems import (
    InvalidResetToken,
    InvalidToken,
    InvalidVerificationCode,
    RateLimited,
    StepUpRequired,
    StrongerFactorRequired,
)

router = APIRouter(route_class=StrictRoute, generate_unique_id_function=operation_id, tags=[Tag.ACCOUNT])


class ChangeEmailRequest(Shape):
    email: Email


class ConfirmEmailRequest(Shape):
    code: SixDigits


class UndoEmailRequest(Shape):
    token: ResetToken


@router.put(
    "/me/email",
    status_code=202,
    responses=refusals(InvalidToken, StepUpRequired, StrongerFactorRequired, RateLimited, body=True),
)
async def change_email(
    body: ChangeEmailRequest, who: FullAccess, house: TheHouse, visitor: TheVisitor
) -> EmailChangeBegun:
    """Begin to change the e-mail address, with a proof of the last five minutes by the strongest factor or a recovery code.

    A code is mailed to the new one.

    The answer is the same whether or not somebody has the address, whose mailbox then learns of it. Asked again for the
    same address, a new code is mailed; another address takes the place of the one before. Too many mails to one
    mailbox, or for one user, are dropped without a word.
    """
    return await house.change_email(who, body.email, visitor)


@router.post(
    "/me/email/confirm",
    status_code=204,
    response_class=Response,
    responses=refusals(InvalidToken, InvalidVerificationCode, RateLimited, body=True),
)
async def confirm_email(body: ConfirmEmailRequest, who: FullAccess, house: TheHouse) -> None:
    """Change the address, with the code that was mailed to it. The code is good for an hour and five tries.

    This session goes on; every other one, pending sign-ins, mailed links and remembered devices end. The old address
    gets a mail whose link undoes the change for 72 hours; nobody else gets that address meanwhile.
    """
    await house.change_email.confirm(who, body.code)


@router.post(
    "/email/undo",
    status_code=204,
    response_class=Response,
    dependencies=[spends("codes")],
    responses=refusals(InvalidResetToken, RateLimited, body=True),
)
async def undo_email(body: UndoEmailRequest, house: TheHouse) -> None:
    """Undo a change of the e-mail address, with the token from the fragment of the link that the old one was mailed.

    The old address is the account's again. All sessions end and the password expires: `POST /password/forgot` has a
    link mailed to that address. Nobody is signed in, and second factors stay as they are.
    """
    await house.undo_email(body.token.get_secret_value())
