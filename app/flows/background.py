"""What goes on after the answer: kept alive while it runs, waited for at shutdown."""

import asyncio
import logging
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

_Result = TypeVar("_Result")
_log = logging.getLogger("gatehouse.background")


class Background:
    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, _Result]) -> asyncio.Task[_Result]:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (failure := task.exception()):
            _log.error("background work failed", exc_info=failure)

    async def drain(self, *, within: timedelta) -> None:
        """Wait for what is running; what takes longer is cancelled."""
        if not self._running:
            return
        _, late = await asyncio.wait(self._running, timeout=within.total_seconds())
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
