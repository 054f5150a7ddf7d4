"""Users from elsewhere, many in a statement: whoever is there already is passed over, and what is held by somebody is not given twice."""

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
    """A row of users as it is brought."""

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
    """Those of the addresses that somebody has."""
    found = await tx.execute(select(users.c.email_folded).where(users.c.email_folded.in_(emails_folded)))
    return set(found.scalars())


async def held(tx: Tx, indexes: Sequence[Sequence[bytes]]) -> set[bytes]:
    """Those of the values that a confirmed factor holds, each under every key of the ring; asked by one at a time.

    As `enrollments.held_by_another`: while the ring turns, no unique index stops two in the same moment.
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
    """Those whose address nobody had, in any spelling, and which is not held for whoever left it."""
    statement = insert(users).on_conflict_do_nothing(index_elements=[users.c.email_folded])
    added = await tx.execute(statement.returning(users.c.id), [values(one) for one in people])
    new = set(added.scalars())
    taken_back = delete(users).where(users.c.id.in_(new), held_address(users.c.email_folded, at=at))
    return new - set((await tx.execute(taken_back.returning(users.c.id))).scalars())


async def give(tx: Tx, factors: Iterable[tuple[Enrollment, bytes | None]]) -> None:
    """Confirmed factors, with the blind index of what only one user may hold. Raises AlreadyHeld, and nothing may stay."""
    rows = [{**values(enrollment), "unique_index": index} for enrollment, index in factors]
    if not rows:
        return
    statement = insert(enrollments).on_conflict_do_nothing().returning(enrollments.c.id)
    if len((await tx.execute(statement, rows)).scalars().all()) < len(rows):
        raise AlreadyHeld
