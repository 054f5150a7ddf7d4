"""Admit a user in the statement that opens their session: if their row is unchanged since it was read, and not locked.

That statement waits for no row lock. Whoever has locked the user may be ending sessions, which it would still see open;
whoever has locked what it consumes may be about to consume that.
"""

from sqlalchemy import CTE, ColumnElement, Select, Text, bindparam, cast, exists, literal_column, select

from app.store.tables import users
from app.store.users import ADMITTING

STATE = cast(literal_column("users.xmin"), Text)
"""The transaction that wrote the row: any change of the row changes it (PostgreSQL §5.6, system columns)."""


def held(rows: Select[*tuple[object, ...]], name: str, *after: ColumnElement[bool]) -> CTE:
    """Lock *rows* that meet the conditions, skipping those that another transaction has locked."""
    return rows.where(*after).with_for_update(key_share=True, skip_locked=True).cte(name)


_FREE = held(
    select(users.c.id).where(users.c.id == bindparam("of_user"), bindparam("of_state", type_=Text) == STATE), "free"
)
FREE = exists(select(_FREE.c.id))
"""The user's row is unchanged since `of_state` was read, and locked by this statement from now on."""


def admitted(*after: ColumnElement[bool]) -> CTE:
    """As `users.admit`, for a `FREE` user. *after*: what else must be locked first, because it is to be consumed."""
    return (
        ADMITTING.where(users.c.id == select(_FREE.c.id).scalar_subquery(), *after)
        .returning(users.c.id)
        .cte("admitted")
    )
