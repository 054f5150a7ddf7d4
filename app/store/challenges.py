"""Questions that wait for an answer: a sign-in, a confirmation, a step-up, a first enrolment."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from sqlalchemy import ColumnElement, insert, select, update

from app.messages import Delivery, Purpose
from app.store.database import Tx
from app.store.prepared import Prepared
from app.store.records import bound, columns, given, read, values
from app.store.schema import UNHURRIED
from app.store.tables import challenges, devices


@dataclass(frozen=True, slots=True)
class Posed:
    """A question as it is asked; *fingerprint* and `code_expires_at` are of the code made for it, if there is one."""

    factor: str
    fingerprint: bytes | None
    shown: dict[str, Any]
    code_expires_at: datetime | None
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Challenge:
    """`sends` numbers the codes; `fingerprint` is the newest one's. A confirmation has the id of its enrollment."""

    id: UUID
    user_id: UUID
    purpose: Purpose
    credential_version: int
    session_id: UUID | None
    device_id: UUID | None
    remember: bool
    cookie: bool
    attempts: int
    factor: str | None
    fingerprint: bytes | None
    shown: dict[str, Any]
    sends: int
    delivery: Delivery
    code_expires_at: datetime | None
    expires_at: datetime
    closed_at: datetime | None

    @classmethod
    def new(
        cls,
        challenge_id: UUID,
        purpose: Purpose,
        *,
        user_id: UUID,
        credential_version: int,
        factor: str | None,
        expires_at: datetime,
        session_id: UUID | None = None,
        device_id: UUID | None = None,
        remember: bool = False,
        cookie: bool = False,
    ) -> Self:
        """A challenge that has asked nothing yet; *factor* is the kind that it is going to ask for."""
        return cls(
            id=challenge_id,
            user_id=user_id,
            purpose=purpose,
            credential_version=credential_version,
            session_id=session_id,
            device_id=device_id,
            remember=remember,
            cookie=cookie,
            attempts=0,
            factor=factor,
            fingerprint=None,
            shown={},
            sends=0,
            delivery=Delivery.NONE,
            code_expires_at=None,
            expires_at=expires_at,
            closed_at=None,
        )

    def asking(self, posed: Posed) -> Self:
        """The challenge with its first question, before it is stored."""
        return replace(self, sends=1, **values(posed))

    def lane(self, kind: str) -> str:
        """Name the cool-down of codes of *kind*: who has only the password must not delay a known device or a session."""
        unknown = self.purpose == Purpose.SIGN_IN and self.device_id is None
        return kind if unknown else f"known {kind}"


_COLUMNS = columns(challenges, Challenge)


def _opening(*if_: ColumnElement[bool], on_device: bool) -> Prepared:
    row: dict[str, ColumnElement[Any]] = {
        **bound("new", challenges, [*(column.name for column in _COLUMNS), "created_at"])
    }
    if on_device:
        there = select(devices.c.id).where(devices.c.id == row["device_id"])
        row["device_id"] = there.with_for_update(read=True, key_share=True).scalar_subquery()
    return Prepared(insert(challenges).from_select(list(row), select(*row.values()).where(*if_)))


_OPEN = {on_device: _opening(on_device=on_device) for on_device in (False, True)}
_OPEN_UNHURRIED = {on_device: _opening(UNHURRIED, on_device=on_device) for on_device in (False, True)}


async def open_(tx: Tx, challenge: Challenge, *, at: datetime, hurried: bool = True) -> None:
    """Store the challenge; if its device is being deleted concurrently, wait for that and store no device.

    Not *hurried*: the commit does not wait for the disk.
    """
    row = {**values(challenge), "created_at": at}
    statements = _OPEN if hurried else _OPEN_UNHURRIED
    await statements[challenge.device_id is not None].count(tx, given("new", row))


async def find(tx: Tx, challenge_id: UUID, *, purpose: Purpose, user_id: UUID) -> Challenge | None:
    """The challenge, whether it is open or closed."""
    statement = select(*_COLUMNS).where(
        challenges.c.id == challenge_id, challenges.c.purpose == purpose, challenges.c.user_id == user_id
    )
    return read(Challenge, (await tx.execute(statement)).one_or_none())


async def of_session(tx: Tx, session_id: UUID, *, credential_version: int, at: datetime) -> Challenge | None:
    """The session's newest open step-up, whether or not its attempts are used up."""
    statement = (
        select(*_COLUMNS)
        .where(
            challenges.c.session_id == session_id,
            challenges.c.credential_version == credential_version,
            challenges.c.closed_at.is_(None),
            challenges.c.expires_at > at,
        )
        .order_by(challenges.c.created_at.desc())
        .limit(1)
    )
    return read(Challenge, (await tx.execute(statement)).one_or_none())


async def close(tx: Tx, challenge: Challenge, *, at: datetime) -> bool:
    """Close what waits for no code any more; the first caller wins, and only while nothing else was asked (law 2)."""
    statement = update(challenges).where(*_unchanged(challenge)).values(closed_at=at, fingerprint=None)
    return (await tx.execute(statement)).rowcount == 1


async def answered(tx: Tx, challenge: Challenge) -> bool:
    """Clear the question for good: the challenge waits for no code any more. The first right answer wins (law 2)."""
    statement = (
        update(challenges)
        .where(*_unchanged(challenge), challenges.c.factor.is_not(None))
        .values(factor=None, fingerprint=None)
    )
    return (await tx.execute(statement)).rowcount == 1


async def renew_code(tx: Tx, challenge: Challenge, posed: Posed) -> Challenge | None:
    """Replace the question with a newer one; the attempts stay spent. None when another renewal was faster."""
    statement = (
        update(challenges)
        .where(*_unchanged(challenge))
        .values(**values(posed), sends=challenges.c.sends + 1)
        .returning(*_COLUMNS)
    )
    return read(Challenge, (await tx.execute(statement)).one_or_none())


async def report(tx: Tx, challenge_id: UUID, *, sends: int, delivery: Delivery) -> None:
    """Record how the sending of code number *sends* ended, if it is still the newest and no receipt has said more."""
    statement = update(challenges).where(
        challenges.c.id == challenge_id, challenges.c.sends == sends, challenges.c.delivery.in_(delivery.earlier)
    )
    await tx.execute(statement.values(delivery=delivery))


def _unchanged(challenge: Challenge) -> tuple[ColumnElement[bool], ...]:
    """Match the challenge if it is open and nothing else was asked since it was read."""
    return challenges.c.id == challenge.id, challenges.c.closed_at.is_(None), challenges.c.sends == challenge.sends
