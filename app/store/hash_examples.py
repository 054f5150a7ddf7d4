"""Which schemes and costs stored passwords are under: one hash of each, read some users at a time, so that no statement is long."""

from uuid import UUID

from sqlalchemy import ColumnElement, func, select

from app.store.database import Tx
from app.store.tables import users

MOST = 32
"""Schemes and costs that are told apart."""
_SALT_AND_TAG = (
    (r"\$[A-Za-z0-9./]{53}$", ""),  # bcrypt
    (r"^(scrypt\$\d+)\$[^$]*\$(\d+)\$(\d+)\$[^$]*$", r"\1$\2$\3"),  # Django's scrypt
    (r"^(\$[PH]\$.).*$", r"\1"),  # phpass
    (r"\$[^$=,]*\$[A-Za-z0-9./+]{20,}={0,2}$", ""),
)
"""Patterns, the one that fits a hash first, and what of it is left: without its salt and its tag, scheme and cost."""


async def page_end(tx: Tx, *, after: UUID, most: int) -> UUID | None:
    """The last of the next *most* users by their ids; None when there are no more than those."""
    statement = select(users.c.id).where(users.c.id > after).order_by(users.c.id).offset(most - 1).limit(1)
    end: UUID | None = (await tx.execute(statement)).scalar_one_or_none()
    return end


async def of_page(tx: Tx, *, after: UUID, end: UUID | None, but: str) -> dict[str, str]:
    """Of the users after one id up to another, a stored hash of each scheme and cost, by these; none that begins with *but*."""
    kind: ColumnElement[str] = users.c.password_hash
    for pattern, left in _SALT_AND_TAG:
        kind = func.regexp_replace(kind, pattern, left)
    there = [users.c.id > after, *([users.c.id <= end] if end else [])]
    statement = select(kind.label("kind"), func.min(users.c.password_hash)).where(
        *there, ~func.starts_with(users.c.password_hash, but), users.c.password_hash != ""
    )
    return {row[0]: row[1] for row in await tx.execute(statement.group_by("kind").limit(MOST))}
