"""Attempts at a challenge: one is taken with what its answer is judged by, and what a right one ends, by one statement each.

Attempts are never refilled.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, bindparam, delete, exists, func, select, update

from app.messages import Purpose
from app.store.budgets import clearing
from app.store.challenges import Challenge
from app.store.database import Tx
from app.store.enrollments import Enrollment
from app.store.prepared import Prepared
from app.store.records import beside, columns, read, read_beside
from app.store.schema import Moment
from app.store.tables import challenges, cooldowns, enrollments

_OF = (challenges.c.id == bindparam("of_challenge"), challenges.c.closed_at.is_(None))
_SPEND = (
    update(challenges)
    .where(
        *_OF,
        challenges.c.purpose == bindparam("for_what"),
        challenges.c.user_id == bindparam("of_user"),
        challenges.c.attempts < bindparam("limit"),
        challenges.c.expires_at > bindparam("at", type_=Moment),
    )
    .values(attempts=challenges.c.attempts + 1)
    .returning(*columns(challenges, Challenge))
)
_SPENT = _SPEND.cte("spent")


def _judged_by(*conditions: ColumnElement[bool]) -> Select[Any]:
    theirs = and_(enrollments.c.user_id == _SPENT.c.user_id, *conditions)
    challenge, factor = beside("challenge", _SPENT, Challenge), beside("factor", enrollments, Enrollment)
    return select(*challenge, *factor).select_from(_SPENT.outerjoin(enrollments, theirs))


_SPEND_ON_CONFIRMED = Prepared(
    _judged_by(
        enrollments.c.kind == func.coalesce(bindparam("named"), _SPENT.c.factor),
        enrollments.c.confirmed_at.is_not(None),
    )
)
_SPEND_ON_PENDING = Prepared(
    _judged_by(
        enrollments.c.id == _SPENT.c.id,
        enrollments.c.confirmed_at.is_(None),
        enrollments.c.created_at > bindparam("since", type_=Moment),
    )
)

_COOLED = (
    delete(cooldowns)
    .where(cooldowns.c.user_id == bindparam("of_user"), cooldowns.c.kind == bindparam("of_lane"))
    .returning(cooldowns.c.kind)
    .cte("cooled")
)
_CLOSED = (
    update(challenges)
    .where(
        *_OF,
        challenges.c.sends == bindparam("asked"),
        select(func.count()).select_from(_COOLED).scalar_subquery() >= 0,  # not before them
    )
    .values(closed_at=bindparam("at", type_=Moment), fingerprint=None)
    .returning(challenges.c.id)
    .cte("closed")
)
_COMPLETE = Prepared(select(_CLOSED.c.id).add_cte(clearing(exists(select(_CLOSED.c.id))).cte("cleared")))


async def spend(
    tx: Tx, challenge_id: UUID, *, purpose: Purpose, user_id: UUID, limit: int, at: datetime
) -> Challenge | None:
    """Take one attempt; None when there is none to take. Commit before the answer is judged (law 1)."""
    given = _given(challenge_id, purpose, user_id, limit, at)
    return read(Challenge, (await tx.execute(_SPEND, given)).one_or_none())


async def spend_on(
    tx: Tx,
    challenge_id: UUID,
    *,
    purpose: Purpose,
    user_id: UUID,
    limit: int,
    named: str | None,
    since: datetime,
    at: datetime,
) -> tuple[Challenge, Enrollment | None] | None:
    """As `spend`, with the confirmed factor *named*, or that which was asked; for a confirmation the one begun after *since*."""
    statement = _SPEND_ON_PENDING if purpose == Purpose.CONFIRM else _SPEND_ON_CONFIRMED
    given = _given(challenge_id, purpose, user_id, limit, at) | {"named": named, "since": since}
    row = await statement.row(tx, given)
    challenge = row and read_beside("challenge", Challenge, row)
    return (challenge, read_beside("factor", Enrollment, row)) if row and challenge else None


def _given(challenge_id: UUID, purpose: Purpose, user_id: UUID, limit: int, at: datetime) -> dict[str, object]:
    return {"of_challenge": challenge_id, "for_what": purpose, "of_user": user_id, "limit": limit, "at": at}


async def complete(tx: Tx, challenge: Challenge, kind: str, *, budget: str, at: datetime) -> bool:
    """Consume the challenge: the first right answer wins, and only while its code is the newest (law 2).

    With it end the cool-down of codes of *kind*, and the row of failures of *budget*.
    """
    given = {"of_challenge": challenge.id, "asked": challenge.sends, "of_user": challenge.user_id}
    given |= {"of_lane": challenge.lane(kind), "of_kind": budget, "at": at}
    return await _COMPLETE.row(tx, given) is not None
