"""Hashing off the event loop: few threads of low priority and a bounded queue, so that a storm of logins starves nobody."""

import asyncio
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import ParamSpec, Protocol, TypeVar

from app.problems import Overloaded

_NICE = 10
_Args = ParamSpec("_Args")
_Result = TypeVar("_Result")


class Watcher(Protocol):
    """Callbacks that say what becomes of each job; called from any thread."""

    def taken(self) -> None: ...
    def left(self) -> None: ...
    def refused(self) -> None: ...
    def done(self, *, waited: float, took: float) -> None: ...


def share(*, threads: int, workers: int) -> int:
    """The hashing threads of one worker; *threads* 0 means its share of the cores."""
    return threads or max(1, (os.cpu_count() or 1) // workers)


class HashPool:
    def __init__(self, *, threads: int, queue: int, workers: int, watcher: Watcher | None = None) -> None:
        size = share(threads=threads, workers=workers)
        self._pool = ThreadPoolExecutor(size, thread_name_prefix="hash", initializer=_step_back)
        self._room = threading.Semaphore(size + queue)
        self._watcher = watcher or _Nobody()

    async def run(self, job: Callable[_Args, _Result], *args: _Args.args, **kwargs: _Args.kwargs) -> _Result:
        """Do *job* on a hashing thread. Raises Overloaded at once when the queue is full.

        A place in the queue is given back when the thread ends, not when its awaiter goes away.
        """
        if not self._room.acquire(blocking=False):
            self._watcher.refused()
            raise Overloaded
        self._watcher.taken()
        try:
            future = self._pool.submit(self._timed, time.monotonic(), partial(job, *args, **kwargs))
        except RuntimeError:  # the pool is closed: this worker is stopping
            self._leave()
            raise Overloaded from None
        future.add_done_callback(lambda _: self._leave())
        return await asyncio.wrap_future(future)

    def _timed(self, asked: float, job: Callable[[], _Result]) -> _Result:
        began = time.monotonic()
        try:
            return job()
        finally:
            self._watcher.done(waited=began - asked, took=time.monotonic() - began)

    def _leave(self) -> None:
        self._room.release()
        self._watcher.left()

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


class _Nobody:
    def taken(self) -> None:
        """Nothing."""

    left = refused = taken

    def done(self, *, waited: float, took: float) -> None:
        """Nothing."""


def _step_back() -> None:
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
