"""One stored hash of each password scheme and cost in use, read in batches of users, so that no statement is long."""

from uuid import UUID

from sqlalchemy import ColumnElement, func, select

from app.store.database import Tx
from app.store.tables import users

MOST = 32
"""How many schemes and costs are told apart."""
_SALT_AND_TAG = (
    (r"\$[A-Za-z0-9./]{53}$", ""),  # bcrypt
    (r"^(scrypt\$\d+)\$[^$]*\$(\d+)\$(\d+)\$[^$]*$", r"\1$\2$\3"),  # Django's scrypt
    (r"^(\$[PH]\$.).*$", r"\1"),  # phpass
    (r"\$[^$=,]*\$[A-Za-z0-9./+]{20,}={0,2}$", ""),
)
"""Patterns and their replacements, applied in order, that strip salt and tag from a hash: scheme and cost are left."""


async def page_end(tx: Tx, *, after: UUID, most: int) -> UUID | None:
    """The last of the next *most* users, in the order of their ids; None when there are fewer."""
    statement = select(users.c.id).where(users.c.id > after).order_by(users.c.id).offset(most - 1).limit(1)
    end: UUID | None = (await tx.execute(statement)).scalar_one_or_none()
    return end


async def of_page(tx: Tx, *, after: UUID, end: UUID | None, but: str) -> dict[str, str]:
    """For the users after *after* up to *end*, one stored hash per scheme and cost; none that begins with *but*."""
    kind: ColumnElement[str] = users.c.password_hash
    for pattern, left in _SALT_AND_TAG:
        kind = func.regexp_replace(kind, pattern, left)
    there = [users.c.id > after, *([users.c.id <= end] if end else [])]
    statement = select(kind.label("kind"), func.min(users.c.password_hash)).where(
        *there, ~func.starts_with(users.c.password_hash, but), users.c.password_hash != ""
    )
    return {row[0]: row[1] for row in await tx.execute(statement.group_by("kind").limit(MOST))}
