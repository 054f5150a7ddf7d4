"""Enrolled factors and those that wait for their first right answer. A factor counts while its row exists (law 10)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from sqlalchemy import ColumnElement, Update, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.store.database import Tx
from app.store.prepared import Prepared
from app.store.records import columns, read, read_all, values
from app.store.tables import enrollments


class Superseded(Exception):  # noqa: N818  reads as the sentence it is
    """Another enrollment of the kind was begun in its place meanwhile."""


class AlreadyHeld(Exception):  # noqa: N818  reads as the sentence it is
    """Another user's confirmed factor holds the same unique value."""


@dataclass(frozen=True, slots=True)
class Enrollment:
    """`state` is sealed; `version` counts its changes."""

    id: UUID
    user_id: UUID
    kind: str
    state: bytes
    version: int
    label: str | None
    preferred: bool
    created_at: datetime
    confirmed_at: datetime | None
    replaced_at: datetime | None

    @classmethod
    def new(
        cls,
        enrollment_id: UUID,
        kind: str,
        *,
        user_id: UUID,
        state: bytes,
        at: datetime,
        label: str | None = None,
        confirmed_at: datetime | None = None,
    ) -> Self:
        return cls(
            id=enrollment_id,
            user_id=user_id,
            kind=kind,
            state=state,
            version=1,
            label=label,
            preferred=False,
            created_at=at,
            confirmed_at=confirmed_at,
            replaced_at=None,
        )


_COLUMNS = columns(enrollments, Enrollment)
_CONFIRMED = enrollments.c.confirmed_at.is_not(None)


async def of_user(tx: Tx, user_id: UUID) -> list[Enrollment]:
    """The user's confirmed factors, oldest first."""
    statement = select(*_COLUMNS).where(enrollments.c.user_id == user_id, _CONFIRMED)
    rows = await tx.execute(statement.order_by(enrollments.c.created_at))
    return read_all(Enrollment, rows)


async def all_of_user(tx: Tx, user_id: UUID) -> list[Enrollment]:
    """The user's factors, confirmed or pending, oldest first."""
    statement = select(*_COLUMNS).where(enrollments.c.user_id == user_id)
    return read_all(Enrollment, await tx.execute(statement.order_by(enrollments.c.created_at)))


async def of_kind(tx: Tx, user_id: UUID, kind: str) -> Enrollment | None:
    """The user's confirmed factor of *kind*."""
    statement = select(*_COLUMNS).where(enrollments.c.user_id == user_id, enrollments.c.kind == kind, _CONFIRMED)
    return read(Enrollment, (await tx.execute(statement)).one_or_none())


async def has_any(tx: Tx, user_id: UUID) -> bool:
    statement = select(enrollments.c.id).where(enrollments.c.user_id == user_id, _CONFIRMED).limit(1)
    return (await tx.execute(statement)).one_or_none() is not None


async def pending(tx: Tx, enrollment_id: UUID, *, user_id: UUID, since: datetime) -> Enrollment | None:
    """The unconfirmed enrollment of this user, begun after *since*."""
    statement = select(*_COLUMNS).where(
        enrollments.c.id == enrollment_id,
        enrollments.c.user_id == user_id,
        enrollments.c.confirmed_at.is_(None),
        enrollments.c.created_at > since,
    )
    return read(Enrollment, (await tx.execute(statement)).one_or_none())


async def begin(tx: Tx, enrollment: Enrollment) -> None:
    """Store an unconfirmed enrollment, replacing an unconfirmed one of its kind; a confirmed one is left alone."""
    same = (enrollments.c.user_id == enrollment.user_id, enrollments.c.kind == enrollment.kind)
    await tx.execute(delete(enrollments).where(*same, enrollments.c.confirmed_at.is_(None)))
    await tx.execute(insert(enrollments).values(**values(enrollment)))


async def held_by_another(tx: Tx, indexes: list[bytes], *, user_id: UUID) -> bool:
    """Whether another user's confirmed factor has the value, under any ring key; if several, with advisory locks.

    During a key rotation replicas may write under different keys: no unique index stops two concurrent ones then.
    """
    for index in sorted(indexes) if len(indexes) > 1 else ():
        await tx.execute(select(func.pg_advisory_xact_lock(int.from_bytes(index[:8], signed=True))))
    statement = select(enrollments.c.id).where(
        enrollments.c.unique_index.in_(indexes), enrollments.c.user_id != user_id, _CONFIRMED
    )
    return (await tx.execute(statement.limit(1))).one_or_none() is not None


async def confirm(
    tx: Tx, enrollment: Enrollment, *, state: bytes, unique_index: bytes | None, at: datetime
) -> Enrollment | None:
    """Confirm the enrollment, replacing the confirmed one of its kind; return the replaced one, if there was one.

    Raises AlreadyHeld when another user confirmed the same unique value meanwhile, Superseded when this user began anew.
    """
    same = (enrollments.c.user_id == enrollment.user_id, enrollments.c.kind == enrollment.kind)
    taken_out = await tx.execute(delete(enrollments).where(*same, _CONFIRMED).returning(*_COLUMNS))
    replaced = read(Enrollment, taken_out.one_or_none())
    statement = update(enrollments).where(enrollments.c.id == enrollment.id)
    changes = {
        "state": state,
        "unique_index": unique_index,
        "version": enrollment.version + 1,
        "preferred": bool(replaced and replaced.preferred),
        "confirmed_at": at,
        "replaced_at": at if replaced else None,
    }
    try:
        confirmed = await tx.execute(statement.values(**changes))
    except IntegrityError as conflict:
        raise AlreadyHeld from conflict
    if confirmed.rowcount != 1:
        raise Superseded
    return replaced


async def issue(tx: Tx, enrollment: Enrollment) -> None:
    """Store an enrollment that needs no confirmation, replacing any earlier one of its kind."""
    same = (enrollments.c.user_id == enrollment.user_id, enrollments.c.kind == enrollment.kind)
    await tx.execute(delete(enrollments).where(*same))
    await tx.execute(insert(enrollments).values(**values(enrollment)))


async def remove(tx: Tx, enrollment_id: UUID) -> None:
    await tx.execute(delete(enrollments).where(enrollments.c.id == enrollment_id, _CONFIRMED))


async def relabel(tx: Tx, enrollment_id: UUID, *, label: str | None) -> None:
    await tx.execute(update(enrollments).where(enrollments.c.id == enrollment_id).values(label=label))


async def prefer(tx: Tx, user_id: UUID, enrollment_id: UUID) -> None:
    """Make this the factor that is asked for first."""
    statement = update(enrollments).where(enrollments.c.user_id == user_id, _CONFIRMED)
    await tx.execute(statement.values(preferred=enrollments.c.id == enrollment_id))


AS_READ = (
    enrollments.c.id == bindparam("of_factor"),
    enrollments.c.version == bindparam("factor_version"),
    _CONFIRMED,
)


def saving(*after: ColumnElement[bool]) -> Update:
    """Stores the next state, unless another answer was faster (compare-and-set on the version, law 2)."""
    return (
        update(enrollments).where(*AS_READ, *after).values(state=bindparam("next"), version=enrollments.c.version + 1)
    )


_SAVE = Prepared(saving())


def given(enrollment: Enrollment, state: bytes) -> dict[str, object]:
    """The parameters of `saving`."""
    return {"of_factor": enrollment.id, "factor_version": enrollment.version, "next": state}


async def save(tx: Tx, enrollment: Enrollment, *, state: bytes) -> bool:
    """Store the next state; False when another answer was faster."""
    return await _SAVE.count(tx, given(enrollment, state)) == 1
