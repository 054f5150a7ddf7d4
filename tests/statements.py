"""What a request asks of the database: every connection it takes and every statement it sends, and nobody else's."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from sqlalchemy import Engine, event

from app.store.connections import order
from app.store.database import Tx
from app.store.pool import Pool
from app.store.prepared import Prepared

CONNECTION = "a connection"


@contextmanager
def asked() -> Iterator[list[str]]:
    """What is asked within, by this task or by one that begins within; the jobs that ran before go on uncounted."""
    is_ours, take = _newcomers(), Pool.take
    seen: list[str] = []

    async def taken(pool: Pool) -> Tx:
        if is_ours():
            seen.append(CONNECTION)
        return await take(pool)

    with ExitStack() as listening:
        listening.enter_context(patch.object(Pool, "take", taken))
        listening.enter_context(heard(lambda statement, _: seen.append(statement)))
        yield seen


@contextmanager
def heard(hear: Callable[[str, tuple[Any, ...]], None]) -> Iterator[None]:
    """As `asked`, with the parameters, the first ones if it is sent with many; not what begins and ends a transaction."""
    is_ours, arguments = _newcomers(), Prepared.arguments

    def prepared(statement: Prepared, given: Mapping[str, Any]) -> list[Any]:
        found = arguments(statement, given)
        if is_ours():
            hear(statement.sql, tuple(found))
        return found

    def sent(_0: Any, _1: Any, statement: str, parameters: Any, _2: Any, many: bool) -> None:
        if is_ours():
            hear(statement, parameters[0] if many else parameters)

    with ExitStack() as listening:
        listening.enter_context(patch.object(Prepared, "arguments", prepared))
        _listen(listening, Engine, "before_cursor_execute", sent)
        yield


@contextmanager
def committed() -> Iterator[list[str]]:
    """The transactions that end well within, of whichever task."""
    seen: list[str] = []

    async def ordered(tx: Tx, command: str) -> None:
        await order(tx, command)
        seen.extend([command] if command == "COMMIT" else [])

    with patch("app.store.database.order", ordered):
        yield seen


def _newcomers() -> Callable[[], bool]:
    """Tells whether this task, or one that began since, is who asks."""
    jobs = asyncio.all_tasks() - {asyncio.current_task()}
    return lambda: asyncio.current_task() not in jobs


def _listen(until: ExitStack, what: Any, name: str, hear: Callable[..., None]) -> None:
    event.listen(what, name, hear)
    until.callback(event.remove, what, name, hear)
