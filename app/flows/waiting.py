"""A sign-in that waits for a first factor: its token is good while it waits, and while nothing it rests on has changed."""

from app.crypto.claims import EnrollmentClaims
from app.messages import Purpose
from app.problems import InvalidToken
from app.store import challenges, enrollments
from app.store.database import Tx
from app.store.users import User


async def require_waiting(tx: Tx, who: EnrollmentClaims, user: User | None) -> None:
    """Raises InvalidToken once the sign-in was completed, or the user disabled, changed, or enrolled another way."""
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
