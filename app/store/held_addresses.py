"""Addresses that somebody left and may still get back (`email_undos`): they are nobody else's meanwhile."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Text, exists, func, select, true

from app.store.database import Tx
from app.store.tables import email_undos, users


@dataclass(frozen=True, slots=True)
class Reached:
    """Where a user's mails go, in which language, and the addresses that they left and may get back."""

    email: str
    locale: str
    held: tuple[str, ...]


async def of_user(tx: Tx, user_id: UUID, *, at: datetime) -> Reached | None:
    """By one statement, whether or not an address was left."""
    left = select(email_undos.c.email).where(email_undos.c.user_id == users.c.id, email_undos.c.expires_at > at)
    held_ = func.array(left.order_by(email_undos.c.credential_version).scalar_subquery(), type_=ARRAY(Text))
    statement = select(users.c.email, users.c.locale, held_.label("held")).where(users.c.id == user_id)
    row = (await tx.execute(statement)).one_or_none()
    return Reached(row.email, row.locale, tuple(row.held)) if row else None


async def is_held(tx: Tx, email_folded: str, *, at: datetime) -> bool:
    """To be sure of it, ask once the address is taken in this transaction: whoever left it has committed by then."""
    found: bool = (await tx.execute(select(held(email_folded, at=at)))).scalar_one()
    return found


def held(email_folded: str | ColumnElement[str], *, at: datetime) -> ColumnElement[bool]:
    return exists(select(true()).where(email_undos.c.email_folded == email_folded, email_undos.c.expires_at > at))
