"""What a verb needs that works on the database of a running service: its settings, a loop, and events where no pipe reads them."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, TypeVar

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
from app.watch.audit_keys import AuditKeys
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
    """Do *work* to its end, and let go of the database. *unanswered* is what is said when that does not answer."""
    try:
        return asyncio.run(_opened(settings, work))
    except DatabaseUnavailable:
        refuse(f"The database does not answer{unanswered}")


async def _opened(settings: Settings, work: Callable[[Database], Coroutine[Any, Any, _Result]]) -> _Result:
    database = Database(settings.database)
    try:
        async with recorded(settings, database):
            return await work(database)
    finally:
        await database.close()


@asynccontextmanager
async def recorded(settings: Settings, database: Database) -> AsyncIterator[None]:
    """What is noted within is in the audit log a second later, and all of it when it ends, however it ends."""
    clock = SystemClock()
    keys = AuditKeys(database, vault=Vault(KeyRing(settings.secret_keys)), clock=clock)
    trail = Trail(database, keys=keys, clock=clock, size=settings.audit.queue)
    _trail.set(trail)
    writing = asyncio.create_task(_go_on_writing(trail))
    try:
        with trail.beside():
            yield
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await trail.drain(within=_LAST_WORDS)


async def _go_on_writing(trail: Trail) -> None:
    while True:
        await asyncio.sleep(_EVERY)
        await trail.settle()


async def write_events() -> None:
    """What was noted so far is in the audit log before the verb goes on, unless the database is gone."""
    await _trail.get().settle()
