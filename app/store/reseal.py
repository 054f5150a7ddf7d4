"""Seal stored secrets again under the newest key, found by the key they are under; count what still needs older ones.

A row is written only if it is unchanged since it was read, and a locked one is left for later: nobody waits for this and
nothing is overwritten. `version` stays as it is: the state means the same, and an answer being judged must not lose to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    Uuid,
    func,
    or_,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.exc import IntegrityError

from app.store.database import Tx
from app.store.enrollments import Enrollment
from app.store.records import columns
from app.store.schema import arrays
from app.store.tables import challenges, email_changes, enrollments, registrations, sessions, signing_keys

_RENEW = text(
    """
    WITH given AS (
        SELECT * FROM unnest(:ids, :olds, :states, :indexes) AS g (id, old, state, unique_index)
    ), mine AS MATERIALIZED (
        SELECT e.id FROM enrollments AS e JOIN given AS g ON e.id = g.id AND e.state = g.old
        FOR UPDATE OF e SKIP LOCKED
    )
    UPDATE enrollments AS e SET state = g.state, unique_index = g.unique_index
    FROM given AS g JOIN mine ON mine.id = g.id WHERE e.id = g.id
    RETURNING e.id
    """
).bindparams(
    *arrays(ids=Uuid(), olds=LargeBinary(), states=LargeBinary(), indexes=LargeBinary()),
)


@dataclass(frozen=True, slots=True)
class Sealed:
    enrollment: Enrollment
    unique_index: bytes | None


@dataclass(frozen=True, slots=True)
class Renewed:
    """The new values of an enrollment whose state was *old*."""

    id: UUID
    old: bytes
    state: bytes
    unique_index: bytes | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """`held_twice`: another row holds the same unique value under the newest key, so these were left alone."""

    written: frozenset[UUID] = frozenset()
    held_twice: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many there are, and when the last of them ends."""

    count: int = 0
    until: datetime | None = None


def _in_doubt(head: bytes) -> ColumnElement[bool]:
    """Match enrollments that are not under the newest key, or have a blind index, which does not name its key."""
    begins = func.substring(enrollments.c.state, 1, len(head), type_=LargeBinary)
    return or_(begins != head, enrollments.c.unique_index.is_not(None))


async def count(tx: Tx, *, head: bytes) -> int:
    """How many enrollments have to be checked."""
    found = await tx.execute(select(func.count()).select_from(enrollments).where(_in_doubt(head)))
    return int(found.scalar_one())


async def next_batch(tx: Tx, *, head: bytes, after: UUID, most: int) -> list[Sealed]:
    """The enrollments to check after *after*, confirmed and pending, in the order of their ids."""
    statement = (
        select(*columns(enrollments, Enrollment), enrollments.c.unique_index)
        .where(_in_doubt(head), enrollments.c.id > after)
        .order_by(enrollments.c.id)
        .limit(most)
    )
    rows = (dict(row._mapping) for row in await tx.execute(statement))  # noqa: SLF001  its public name
    return [Sealed(unique_index=row.pop("unique_index"), enrollment=Enrollment(**row)) for row in rows]


async def renew(tx: Tx, rows: Sequence[Renewed]) -> Outcome:
    """Write *rows*, by one statement unless a unique value turns out to be held twice."""
    given: dict[str, list[Any]] = {
        "ids": [row.id for row in rows],
        "olds": [row.old for row in rows],
        "states": [row.state for row in rows],
        "indexes": [row.unique_index for row in rows],
    }
    try:
        async with tx.begin_nested():
            return Outcome(written=frozenset(row.id for row in await tx.execute(_RENEW, given)))
    except IntegrityError:
        if len(rows) == 1:
            return Outcome(held_twice=frozenset(given["ids"]))
    middle = len(rows) // 2
    first, second = await renew(tx, rows[:middle]), await renew(tx, rows[middle:])
    return Outcome(first.written | second.written, first.held_twice | second.held_twice)


async def renew_signing_key(tx: Tx, kid: str, *, old: bytes, private: bytes) -> bool:
    statement = update(signing_keys).where(signing_keys.c.kid == kid, signing_keys.c.private == old)
    return (await tx.execute(statement.values(private=private))).rowcount == 1


async def sessions_under(tx: Tx, key_ids: Sequence[bytes], *, idle: timedelta, at: datetime) -> Waiting:
    """Live sessions whose refresh tokens are under one of *key_ids*: for life, however often they are rotated."""
    live = (sessions.c.ended_at.is_(None), sessions.c.expires_at > at, sessions.c.rotated_at > at - idle)
    return await _waiting(tx, sessions.c.expires_at, sessions.c.key_id.in_(key_ids), *live)


async def codes(tx: Tx, *, at: datetime) -> Waiting:
    """Codes that wait for their answer; a fingerprint does not name its key, so these are all of them."""
    asked = (challenges.c.fingerprint.is_not(None), challenges.c.closed_at.is_(None))
    return await _waiting(tx, challenges.c.code_expires_at, *asked, challenges.c.code_expires_at > at)


async def verifications(tx: Tx, *, at: datetime) -> Waiting:
    """Mailed codes that wait to verify an address: a new user's, or the new one of a user."""
    asked = union_all(
        *(
            select(table.c.expires_at).where(table.c.fingerprint.is_not(None))
            for table in (registrations, email_changes)
        )
    ).subquery()
    return await _waiting(tx, asked.c.expires_at, asked.c.expires_at > at)


async def _waiting(tx: Tx, end: ColumnElement[datetime], *where: ColumnElement[bool]) -> Waiting:
    row = (await tx.execute(select(func.count().label("found"), func.max(end).label("end")).where(*where))).one()
    return Waiting(row.found, row.end)
