"""What a request asks of the database: every connection it takes and every statement it sends, and nobody else's."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from sqlalchemy import Engine, Pool, event

CONNECTION = "a connection"


@contextmanager
def asked() -> Iterator[list[str]]:
    """What is asked within, by this task or by one that begins within; the jobs that ran before go on uncounted."""
    jobs = asyncio.all_tasks() - {asyncio.current_task()}
    seen: list[str] = []

    def take(*_: Any) -> None:
        if asyncio.current_task() not in jobs:
            seen.append(CONNECTION)

    def send(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if asyncio.current_task() not in jobs:
            seen.append(statement)

    with ExitStack() as listening:
        _listen(listening, Pool, "checkout", take)
        _listen(listening, Engine, "before_cursor_execute", send)
        yield seen


def _listen(until: ExitStack, what: Any, name: str, heard: Callable[..., None]) -> None:
    event.listen(what, name, heard)
    until.callback(event.remove, what, name, heard)
