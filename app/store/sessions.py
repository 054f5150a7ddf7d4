"""Sessions: opened once, rotated by compare-and-set, ended by the database's own clock, which the revocation feed reads."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, bindparam, func, select, update

from app.store.database import Tx
from app.store.prepared import Prepared
from app.store.records import columns, read
from app.store.schema import Moment
from app.store.tables import devices, sessions, users


@dataclass(frozen=True, slots=True)
class Session:
    """`counter` numbers its refresh tokens; `key_id` is the ring key they are under."""

    id: UUID
    user_id: UUID
    credential_version: int
    counter: int
    key_id: bytes
    device_id: UUID | None
    network: str
    agent: str
    amr: list[str]
    acr: str
    auth_time: datetime
    rotated_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """A session that goes on, its user's claims, and its device's ring key and trust; no key when the device is gone."""

    session: Session
    device_key: bytes | None
    trusted_until: datetime | None
    claims: dict[str, Any]


COLUMNS = columns(sessions, Session)
_LIVE = sessions.c.ended_at.is_(None)
_DEVICE = (devices.c.id == sessions.c.device_id, devices.c.credential_version == sessions.c.credential_version)
_KEPT = (
    *COLUMNS,
    select(devices.c.key_id).where(*_DEVICE).correlate(sessions).scalar_subquery().label("device_key"),
    select(devices.c.trusted_until).where(*_DEVICE).correlate(sessions).scalar_subquery().label("trusted_until"),
    users.c.claims,
)


def open_at(at: datetime, *, idle: timedelta) -> tuple[ColumnElement[bool], ...]:
    """Match sessions that are open at that moment."""
    return _LIVE, sessions.c.expires_at > at, sessions.c.rotated_at > at - idle


OPEN_NOW = (
    _LIVE,
    sessions.c.expires_at > bindparam("at", type_=Moment),
    sessions.c.rotated_at > bindparam("idle_since", type_=Moment),
)
"""As `open_at`, with parameters, for statements that are made once."""
_GOOD = (
    sessions.c.key_id == bindparam("of_key"),
    *OPEN_NOW,
    users.c.id == sessions.c.user_id,
    users.c.active,
    users.c.credential_version == sessions.c.credential_version,
)
"""Session and user are valid. Made once, as are its statements: building a statement takes longer than sending it."""
_ROTATE = Prepared(
    update(sessions)
    .where(sessions.c.id == bindparam("of_session"), sessions.c.counter == bindparam("newest"), *_GOOD)
    .values(
        counter=sessions.c.counter + 1,
        rotated_at=bindparam("at", type_=Moment),
        seen_at=bindparam("at", type_=Moment),
        network=bindparam("seen_from"),
    )
    .returning(*_KEPT)
)
_AGAIN = select(*_KEPT).where(
    sessions.c.id == bindparam("of_session"),
    sessions.c.counter == bindparam("newest"),
    sessions.c.rotated_at >= bindparam("grace_since", type_=Moment),
    *_GOOD,
)


async def rotate(
    tx: Tx, session_id: UUID, *, counter: int, key_id: bytes, idle: timedelta, network: str, at: datetime
) -> Kept | None:
    """Raise the counter by one, if it still is *counter*, and session and user are valid: one caller wins (law 2)."""
    given = {"of_session": session_id, "newest": counter, "of_key": key_id, "seen_from": network}
    return _kept(await _ROTATE.row(tx, given | {"at": at, "idle_since": at - idle}))


async def again(
    tx: Tx, session_id: UUID, *, counter: int, key_id: bytes, idle: timedelta, grace: timedelta, at: datetime
) -> Kept | None:
    """The session whose newest, still unused token has *counter* as its parent: the last answer may have been lost."""
    given = {"of_session": session_id, "newest": counter + 1, "of_key": key_id, "grace_since": at - grace}
    return _kept((await tx.execute(_AGAIN, given | {"at": at, "idle_since": at - idle})).one_or_none())


def _kept(row: Row[Any] | None) -> Kept | None:
    if row is None:
        return None
    found = dict(row._mapping)  # noqa: SLF001  its public name
    beside = {name: found.pop(name) for name in ("device_key", "trusted_until", "claims")}
    return Kept(session=Session(**found), **beside)


async def claims_of_open(tx: Tx, session_id: UUID, *, idle: timedelta, at: datetime) -> dict[str, Any] | None:
    """What the tokens of its user say; None when the session has ended, or is over."""
    statement = select(users.c.claims).join(sessions, sessions.c.user_id == users.c.id)
    found = await tx.execute(statement.where(sessions.c.id == session_id, *open_at(at, idle=idle)))
    claims: dict[str, Any] | None = found.scalar_one_or_none()
    return claims


async def place(tx: Tx, session_id: UUID, *, device_id: UUID) -> None:
    """Move the session to a device that was added anew."""
    await tx.execute(update(sessions).where(sessions.c.id == session_id).values(device_id=device_id))


async def revoke_outrun(tx: Tx, session_id: UUID, *, counter: int, at: datetime) -> UUID | None:
    """End a session that has rotated past *counter*: the token was used twice. Return its user, if it ended."""
    statement = (
        update(sessions)
        .where(sessions.c.id == session_id, sessions.c.counter > counter, sessions.c.expires_at > at, _LIVE)
        .values(ended_at=func.clock_timestamp(), end_reason="reuse")
        .returning(sessions.c.user_id)
    )
    user_id: UUID | None = (await tx.execute(statement)).scalar_one_or_none()
    return user_id


async def revoke(tx: Tx, session_id: UUID, *, reason: str, user_id: UUID | None = None) -> UUID | None:
    """End the session, if it is *user_id*'s (None: anybody's, for who holds its token); return whose it was."""
    whose = (sessions.c.user_id == user_id,) if user_id else ()
    statement = update(sessions).where(sessions.c.id == session_id, *whose, _LIVE)
    ended = statement.values(ended_at=func.clock_timestamp(), end_reason=reason).returning(sessions.c.user_id)
    owner: UUID | None = (await tx.execute(ended)).scalar_one_or_none()
    return owner


async def revoke_all(
    tx: Tx, user_id: UUID, *, reason: str, but: UUID | None = None, device_id: UUID | None = None
) -> list[UUID]:
    """End the user's sessions, all or all but one, or those on one device; return their ids."""
    where = (sessions.c.device_id == device_id,) if device_id else ()
    statement = (
        update(sessions)
        .where(sessions.c.user_id == user_id, _LIVE, sessions.c.id.is_distinct_from(but), *where)
        .values(ended_at=func.clock_timestamp(), end_reason=reason)
        .returning(sessions.c.id)
    )
    return list((await tx.execute(statement)).scalars())


async def strengthen(
    tx: Tx, session_id: UUID, *, amr: list[str], acr: str, credential_version: int, at: datetime
) -> Session | None:
    """Record that a factor was just proved within this session, which now counts as opened with it."""
    statement = (
        update(sessions)
        .where(sessions.c.id == session_id, _LIVE, sessions.c.expires_at > at)
        .values(amr=amr, acr=acr, auth_time=at, credential_version=credential_version)
        .returning(*COLUMNS)
    )
    return read(Session, (await tx.execute(statement)).one_or_none())


async def carry_over(tx: Tx, user_id: UUID, *, credential_version: int) -> list[UUID]:
    """Move the user's live sessions, whose proofs still stand, to the new credential version; return their ids."""
    statement = update(sessions).where(sessions.c.user_id == user_id, _LIVE)
    changed = await tx.execute(statement.values(credential_version=credential_version).returning(sessions.c.id))
    return list(changed.scalars())
