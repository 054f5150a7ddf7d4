"""Devices that people signed in on: found by the digest of their token, invalid once a password or a factor changes."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import CTE, ColumnElement, Integer, Uuid, and_, bindparam, delete, insert, or_, select, update

from app.store.database import Tx
from app.store.records import bound, columns, given, read, read_all, values
from app.store.tables import devices, sessions, users


@dataclass(frozen=True, slots=True)
class Device:
    """A device, *known* while it is stored; *trusted*, until `trusted_until`, once a second factor was proved on it."""

    id: UUID
    user_id: UUID
    credential_version: int
    digest: bytes
    key_id: bytes
    network: str
    agent: str
    created_at: datetime
    seen_at: datetime
    trusted_until: datetime | None


_COLUMNS = columns(devices, Device)


async def find(tx: Tx, digest: bytes, *, user_id: UUID) -> Device | None:
    """The user's device with that token, if their credential version is still the device's."""
    statement = select(*_COLUMNS).where(devices.c.digest == digest, *_alive(user_id))
    return read(Device, (await tx.execute(statement)).one_or_none())


async def of_user(tx: Tx, user_id: UUID) -> list[Device]:
    """The user's devices, most recently used first."""
    statement = select(*_COLUMNS).where(*_alive(user_id)).order_by(devices.c.seen_at.desc(), devices.c.id)
    return read_all(Device, await tx.execute(statement))


_NAMES = [column.name for column in _COLUMNS]
_ADD = insert(devices).values(bound("met", devices, _NAMES))
_THEIRS = devices.c.user_id == bindparam("met_user_id", type_=Uuid)
_SURPLUS = (
    select(devices.c.id)
    .where(_THEIRS)
    .order_by(devices.c.seen_at.desc())
    .offset(bindparam("other_devices", type_=Integer))
)
_DEAD = devices.c.credential_version != bindparam("met_credential_version", type_=Integer)


def added(*conditions: ColumnElement[bool]) -> CTE:
    """Insert a device, in the statement that opens a session on it; `adding` gives its parameters."""
    row = select(*bound("met", devices, _NAMES).values()).where(*conditions)
    return insert(devices).from_select(_NAMES, row).returning(devices.c.id).cte("added")


def forgotten(*conditions: ColumnElement[bool]) -> CTE:
    """Delete, beside `added`, the user's invalid devices, and the surplus of those unused the longest.

    The user must be locked by then, or two of these would deadlock on each other's sessions.
    """
    old = or_(_DEAD, devices.c.id.in_(_SURPLUS))
    return delete(devices).where(_THEIRS, old, *conditions).returning(devices.c.id).cte("forgotten")


async def add(tx: Tx, device: Device) -> None:
    await tx.execute(_ADD, given("met", values(device)))


def adding(device: Device, *, most: int) -> dict[str, object]:
    """The parameters of `added` and `forgotten`, such that no more than *most* devices are left."""
    return given("met", values(device)) | {"other_devices": most - 1}


async def meet(tx: Tx, device_id: UUID, *, user_id: UUID, network: str, agent: str, at: datetime) -> Device | None:
    """Record that a device was seen; None when it is gone or invalid."""
    seen = {"seen_at": at, "network": network, "agent": agent}
    statement = update(devices).where(devices.c.id == device_id, *_alive(user_id)).values(**seen)
    return read(Device, (await tx.execute(statement.returning(*_COLUMNS))).one_or_none())


async def replace(tx: Tx, device_id: UUID, *, by: Device) -> None:
    """Put *by* in its place, with its sessions; the user is locked. Sign-ins that wait on it go on as of an unknown one."""
    await add(tx, by)
    await tx.execute(update(sessions).where(sessions.c.device_id == device_id).values(device_id=by.id))
    await forget(tx, device_id, user_id=by.user_id)


async def rekey(tx: Tx, device_id: UUID, *, digest: bytes, key_id: bytes) -> None:
    """Replace the token of a device, because the ring key of the old one is gone.

    Never wait for a row lock: a refresh has locked its session by now, which whoever deletes the device will want.
    """
    free = select(devices.c.id).where(devices.c.id == device_id).with_for_update(skip_locked=True).scalar_subquery()
    await tx.execute(update(devices).where(devices.c.id == free).values(digest=digest, key_id=key_id))


async def distrust(tx: Tx, user_id: UUID, *, but: UUID | None) -> None:
    """End the trust in all of the user's devices except that of the session *but*."""
    spared = select(sessions.c.device_id).where(sessions.c.id == but).scalar_subquery()
    statement = update(devices).where(devices.c.user_id == user_id, devices.c.id.is_distinct_from(spared))
    await tx.execute(statement.values(trusted_until=None))


async def forget(tx: Tx, device_id: UUID, *, user_id: UUID) -> bool:
    statement = delete(devices).where(devices.c.id == device_id, devices.c.user_id == user_id)
    return (await tx.execute(statement)).rowcount == 1


async def forget_of(tx: Tx, session_id: UUID) -> None:
    """Forget the device of that session; others on it get another one at their next refresh."""
    its = select(sessions.c.device_id).where(sessions.c.id == session_id).scalar_subquery()
    await tx.execute(delete(devices).where(devices.c.id == its))


def _alive(user_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return (
        devices.c.user_id == user_id,
        and_(users.c.id == devices.c.user_id, users.c.credential_version == devices.c.credential_version),
    )
