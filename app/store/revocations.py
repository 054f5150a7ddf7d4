"""What the revocation feed reads: sessions that ended and users who were cut off, by the database's own time.

An ended session keeps its row. A deleted user has none left: a cut-off says that no token from before it is valid.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Interval, Select, bindparam, false, func, select, true, union_all
from sqlalchemy.dialects.postgresql import insert

from app.store.database import Tx
from app.store.prepared import Prepared
from app.store.tables import cut_offs, sessions

_AT_ONCE = timedelta(0)


@dataclass(frozen=True, slots=True)
class End:
    """The end of one session or, `of_user`, of everything a user held. `age` is how long ago; negative if ahead."""

    id: UUID
    at: datetime
    of_user: bool
    age: timedelta


async def cut(tx: Tx, user_id: UUID, *, ahead: timedelta = _AT_ONCE) -> None:
    """Revoke the user's tokens minted before now, or before some time *ahead* for a user who never comes back."""
    statement = insert(cut_offs).values(user_id=user_id, at=func.clock_timestamp() + ahead)
    later = {"at": func.greatest(cut_offs.c.at, statement.excluded.at)}
    await tx.execute(statement.on_conflict_do_update(index_elements=[cut_offs.c.user_id], set_=later))


def _ended_since() -> Select[Any]:
    """`statement_timestamp()`, because no index is used for a bound that may change from row to row."""
    since = func.statement_timestamp() - bindparam("window", type_=Interval)
    found = union_all(
        select(sessions.c.id, sessions.c.ended_at.label("at"), false().label("of_user")).where(
            sessions.c.ended_at > since
        ),
        select(cut_offs.c.user_id, cut_offs.c.at, true()).where(cut_offs.c.at > since),
    ).subquery()
    return select(found, (func.clock_timestamp() - found.c.at).label("age"))


_ENDED_SINCE = Prepared(_ended_since())


async def ended_since(tx: Tx, window: timedelta) -> list[End]:
    """What ended within the last *window*, by the database's time."""
    return [End(*row) for row in await _ENDED_SINCE.rows(tx, {"window": window})]
