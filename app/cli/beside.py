"""What a verb needs to work beside a running service: its settings, its database in an event loop, its audit events."""

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
    """Return *settings* with a statement limit of an hour, for statements over a whole log."""
    return settings.model_copy(update={"database": settings.database.model_copy(update={"statement_limit": _LONG})})


def run(settings: Settings, work: Callable[[Database], Coroutine[Any, Any, _Result]], *, unanswered: str) -> _Result:
    """Run *work*, then close the database. *unanswered* ends the sentence that is printed when that does not answer.

    If the key ring cannot open the audit log's key, nothing is begun: other sealed values could not be opened either.
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
    """Write the events noted within to the audit log each second, and the rest when the block ends, however it ends."""
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
    """Write the events noted so far to the audit log before the verb goes on, unless the database is gone."""
    await _trail.get().settle()


async def must_write_events() -> None:
    """Write the events noted so far, or refuse: for what must not be done without a record in the audit log."""
    if not await _trail.get().settle():
        refuse("The audit log cannot be written, so nothing was done: see `gatehouse doctor`.")
