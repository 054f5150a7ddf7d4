"""What a right answer consumes, in the statement that opens the session: all of it, or no session is opened."""

from dataclasses import dataclass

from sqlalchemy import CTE, ColumnElement, Uuid, bindparam, exists, select

from app.store.admitting import FREE, held
from app.store.attempts import closing
from app.store.budgets import clearing
from app.store.challenges import Challenge
from app.store.enrollments import AS_READ, Enrollment, saving
from app.store.enrollments import given as saved
from app.store.tables import budgets, challenges, enrollments


@dataclass(frozen=True, slots=True)
class Answered:
    """A challenge that was answered right by *enrollment*, whose next state is *state*, sealed."""

    challenge: Challenge
    enrollment: Enrollment
    state: bytes


_WHOSE = bindparam("of_user", type_=Uuid)
_CHALLENGE = held(
    select(challenges.c.id).where(
        challenges.c.id == bindparam("of_challenge"),
        challenges.c.user_id == _WHOSE,
        challenges.c.closed_at.is_(None),
        challenges.c.sends == bindparam("asked"),
    ),
    "challenge",
    FREE,
)
_FACTOR = held(
    select(enrollments.c.id).where(*AS_READ, enrollments.c.user_id == _WHOSE), "factor", exists(select(_CHALLENGE.c.id))
)
HELD = exists(select(_FACTOR.c.id))
"""The user is `FREE`, the challenge still asks the same, the factor is as it was when judged (law 2); all are locked."""


def consumed(*after: ColumnElement[bool]) -> tuple[CTE, ...]:
    """Close the challenge, end the streak of failures, save the factor's state: all are `HELD`, so each succeeds."""
    return (
        closing(*after).cte("closed"),
        clearing(*after).returning(budgets.c.kind).cte("cleared"),
        saving(*after).returning(enrollments.c.id).cte("saved"),
    )


def given(answered: Answered) -> dict[str, object]:
    """The parameters of `HELD` and `consumed`, except the user's."""
    challenge, enrollment = answered.challenge, answered.enrollment
    asked = {"of_challenge": challenge.id, "asked": challenge.sends, "of_kind": enrollment.kind}
    return asked | saved(enrollment, answered.state)
