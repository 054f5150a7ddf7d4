"""Attempts at a challenge: one statement takes an attempt and reads what judges it; another completes the challenge.

Attempts are never refilled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Text,
    and_,
    bindparam,
    delete,
    exists,
    func,
    literal,
    select,
    true,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from app.messages import Purpose
from app.store.admitting import STATE
from app.store.budgets import Locks, Spent, clearing, counting, shut
from app.store.challenges import Challenge
from app.store.database import Tx
from app.store.enrollments import Enrollment
from app.store.prepared import Prepared
from app.store.records import beside, columns, read, read_beside
from app.store.schema import Moment, among_given
from app.store.tables import budgets, challenges, cooldowns, enrollments, users


@dataclass(frozen=True, slots=True)
class Taken:
    """The challenge that an attempt was taken of, the enrollment that judges it, and the account's streaks of failures.

    *spent* is None when the factor was locked concurrently: the attempt is lost. *user_state*: the user's `STATE`.
    """

    challenge: Challenge
    enrollment: Enrollment
    spent: Spent | None
    user_state: str


_UNCHANGED = (
    users.c.id == challenges.c.user_id,
    users.c.active,
    users.c.credential_version == challenges.c.credential_version,
)
"""Judge no answer that can complete nothing: a sign-in from before a new password must not count against its owner."""
_OF = (challenges.c.id == bindparam("of_challenge"), challenges.c.closed_at.is_(None))
_SPEND = (
    update(challenges)
    .where(
        *_OF,
        challenges.c.purpose == bindparam("for_what"),
        challenges.c.user_id == bindparam("of_user"),
        challenges.c.attempts < bindparam("limit"),
        challenges.c.expires_at > bindparam("at", type_=Moment),
        *_UNCHANGED,
    )
    .values(attempts=challenges.c.attempts + 1)
    .returning(*columns(challenges, Challenge))
)


@cache
def _spending(locks: Locks, *, confirms: bool) -> Prepared:
    """Take an attempt that can be judged, and count a failure in advance.

    It checks first: a factor that is missing, or locked, costs no attempt. The challenge is locked before the budgets.
    """
    kind = literal("confirm ") + enrollments.c.kind if confirms else enrollments.c.kind
    locked = exists().where(budgets.c.user_id == enrollments.c.user_id, budgets.c.kind == kind, shut(locks.stop))
    judged = exists().where(_judges(challenges, confirms=confirms), ~locked)
    spent = _SPEND.where(judged).returning(STATE.label("user_state")).cte("spent")
    judged_by = _judges(spent, confirms=confirms)
    own, of_all = counting(select(spent.c.user_id, kind, literal(1)).where(judged_by), locks)
    challenge, factor = beside("challenge", spent, Challenge), beside("factor", enrollments, Enrollment)
    counted = spent.join(enrollments, judged_by).outerjoin(own, true()).outerjoin(of_all, true())
    failures = own.c.streak, of_all.c.streak.label("all_streak")
    return Prepared(select(*challenge, *factor, *failures, spent.c.user_state).select_from(counted))


def _judges(challenge: FromClause, *, confirms: bool) -> ColumnElement[bool]:
    """Match the enrollment that judges the answer: the confirmed one of kind `named` (or as asked), or the one to confirm."""
    theirs = enrollments.c.user_id == challenge.c.user_id
    usable = among_given(enrollments.c.kind, "usable")
    if confirms:
        begun = enrollments.c.created_at > bindparam("since", type_=Moment)
        return and_(theirs, usable, enrollments.c.id == challenge.c.id, enrollments.c.confirmed_at.is_(None), begun)
    wanted = enrollments.c.kind == func.coalesce(bindparam("named", type_=Text), challenge.c.factor)
    return and_(theirs, usable, wanted, enrollments.c.confirmed_at.is_not(None))


_COOLED = (
    delete(cooldowns)
    .where(cooldowns.c.user_id == bindparam("of_user"), cooldowns.c.kind == bindparam("of_lane"))
    .returning(cooldowns.c.kind)
    .cte("cooled")
)
_NOT_BEFORE = select(func.count()).select_from(_COOLED).scalar_subquery() >= 0


def closing(*after: ColumnElement[bool]) -> ReturningUpdate[Any]:
    """Close the challenge, if what was asked is still the newest; *after*: conditions that must be met first."""
    newest = update(challenges).where(*_OF, challenges.c.sends == bindparam("asked"), *after)
    return newest.values(closed_at=bindparam("at", type_=Moment), fingerprint=None).returning(challenges.c.id)


_CLOSED = closing(_NOT_BEFORE).cte("closed")
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
    usable: Sequence[str],
    since: datetime,
    locks: Locks,
    at: datetime,
) -> Taken | None:
    """As `spend`, by one statement that commits itself; also read the factor that judges, and count a failure.

    That is the confirmed factor *named*, or the one asked for; for a confirmation the one begun after *since*. Nothing is
    taken unless it is *usable* and not locked.
    """
    confirms = purpose == Purpose.CONFIRM
    wanted = {"usable": list(usable), "now": at} | ({"since": since} if confirms else {"named": named})
    row = await _spending(locks, confirms=confirms).row(tx, _given(challenge_id, purpose, user_id, limit, at) | wanted)
    if row is None:
        return None
    challenge, enrollment = read_beside("challenge", Challenge, row), read_beside("factor", Enrollment, row)
    spent = None if row.streak is None else Spent(row.streak, row.all_streak or 0)
    return Taken(challenge, enrollment, spent, row.user_state) if challenge and enrollment else None


def _given(challenge_id: UUID, purpose: Purpose, user_id: UUID, limit: int, at: datetime) -> dict[str, object]:
    return {"of_challenge": challenge_id, "for_what": purpose, "of_user": user_id, "limit": limit, "at": at}


async def complete(tx: Tx, challenge: Challenge, kind: str, *, budget: str, at: datetime) -> bool:
    """Close the challenge: the first right answer wins, and only while its code is the newest (law 2).

    Also end the cool-down of codes of *kind*, and the streak of failures of *budget*.
    """
    given = {"of_challenge": challenge.id, "asked": challenge.sends, "of_user": challenge.user_id}
    given |= {"of_lane": challenge.lane(kind), "of_kind": budget, "at": at}
    return await _COMPLETE.row(tx, given) is not None
