"""What a verb needs that works on the database of a running service: its settings, a loop, and events where no pipe reads them."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, TypeVar

from app.cli import ending
from app.cli.development import furnished
from app.cli.environment import refuse
from app.cli.migrate import is_behind
from app.clock import SystemClock
from app.crypto.keys import KeyRing
from app.crypto.vault import Vault
from app.problems import DatabaseUnavailable
from app.settings import Settings
from app.store.database import Database
from app.watch import logs
from app.watch.audit_keys import AuditKeys, AuditKeyUnreadable
from app.watch.trail import Trail

_Result = TypeVar("_Result")
_LAST_WORDS = timedelta(seconds=10)
_EVERY = 1.0
_LONG = timedelta(hours=1)
_trail: ContextVar[Trail] = ContextVar("the audit log of this verb")


@contextmanager
def beside() -> Iterator[Settings]:
    with furnished() as settings:
        if is_behind(settings.database):
            refuse("The database's schema is older than this code: run `gatehouse migrate` first.")
        logs.configure(settings.logs, json=settings.logs_as_json, stream=sys.stderr)
        yield settings


def patient(settings: Settings) -> Settings:
    """The same, for statements over a whole log."""
    return settings.model_copy(update={"database": settings.database.model_copy(update={"statement_limit": _LONG})})


def run(settings: Settings, work: Callable[[Database], Coroutine[Any, Any, _Result]], *, unanswered: str) -> _Result:
    """Do *work* to its end, and let go of the database. *unanswered* is what is said when that does not answer.

    Under a ring that does not open the audit log nothing is begun: other things that are sealed would not open either.
    """
    try:
        result, lost = asyncio.run(_opened(settings, work))
    except DatabaseUnavailable:
        refuse(f"The database does not answer{unanswered}")
    except AuditKeyUnreadable as reason:
        refuse(str(reason))
    if lost:
        ending.tell_unrecorded()
    return result


async def _opened(settings: Settings, work: Callable[[Database], Coroutine[Any, Any, _Result]]) -> tuple[_Result, int]:
    database = Database(settings.database)
    try:
        await _audit_keys(settings, database).stored_house()
        async with recorded(settings, database) as trail:
            result = await work(database)
        return result, trail.lost
    finally:
        await database.close()


@asynccontextmanager
async def recorded(settings: Settings, database: Database) -> AsyncIterator[Trail]:
    """What is noted within is in the audit log a second later, and all of it when it ends, however it ends."""
    keys = _audit_keys(settings, database)
    trail = Trail(database, keys=keys, clock=SystemClock(), size=settings.audit.queue)
    _trail.set(trail)
    writing = asyncio.create_task(_go_on_writing(trail))
    try:
        with trail.beside():
            yield trail
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await trail.drain(within=_LAST_WORDS)


def _audit_keys(settings: Settings, database: Database) -> AuditKeys:
    return AuditKeys(database, vault=Vault(KeyRing(settings.secret_keys)), clock=SystemClock())


async def _go_on_writing(trail: Trail) -> None:
    while True:
        await asyncio.sleep(_EVERY)
        await trail.settle()


async def write_events() -> None:
    """What was noted so far is in the audit log before the verb goes on, unless the database is gone."""
    await _trail.get().settle()


async def must_write_events() -> None:
    """The same, where nothing may be done that the audit log does not tell of."""
    if not await _trail.get().settle():
        refuse("The audit log cannot be written, so nothing was done: see `gatehouse doctor`.")
