"""Hashing off the event loop: few threads of low priority and a bounded queue, so that a storm of logins starves nobody."""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
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
        """Do *job* on a hashing thread. Raises Overloaded at once when the queue is full.

        A place in the queue is given back when the thread ends, not when its awaiter goes away.
        """
        if not self._room.acquire(blocking=False):
            raise Overloaded
        try:
            future = self._pool.submit(job, *args, **kwargs)
        except RuntimeError:  # the pool is closed: this worker is stopping
            self._room.release()
            raise Overloaded from None
        future.add_done_callback(lambda _: self._room.release())
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _step_back() -> None:
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
