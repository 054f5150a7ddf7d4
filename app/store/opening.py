"""Opening a session: the surplus ends, a new device is added, and the session is remembered, by one statement."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CTE, Integer, Select, Uuid, bindparam, func, insert, select, update

from app.store.database import Tx
from app.store.devices import ADDED, FORGOTTEN
from app.store.prepared import Prepared
from app.store.records import bound, given, values
from app.store.sessions import COLUMNS, OPEN_NOW, Session
from app.store.tables import sessions, users


def _opening(*devices_first: CTE) -> Select[Any]:
    """Ends the surplus and opens another one; *devices_first*: what is done to devices before, in the order of locks."""
    theirs = sessions.c.user_id == bindparam("new_user_id", type_=Uuid)
    before = [select(func.count()).select_from(one).scalar_subquery() >= 0 for one in devices_first]
    surplus = select(sessions.c.id).where(theirs, *OPEN_NOW, *before).order_by(sessions.c.created_at.desc())
    surplus = surplus.offset(bindparam("other_sessions", type_=Integer))
    ending = update(sessions).where(sessions.c.id.in_(surplus)).returning(sessions.c.id)
    ended = ending.values(ended_at=func.clock_timestamp(), end_reason="too_many").cte("ended")
    names = [*(column.name for column in COLUMNS), "created_at", "seen_at"]
    opened = insert(sessions).values(bound("new", sessions, names)).cte("opened")
    pushed_out = func.array(select(ended.c.id).scalar_subquery(), type_=ARRAY(Uuid))
    told = select(pushed_out.label("ended"), users.c.claims).where(users.c.id == bindparam("new_user_id", type_=Uuid))
    return told.add_cte(opened)


_OPEN, _OPEN_ON_NEW = Prepared(_opening()), Prepared(_opening(FORGOTTEN, ADDED))


async def open_(
    tx: Tx, session: Session, *, most: int, idle: timedelta, on: dict[str, object] | None = None
) -> tuple[list[UUID], dict[str, Any]]:
    """Remember a session of a user whom `users.admit` let through in the same transaction; *on* a new device (`devices.adding`).

    Beyond *most* the oldest ends: the sessions that ended so, and what the user's tokens say.
    """
    at = session.rotated_at
    row = given("new", {**values(session), "created_at": at, "seen_at": at})
    row |= {"at": at, "idle_since": at - idle, "other_sessions": most - 1, **(on or {})}
    opened = await (_OPEN_ON_NEW if on else _OPEN).one(tx, row)
    return opened.ended, opened.claims
