"""Hashing threads are few and polite; a full queue says so at once, and only a finished job makes room."""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from app.crypto.pool import HashPool
from app.problems import Overloaded


@contextmanager
def pool_of(threads: int, queue: int) -> Iterator[HashPool]:
    pool = HashPool(threads=threads, queue=queue, workers=1)
    try:
        yield pool
    finally:
        pool.close()


class Gate:
    """A job that waits until it is let go, and counts those that got in."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._entered = threading.Semaphore(0)

    def job(self) -> str:
        self._entered.release()
        assert self._open.wait(5)
        return "done"

    async def entered(self) -> None:
        assert await asyncio.to_thread(self._entered.acquire, timeout=5)

    def let_go(self) -> None:
        self._open.set()


async def until_room(pool: HashPool) -> None:
    """Wait for the one place of a pool to come back; its thread gives it back a moment after its result."""
    end = time.monotonic() + 5
    while True:
        with suppress(Overloaded):
            await pool.run(int)
            return
        assert time.monotonic() < end, "the place never came back"
        await asyncio.sleep(0.001)


async def test_a_job_is_done_elsewhere_and_its_result_comes_back() -> None:
    with pool_of(1, 1) as pool:
        assert await pool.run(sorted, [2, 1], reverse=True) == [2, 1]
        assert await pool.run(threading.get_ident) != threading.get_ident()


async def test_what_a_job_raises_comes_back_and_gives_its_place_back() -> None:
    with pool_of(1, 1) as pool:
        for _ in range(5):
            with pytest.raises(ValueError, match="invalid literal"):
                await pool.run(int, "x")
            await until_room(pool)


async def test_a077_a_full_queue_is_overloaded_at_once() -> None:
    gate = Gate()
    with pool_of(2, 3) as pool:
        jobs = [asyncio.create_task(pool.run(gate.job)) for _ in range(5)]
        await gate.entered()
        await gate.entered()
        began = time.monotonic()
        for _ in range(100):
            with pytest.raises(Overloaded):
                await pool.run(int)
        assert time.monotonic() - began < 0.5
        gate.let_go()
        assert await asyncio.gather(*jobs) == ["done"] * 5
        await until_room(pool)


async def test_a_place_comes_back_when_the_thread_ends_not_when_its_awaiter_goes() -> None:
    gate = Gate()
    with pool_of(1, 1) as pool:
        running = asyncio.create_task(pool.run(gate.job))
        await gate.entered()
        waiting = asyncio.create_task(pool.run(gate.job))
        await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        with pytest.raises(Overloaded):
            await pool.run(int)
        gate.let_go()
        assert await waiting == "done"
        await until_room(pool)


async def test_a_job_that_nobody_awaits_any_more_is_not_begun() -> None:
    gate, begun = Gate(), threading.Event()
    with pool_of(1, 1) as pool:
        running = asyncio.create_task(pool.run(gate.job))
        await gate.entered()
        waiting = asyncio.create_task(pool.run(begun.set))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        after = asyncio.create_task(pool.run(int))
        gate.let_go()
        assert await running == "done"
        assert await after == 0
        assert not begun.is_set()


async def test_a_storm_leaves_no_place_lost() -> None:
    gate = Gate()
    with pool_of(2, 2) as pool:
        asked = [asyncio.ensure_future(pool.run(gate.job)) for _ in range(200)]
        await gate.entered()
        await gate.entered()
        gate.let_go()
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert found.count("done") == 4
        assert sum(isinstance(refusal, Overloaded) for refusal in found) == 196
        for _ in range(20):
            await until_room(pool)


async def test_there_are_no_more_threads_than_said() -> None:
    with pool_of(2, 50) as pool:
        used = await asyncio.gather(*(pool.run(_name_after, 0.002) for _ in range(40)))
        assert len(set(used)) == 2
        assert all(name.startswith("hash") for name in used)


def _name_after(seconds: float) -> str:
    time.sleep(seconds)
    return threading.current_thread().name


@pytest.mark.parametrize("workers", [1, 2, 1000])
async def test_a_worker_takes_its_share_of_the_cores_and_one_thread_at_least(workers: int) -> None:
    pool = HashPool(threads=0, queue=200, workers=workers)
    used = await asyncio.gather(*(pool.run(_name_after, 0.002) for _ in range(100)))
    assert len(set(used)) <= max(1, (os.cpu_count() or 1) // workers)
    pool.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a priority for each thread")
async def test_hashing_steps_back_and_nobody_else_does() -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    with pool_of(1, 1) as pool:
        assert await pool.run(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id())) >= 10
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


async def test_a_closed_pool_is_overloaded_too() -> None:
    """Requests still in flight while the service ends are answered 503, not 500."""
    pool = HashPool(threads=1, queue=1, workers=1)
    pool.close()
    with pytest.raises(Overloaded):
        await pool.run(int)
