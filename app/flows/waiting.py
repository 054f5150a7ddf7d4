"""A sign-in that waits for a first factor: its token is good while it waits, and while nothing it rests on has changed."""

from app.crypto.claims import EnrollmentClaims
from app.messages import Purpose
from app.problems import InvalidToken
from app.store import challenges, enrollments
from app.store.challenges import Challenge
from app.store.database import Tx
from app.store.users import User

MAILED = "email_code"
"""What a sign-in waits for, in the place of a factor, until the code that was mailed is given."""


async def require_waiting(tx: Tx, who: EnrollmentClaims, user: User | None, *, proved: bool = True) -> Challenge:
    """The sign-in. Raises InvalidToken once it was completed, or the user disabled, changed, or enrolled another way.

    *proved*: also while it waits for a mailed code.
    """
    sign_in = await challenges.find(tx, who.jti, purpose=Purpose.ENROLL, user_id=who.sub)
    if (
        user is None
        or not user.active
        or sign_in is None
        or sign_in.closed_at
        or sign_in.credential_version != user.credential_version
        or await enrollments.has_any(tx, user.id)
    ):
        raise InvalidToken("This sign-in is over.")
    if proved and sign_in.factor == MAILED:
        raise InvalidToken("This sign-in waits for the code that was mailed.")
    return sign_in
