"""Codes mailed before a first factor is enrolled: stored with the sign-in that asked, valid in every sign-in of its user."""

from datetime import datetime

from sqlalchemy import select, update

from app.messages import Purpose
from app.store.challenges import Challenge
from app.store.database import Tx
from app.store.records import columns, read
from app.store.tables import challenges


async def newest(tx: Tx, sign_in: Challenge, *, at: datetime) -> Challenge | None:
    """Of this user's first enrolments, the one that the newest unexpired code was mailed for, used or not.

    An older code never becomes valid again: the one mailed last counts, whatever became of it.
    """
    statement = (
        select(*columns(challenges, Challenge))
        .where(
            challenges.c.user_id == sign_in.user_id,
            challenges.c.purpose == Purpose.ENROLL,
            challenges.c.credential_version == sign_in.credential_version,
            challenges.c.code_expires_at > at,
        )
        .order_by(challenges.c.code_expires_at.desc())
        .limit(1)
    )
    return read(Challenge, (await tx.execute(statement)).one_or_none())


async def use(tx: Tx, holder: Challenge) -> bool:
    """Consume the code, once (law 2). The sign-in that holds it stays open: the code was not answered there."""
    statement = update(challenges).where(challenges.c.id == holder.id, challenges.c.fingerprint == holder.fingerprint)
    return (await tx.execute(statement.values(fingerprint=None))).rowcount == 1
