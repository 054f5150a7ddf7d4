"""Former addresses that their user may still restore (`email_undos`): nobody else gets them meanwhile."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Text, exists, func, select, true

from app.store.database import Tx
from app.store.tables import email_undos, users


@dataclass(frozen=True, slots=True)
class Reached:
    """A user's address and locale, and the former addresses that they may still restore."""

    email: str
    locale: str
    held: tuple[str, ...]


async def of_user(tx: Tx, user_id: UUID, *, at: datetime) -> Reached | None:
    """Read them by one statement, whether or not there are former addresses."""
    left = select(email_undos.c.email).where(email_undos.c.user_id == users.c.id, email_undos.c.expires_at > at)
    held_ = func.array(left.order_by(email_undos.c.credential_version).scalar_subquery(), type_=ARRAY(Text))
    statement = select(users.c.email, users.c.locale, held_.label("held")).where(users.c.id == user_id)
    row = (await tx.execute(statement)).one_or_none()
    return Reached(row.email, row.locale, tuple(row.held)) if row else None


async def is_held(tx: Tx, email_folded: str, *, at: datetime) -> bool:
    """Whether it is held; certain only once this transaction took the address: who left it has committed by then."""
    found: bool = (await tx.execute(select(held(email_folded, at=at)))).scalar_one()
    return found


def held(email_folded: str | ColumnElement[str], *, at: datetime) -> ColumnElement[bool]:
    return exists(select(true()).where(email_undos.c.email_folded == email_folded, email_undos.c.expires_at > at))
