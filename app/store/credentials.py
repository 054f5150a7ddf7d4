"""What somebody may sign in with: a user and their confirmed factors, by one statement."""

from dataclasses import dataclass, field

from sqlalchemy import and_, bindparam, select

from app.store.admitting import STATE
from app.store.database import Tx
from app.store.enrollments import Enrollment
from app.store.prepared import Prepared
from app.store.records import beside, read_beside
from app.store.tables import enrollments, users
from app.store.users import User

_CONFIRMED = and_(enrollments.c.user_id == users.c.id, enrollments.c.confirmed_at.is_not(None))
_FIND = Prepared(
    select(*beside("user", users, User), STATE.label("state"), *beside("factor", enrollments, Enrollment))
    .select_from(users.outerjoin(enrollments, _CONFIRMED))
    .where(users.c.email_folded == bindparam("address"))
    .order_by(enrollments.c.created_at)
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user, if there is one, their confirmed factors, oldest first, and the state of their row (`STATE`)."""

    user: User | None = None
    enrolled: list[Enrollment] = field(default_factory=list)
    state: str = ""


async def of_address(tx: Tx, email_folded: str) -> Credentials:
    rows = await _FIND.rows(tx, {"address": email_folded})
    if not rows:
        return Credentials()
    enrolled = [read_beside("factor", Enrollment, row) for row in rows]
    return Credentials(read_beside("user", User, rows[0]), [one for one in enrolled if one], rows[0].state)
