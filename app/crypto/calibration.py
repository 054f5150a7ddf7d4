"""How fast this machine computes Argon2id, and what it may cost so that a sign-in takes a wanted time.

Memory first (RFC 9106 §4): it is what an attacker's hardware pays for. Never under the floor, never above the bounds.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from passlib.hash import argon2

from app.crypto.chance import random_bytes
from app.settings.people import MOST_MEMORY_KIB, MOST_MEMORY_PASSES

FLOOR_KIB, FLOOR_PASSES = 19_456, 2
_ROUND_KIB = 1024
_CORRECTIONS = 3
_NEAR = 0.05


@dataclass(frozen=True, slots=True)
class Cost:
    """What a hash costs; `seconds` as measured here."""

    memory_kib: int
    passes: int
    seconds: float


def measure(memory_kib: int, passes: int, parallelism: int = 1, *, times: int = 3) -> Cost:
    """The fastest of *times* runs: whatever made another one slower was not the hash."""
    hasher = _hasher(memory_kib, passes, parallelism)
    password = random_bytes(16).hex()
    return Cost(memory_kib, passes, min(_seconds(lambda: hasher.hash(password)) for _ in range(times)))


def calibrate(target: timedelta, *, parallelism: int = 1) -> Cost:
    """The cost of a hash that takes about *target* here; the floor, where even that takes longer."""
    wanted = target.total_seconds()
    cost = measure(FLOOR_KIB, FLOOR_PASSES, parallelism)
    for _ in range(_CORRECTIONS):
        memory_kib, passes = _scaled(cost, wanted)
        if (memory_kib, passes) == (cost.memory_kib, cost.passes):
            break
        cost = measure(memory_kib, passes, parallelism)
        if abs(cost.seconds - wanted) <= _NEAR * wanted:
            break
    return cost


def verifications(cost: Cost, *, threads: int, parallelism: int = 1, seconds: float = 0.5) -> float:
    """How many verifications per second run on so many threads at once."""
    hasher = _hasher(cost.memory_kib, cost.passes, parallelism)
    password = random_bytes(16).hex()
    stored = hasher.hash(password)

    def one_thread() -> float:
        began = now = time.perf_counter()
        done = 0
        while not done or now - began < seconds:
            hasher.verify(password, stored)
            now, done = time.perf_counter(), done + 1
        return done / (now - began)

    with ThreadPoolExecutor(threads) as pool:
        return sum(future.result() for future in [pool.submit(one_thread) for _ in range(threads)])


def _hasher(memory_kib: int, passes: int, parallelism: int) -> Any:  # noqa: ANN401  passlib has no types
    return argon2.using(  # type: ignore[no-untyped-call]
        type="ID", memory_cost=memory_kib, time_cost=passes, parallelism=parallelism
    )


def _scaled(measured: Cost, wanted: float) -> tuple[int, int]:
    """Scale memory and passes to the *wanted* time, which grows with both alike."""
    kib_passes = measured.memory_kib * measured.passes * wanted / measured.seconds
    kib_passes = min(kib_passes, MOST_MEMORY_PASSES)
    memory_kib = int(min(kib_passes / FLOOR_PASSES, MOST_MEMORY_KIB))
    memory_kib = max(FLOOR_KIB, memory_kib - memory_kib % _ROUND_KIB)
    return memory_kib, max(FLOOR_PASSES, int(kib_passes / memory_kib))


def _seconds(job: Callable[[], object]) -> float:
    began = time.perf_counter()
    job()
    return time.perf_counter() - began
