"""What users may see of themselves, read by one statement."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, exists, select

from app.store.database import Tx
from app.store.prepared import Prepared
from app.store.records import read
from app.store.schema import Moment
from app.store.tables import email_changes, enrollments, users


@dataclass(frozen=True, slots=True)
class Seen:
    """A user's own profile; `pending_email` waits for its code."""

    id: UUID
    email: str
    pending_email: str | None
    display_name: str | None
    locale: str
    mfa_enabled: bool
    created_at: datetime
    last_login_at: datetime | None


_PENDING = select(email_changes.c.email).where(
    email_changes.c.user_id == users.c.id,
    email_changes.c.credential_version == users.c.credential_version,
    email_changes.c.expires_at > bindparam("at", type_=Moment),
)
_HAS_FACTOR = exists().where(enrollments.c.user_id == users.c.id, enrollments.c.confirmed_at.is_not(None))
_FIND = Prepared(
    select(
        users.c.id,
        users.c.email,
        _PENDING.scalar_subquery().label("pending_email"),
        users.c.display_name,
        users.c.locale,
        _HAS_FACTOR.label("mfa_enabled"),
        users.c.created_at,
        users.c.last_login_at,
    ).where(users.c.id == bindparam("of_user"))
)


async def of_user(tx: Tx, user_id: UUID, *, at: datetime) -> Seen | None:
    return read(Seen, await _FIND.row(tx, {"of_user": user_id, "at": at}))
