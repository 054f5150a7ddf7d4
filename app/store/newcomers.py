"""Import users, many per statement: those who exist are skipped, and a value that must be unique is not given twice."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, bindparam, delete, select, text
from sqlalchemy.dialects.postgresql import insert

from app.store.database import Tx
from app.store.enrollments import AlreadyHeld, Enrollment
from app.store.held_addresses import held as held_address
from app.store.records import values
from app.store.tables import enrollments, users

_LOCK = text("SELECT pg_advisory_xact_lock(key) FROM unnest(:keys) AS key ORDER BY key").bindparams(
    bindparam("keys", type_=ARRAY(BigInteger))
)


@dataclass(frozen=True, slots=True)
class NewUser:
    """A row of `users` to import."""

    id: UUID
    email: str
    email_folded: str
    password_hash: str
    password_expired: bool
    active: bool
    locale: str
    display_name: str | None
    email_proof_due: str | None
    claims: Mapping[str, object]
    created_at: datetime


async def known(tx: Tx, emails_folded: Collection[str]) -> set[str]:
    """Those of the addresses that a user has."""
    found = await tx.execute(select(users.c.email_folded).where(users.c.email_folded.in_(emails_folded)))
    return set(found.scalars())


async def held(tx: Tx, indexes: Sequence[Sequence[bytes]]) -> set[bytes]:
    """Those of *indexes* that a confirmed factor has; a value comes under every ring key; if several, with locks.

    As `enrollments.held_by_another`: during a key rotation no unique index stops two concurrent ones.
    """
    turning = [index for one in indexes if len(one) > 1 for index in one]
    if turning:
        await tx.execute(_LOCK, {"keys": [int.from_bytes(index[:8], signed=True) for index in turning]})
    every = [index for one in indexes for index in one]
    statement = select(enrollments.c.unique_index).where(
        enrollments.c.unique_index.in_(every), enrollments.c.confirmed_at.is_not(None)
    )
    return set((await tx.execute(statement)).scalars()) if every else set()


async def add(tx: Tx, people: Sequence[NewUser], *, at: datetime) -> set[UUID]:
    """Insert those whose address nobody has, in any spelling, or left and may get back; return their ids."""
    statement = insert(users).on_conflict_do_nothing(index_elements=[users.c.email_folded])
    added = await tx.execute(statement.returning(users.c.id), [values(one) for one in people])
    new = set(added.scalars())
    taken_back = delete(users).where(users.c.id.in_(new), held_address(users.c.email_folded, at=at))
    return new - set((await tx.execute(taken_back.returning(users.c.id))).scalars())


async def give(tx: Tx, factors: Iterable[tuple[Enrollment, bytes | None]]) -> None:
    """Insert confirmed factors, with the blind indexes of unique values. Raises AlreadyHeld; roll back then."""
    rows = [{**values(enrollment), "unique_index": index} for enrollment, index in factors]
    if not rows:
        return
    statement = insert(enrollments).on_conflict_do_nothing().returning(enrollments.c.id)
    if len((await tx.execute(statement, rows)).scalars().all()) < len(rows):
        raise AlreadyHeld
