"""Letting a user in within the statement that opens their session: if they are as they were read, and nobody holds them.

That statement waits for nobody. Whoever holds the user may be ending sessions, which it would still see open; whoever holds
what it consumes may be about to consume that.
"""

from sqlalchemy import CTE, ColumnElement, Select, Text, bindparam, cast, exists, literal_column, select

from app.store.tables import users
from app.store.users import ADMITTING

STATE = cast(literal_column("users.xmin"), Text)
"""Whatever changes the row changes this: the transaction that wrote it (PostgreSQL §5.6, system columns)."""


def held(rows: Select[*tuple[object, ...]], name: str, *after: ColumnElement[bool]) -> CTE:
    """Of *rows* those that nobody holds; held by this statement from now on, after what has to be true."""
    return rows.where(*after).with_for_update(key_share=True, skip_locked=True).cte(name)


_FREE = held(
    select(users.c.id).where(users.c.id == bindparam("of_user"), bindparam("of_state", type_=Text) == STATE), "free"
)
FREE = exists(select(_FREE.c.id))
"""They are as they were when `of_state` was read, and held by this statement from now on."""


def admitted(*after: ColumnElement[bool]) -> CTE:
    """As `users.admit`. *after*: what else has to be held, or is not there to be consumed."""
    return (
        ADMITTING.where(users.c.id == select(_FREE.c.id).scalar_subquery(), *after)
        .returning(users.c.id)
        .cte("admitted")
    )
