"""What somebody may sign in with: a user and their confirmed factors, by one statement."""

from sqlalchemy import and_, bindparam, select

from app.store.database import Tx
from app.store.enrollments import Enrollment
from app.store.prepared import Prepared
from app.store.records import beside, read_beside
from app.store.tables import enrollments, users
from app.store.users import User

_CONFIRMED = and_(enrollments.c.user_id == users.c.id, enrollments.c.confirmed_at.is_not(None))
_FIND = Prepared(
    select(*beside("user", users, User), *beside("factor", enrollments, Enrollment))
    .select_from(users.outerjoin(enrollments, _CONFIRMED))
    .where(users.c.email_folded == bindparam("address"))
    .order_by(enrollments.c.created_at)
)


async def of_address(tx: Tx, email_folded: str) -> tuple[User | None, list[Enrollment]]:
    """The user, and what they have enrolled, oldest first."""
    rows = await _FIND.rows(tx, {"address": email_folded})
    enrolled = [read_beside("factor", Enrollment, row) for row in rows]
    return next((read_beside("user", User, row) for row in rows), None), [one for one in enrolled if one]
