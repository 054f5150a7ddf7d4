"""Daemon threads for calls that may hang: unlike ThreadPoolExecutor's, they never hold the process's exit."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import timedelta
from queue import SimpleQueue
from typing import Generic, Protocol, TypeVar


class Closable(Protocol):
    def close(self) -> None: ...


Tool = TypeVar("Tool", bound=Closable)
Result = TypeVar("Result")


class Threads(Generic[Tool]):
    """One thread per tool; every call is given the tool of the thread it runs on. For use from one event loop."""

    def __init__(self, tools: Sequence[Tool], *, name: str, waiting: int) -> None:
        self._tools = tools
        self._name = name
        self._waiting = waiting
        self._calls: SimpleQueue[Callable[[Tool], None] | None] = SimpleQueue()
        self._ends: list[Future[None]] = []
        self._closed = False

    def submit(self, work: Callable[[Tool], Result]) -> Future[Result] | None:
        """Queue the work; None when too much is waiting already. The future can be cancelled until the work begins."""
        if self._closed or self._calls.qsize() >= self._waiting:
            return None
        self._start()
        outcome: Future[Result] = Future()
        self._calls.put(lambda tool: _run(work, tool, outcome))
        return outcome

    async def close(self, *, within: timedelta) -> None:
        """Take nothing more and wait for what is under way; what hangs longer is left to the process's end."""
        self._closed = True
        for _ in self._ends:
            self._calls.put(None)
        if self._ends:
            await asyncio.wait(map(asyncio.wrap_future, self._ends), timeout=within.total_seconds())

    def _start(self) -> None:
        for tool in self._tools[len(self._ends) :]:
            end: Future[None] = Future()
            self._ends.append(end)
            threading.Thread(target=self._serve, args=(tool, end), name=self._name, daemon=True).start()

    def _serve(self, tool: Tool, end: Future[None]) -> None:
        while (call := self._calls.get()) is not None:
            call(tool)
            del call  # a thread that waits must not keep the last message in memory
        tool.close()
        end.set_result(None)


def _run(work: Callable[[Tool], Result], tool: Tool, outcome: Future[Result]) -> None:
    if not outcome.set_running_or_notify_cancel():
        return
    try:
        outcome.set_result(work(tool))
    except BaseException as error:  # noqa: BLE001 - whoever waits is told, and the thread lives on
        outcome.set_exception(error)
