"""What somebody may sign in with: a user and their confirmed factors, by one statement."""

from typing import Any

from sqlalchemy import Column, Label, Row, and_, bindparam, select

from app.store.database import Tx
from app.store.enrollments import Enrollment
from app.store.records import columns
from app.store.tables import enrollments, users
from app.store.users import User


def _named(prefix: str, of: list[Column[Any]]) -> dict[str, Label[Any]]:
    return {column.name: column.label(f"{prefix}_{column.name}") for column in of}


_USER, _FACTOR = _named("user", columns(users, User)), _named("factor", columns(enrollments, Enrollment))
_FIND = (
    select(*_USER.values(), *_FACTOR.values())
    .select_from(
        users.outerjoin(enrollments, and_(enrollments.c.user_id == users.c.id, enrollments.c.confirmed_at.is_not(None)))
    )
    .where(users.c.email_folded == bindparam("address"))
    .order_by(enrollments.c.created_at)
)


async def of_address(tx: Tx, email_folded: str) -> tuple[User | None, list[Enrollment]]:
    """The user, and what they have enrolled, oldest first."""
    rows = (await tx.execute(_FIND, {"address": email_folded})).all()
    if not rows:
        return None, []
    enrolled = [Enrollment(**_read(row, _FACTOR)) for row in rows if row.factor_id]
    return User(**_read(rows[0], _USER)), enrolled


def _read(row: Row[Any], of: dict[str, Label[Any]]) -> dict[str, Any]:
    return {name: getattr(row, label.name) for name, label in of.items()}
