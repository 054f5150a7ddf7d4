"""All data that is stored about one user, as it is in the rows: for that user, and for nothing else.

Law: a column is read only if it is asked for by name, so that a new one is never exported by itself.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Table, select

from app.store.database import Tx
from app.store.tables import (
    budgets,
    challenges,
    cooldowns,
    cut_offs,
    devices,
    email_changes,
    email_undos,
    outbox,
    registrations,
    resets,
    sends,
    sessions,
    users,
)

Rows = list[dict[str, Any]]
_TABLES: dict[str, tuple[Table, Column[Any]]] = {
    "users": (users, users.c.created_at),
    "sessions": (sessions, sessions.c.created_at),
    "devices": (devices, devices.c.created_at),
    "sends": (sends, sends.c.created_at),
    "challenges": (challenges, challenges.c.created_at),
    "cooldowns": (cooldowns, cooldowns.c.kind),
    "budgets": (budgets, budgets.c.kind),
    "resets": (resets, resets.c.expires_at),
    "registrations": (registrations, registrations.c.created_at),
    "email_changes": (email_changes, email_changes.c.created_at),
    "email_undos": (email_undos, email_undos.c.created_at),
    "outbox": (outbox, outbox.c.created_at),
    "cut_offs": (cut_offs, cut_offs.c.at),
}
"""The tables by name, each with the column that it is sorted by."""


async def of_user(tx: Tx, name: str, user_id: UUID, *, fields: Iterable[str]) -> Rows:
    """The user's rows of a table, in its order above; of *fields* those that are columns."""
    table, order = _TABLES[name]
    given = [table.c[field] for field in fields if field in table.c]
    rows = await tx.execute(select(*given).where(_is_theirs(table, user_id)).order_by(order))
    return [dict(row._mapping) for row in rows]  # noqa: SLF001  its public name


def _is_theirs(table: Table, user_id: UUID) -> ColumnElement[bool]:
    """Match the user's rows; registrations and mails in the outbox have no user id, so match these by address."""
    if table is registrations:
        return table.c.email_folded == select(users.c.email_folded).where(users.c.id == user_id).scalar_subquery()
    if table is outbox:
        return table.c.recipient == select(users.c.email).where(users.c.id == user_id).scalar_subquery()
    return (table.c.id if table is users else table.c.user_id) == user_id
