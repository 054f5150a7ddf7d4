"""Users, a page at a time, in the order in which their rows were made."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select

from app.store.budgets import ALL
from app.store.database import Tx
from app.store.enrollments import Enrollment
from app.store.records import columns, read_all
from app.store.tables import budgets, cooldowns, enrollments, users
from app.store.users import User


@dataclass(frozen=True, slots=True)
class Lock:
    """Failures in a row of one factor, or of all together (`*`), and until when it is locked for them."""

    kind: str
    streak: int
    locked_until: datetime | None


async def page(
    tx: Tx, *, after: UUID | None, most: int, query: str | None = None, active: bool | None = None
) -> list[User]:
    """Up to *most* users whose address contains *query*, after the one with the id *after*."""
    where: list[ColumnElement[bool]] = []
    if after:
        where.append(users.c.id > after)
    if query:
        where.append(users.c.email_folded.contains(query.lower(), autoescape=True))
    if active is not None:
        where.append(users.c.active.is_(active))
    rows = await tx.execute(select(*columns(users, User)).where(*where).order_by(users.c.id).limit(most))
    return read_all(User, rows)


async def factors_of(tx: Tx, user_ids: Collection[UUID]) -> list[Enrollment]:
    """Their confirmed factors."""
    statement = select(*columns(enrollments, Enrollment)).where(
        enrollments.c.user_id.in_(user_ids), enrollments.c.confirmed_at.is_not(None)
    )
    return read_all(Enrollment, await tx.execute(statement))


async def locks_of(tx: Tx, user_id: UUID) -> list[Lock]:
    """The user's streaks of failures since the last right answer."""
    statement = select(*columns(budgets, Lock)).where(budgets.c.user_id == user_id, budgets.c.streak > 0)
    return read_all(Lock, await tx.execute(statement.order_by(budgets.c.kind)))


async def unlock(tx: Tx, user_id: UUID) -> None:
    """Delete the user's streaks of failures and the cool-downs of their codes."""
    await tx.execute(delete(cooldowns).where(cooldowns.c.user_id == user_id))
    theirs = select(budgets.c.kind).where(budgets.c.user_id == user_id).order_by(budgets.c.kind == ALL)
    taken = theirs.with_for_update().cte("taken")
    await tx.execute(delete(budgets).where(budgets.c.user_id == user_id, budgets.c.kind == taken.c.kind))


async def remove_factors(tx: Tx, user_id: UUID) -> list[str]:
    """Delete the user's factors, confirmed or not; return the kinds of the confirmed ones."""
    statement = delete(enrollments).where(enrollments.c.user_id == user_id)
    removed = await tx.execute(statement.returning(enrollments.c.kind, enrollments.c.confirmed_at))
    return sorted(row.kind for row in removed if row.confirmed_at)
