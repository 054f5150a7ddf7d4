"""Open a session by one statement: end surplus sessions, add a new device, and store the session."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, CTE, ColumnElement, Integer, Select, Uuid, bindparam, func, insert, select, update

from app.store import answered as answers
from app.store.admitting import admitted
from app.store.answered import Answered
from app.store.database import Tx
from app.store.devices import added, forgotten
from app.store.prepared import Prepared
from app.store.records import bound, given, values
from app.store.sessions import COLUMNS, OPEN_NOW, Session
from app.store.tables import sessions, users

_NAMES = [*(column.name for column in COLUMNS), "created_at", "seen_at"]


class Told(NamedTuple):
    """The sessions that were ended because there were too many, and the operator's claims for the user's tokens."""

    ended: list[UUID]
    claims: dict[str, Any]


def _opening(*if_: ColumnElement[bool], devices_first: tuple[CTE, ...] = ()) -> Select[Any]:
    """End surplus sessions and insert a new one; *devices_first*: changes of devices that run before, in lock order."""
    theirs = sessions.c.user_id == bindparam("new_user_id", type_=Uuid)
    before = [_count(one) >= 0 for one in devices_first]  # always true, once they have run
    surplus = select(sessions.c.id).where(theirs, *OPEN_NOW, *if_, *before).order_by(sessions.c.created_at.desc())
    surplus = surplus.offset(bindparam("other_sessions", type_=Integer))
    ending = update(sessions).where(sessions.c.id.in_(surplus), sessions.c.ended_at.is_(None)).returning(sessions.c.id)
    ended = ending.values(ended_at=func.clock_timestamp(), end_reason="too_many").cte("ended")
    row = select(*bound("new", sessions, _NAMES).values()).where(*if_)
    opened = insert(sessions).from_select(_NAMES, row).cte("opened")
    pushed_out = func.array(select(ended.c.id).scalar_subquery(), type_=ARRAY(Uuid))
    told = select(pushed_out.label("ended"), users.c.claims).where(users.c.id == bindparam("new_user_id", type_=Uuid))
    return told.where(*if_).add_cte(opened)


def _count(done: CTE) -> ColumnElement[int]:
    return select(func.count()).select_from(done).scalar_subquery()


def _admitting(*held: ColumnElement[bool], consuming: Callable[..., tuple[CTE, ...]] = lambda *_: ()) -> Prepared:
    """Admit the user (`users.admit`) and open a session on a new device, if *held*; also run what *consuming* makes."""
    if_ = _count(admitted(*held)) == 1
    before = [_count(one) >= 0 for one in consuming(if_)]
    return Prepared(_opening(if_, devices_first=(forgotten(if_, *before), added(if_))))


_OPEN = Prepared(_opening())
_OPEN_ON_NEW = Prepared(_opening(devices_first=(forgotten(), added())))
_ADMIT_AND_OPEN = _admitting()
_COMPLETE_AND_OPEN = _admitting(answers.HELD, consuming=answers.consumed)


async def open_(
    tx: Tx, session: Session, *, most: int, idle: timedelta, on: Mapping[str, object] | None = None
) -> Told:
    """Store a session of a user whom `users.admit` admitted in the same transaction; *on* a new device (`devices.adding`).

    Beyond *most* sessions, the oldest end.
    """
    row = _row(session, most, idle) | {**(on or {})}
    opened = await (_OPEN_ON_NEW if on else _OPEN).one(tx, row)
    return Told(opened.ended, opened.claims)


async def admit_and_open(
    tx: Tx,
    session: Session,
    *,
    state: str,
    most: int,
    idle: timedelta,
    on: Mapping[str, object],
    answered: Answered | None = None,
) -> Told | None:
    """As `users.admit` and `open_`, by one statement, if the user's row is unchanged since *state* was read.

    None when it is not, or when it is locked: sessions that others open or end meanwhile would be counted wrongly;
    or when the challenge *answered* was answered or asked anew meanwhile, or is locked. Nothing is changed then.
    """
    row = _row(session, most, idle) | {**on}
    row |= {"of_user": session.user_id, "of_version": session.credential_version, "of_state": state}
    if answered:
        opened = await _COMPLETE_AND_OPEN.row(tx, row | answers.given(answered))
    else:
        opened = await _ADMIT_AND_OPEN.row(tx, row)
    return Told(opened.ended, opened.claims) if opened else None


def _row(session: Session, most: int, idle: timedelta) -> dict[str, object]:
    at = session.rotated_at
    row = given("new", {**values(session), "created_at": at, "seen_at": at})
    return row | {"at": at, "idle_since": at - idle, "other_sessions": most - 1}
