"""Hashing off the event loop: few threads of low priority and a bounded queue, so that a storm of logins starves nobody."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import ParamSpec, TypeVar

from app.problems import Overloaded

_NICE = 10
_Args = ParamSpec("_Args")
_Result = TypeVar("_Result")


class HashPool:
    """`threads` 0 means the worker's share of the cores."""

    def __init__(self, *, threads: int, queue: int, workers: int) -> None:
        size = threads or max(1, (os.cpu_count() or 1) // workers)
        self._pool = ThreadPoolExecutor(size, thread_name_prefix="hash", initializer=_step_back)
        self._room = threading.Semaphore(size + queue)

    async def run(self, job: Callable[_Args, _Result], *args: _Args.args, **kwargs: _Args.kwargs) -> _Result:
        """Do *job* on a hashing thread. Raises Overloaded at once when the queue is full."""
        with self.place() as place:
            return await place.run(job, *args, **kwargs)

    @contextmanager
    def place(self) -> Iterator["Place"]:
        """A place in the queue, held before anything else is paid for it. Raises Overloaded at once when there is none."""
        if not self._room.acquire(blocking=False):
            raise Overloaded
        place = Place(self._pool, self._room)
        try:
            yield place
        finally:
            place.leave()

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


class Place:
    """For one job. It is given back when the job's thread ends, not when its awaiter goes away."""

    def __init__(self, pool: ThreadPoolExecutor, room: threading.Semaphore) -> None:
        self._pool = pool
        self._room = room
        self._is_taken = False

    async def run(self, job: Callable[_Args, _Result], *args: _Args.args, **kwargs: _Args.kwargs) -> _Result:
        try:
            future = self._pool.submit(job, *args, **kwargs)
        except RuntimeError:  # the pool is closed: this worker is stopping
            raise Overloaded from None
        self._is_taken = True
        future.add_done_callback(lambda _: self._room.release())
        return await asyncio.wrap_future(future)

    def leave(self) -> None:
        if not self._is_taken:
            self._room.release()


def _step_back() -> None:
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
