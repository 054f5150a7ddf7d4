"""Changes to all users, in batches: no transaction is long, and each waits for users who are signing in."""

from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from app.store.database import Tx
from app.store.tables import cut_offs, sessions, users

NOBODY = UUID(int=0)


async def lock_some(tx: Tx, *, after: UUID, most: int) -> list[UUID]:
    """Lock the next users, in the order of their ids, to the end of the transaction."""
    statement = select(users.c.id).where(users.c.id > after).order_by(users.c.id).limit(most)
    return list((await tx.execute(statement.with_for_update())).scalars())


async def end_all(tx: Tx, user_ids: list[UUID], *, reason: str) -> int:
    """Revoke all that the users hold, known to this database or not; return how many sessions ended."""
    whose = users.c.id.in_(user_ids)
    await tx.execute(update(users).where(whose).values(credential_version=users.c.credential_version + 1))
    live = update(sessions).where(sessions.c.user_id.in_(user_ids), sessions.c.ended_at.is_(None))
    ended = await tx.execute(live.values(ended_at=func.clock_timestamp(), end_reason=reason))
    cut = insert(cut_offs).from_select(["user_id", "at"], select(users.c.id, func.clock_timestamp()).where(whose))
    later = {"at": func.greatest(cut_offs.c.at, cut.excluded.at)}
    await tx.execute(cut.on_conflict_do_update(index_elements=[cut_offs.c.user_id], set_=later))
    return int(ended.rowcount)
