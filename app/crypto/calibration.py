"""How fast this machine computes Argon2id, and what it may cost so that a sign-in takes a wanted time.

Memory first (RFC 9106 §4): it is what an attacker's hardware pays for. Never under the floor, never above the bounds.
"""

import platform
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from passlib.hash import argon2

from app.crypto.chance import random_bytes
from app.settings.people import MOST_MEMORY_KIB, MOST_MEMORY_PASSES

FLOOR_KIB, FLOOR_PASSES = 19_456, 2
_ROUND_KIB = 1024
_CORRECTIONS = 3
_NEAR = 0.05
_VEX_256 = bytes(byte for byte in range(0b101, 256, 0b1000))
_WIDE_MULTIPLY = re.compile(rb"(?:\xc5|\xc4.)[" + re.escape(_VEX_256) + rb"]\xf4", re.DOTALL)
"""VPMULUDQ on 256 bits: an Argon2 that was built for AVX2 is full of it, any other has none but by chance."""
_BY_CHANCE = 16
Build = Literal["avx2", "portable", "unknown"]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a hash costs; `seconds` as measured here."""

    memory_kib: int
    passes: int
    seconds: float


def measure(memory_kib: int, passes: int, parallelism: int = 1, *, times: int = 3) -> Cost:
    """The quickest of some: whatever made another one slower was not the hash."""
    hasher = argon2.using(  # type: ignore[no-untyped-call]
        type="ID", memory_cost=memory_kib, time_cost=passes, parallelism=parallelism
    )
    password = random_bytes(16).hex()
    return Cost(memory_kib, passes, min(_seconds(lambda: hasher.hash(password)) for _ in range(times)))


def calibrate(target: timedelta, *, parallelism: int = 1) -> Cost:
    """The dearest hash that takes no longer than *target* here; the floor, where even that takes longer."""
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


def _scaled(measured: Cost, wanted: float) -> tuple[int, int]:
    """Time grows with memory and with passes alike."""
    kib_passes = measured.memory_kib * measured.passes * wanted / measured.seconds
    kib_passes = min(kib_passes, MOST_MEMORY_PASSES)
    memory_kib = int(min(kib_passes / FLOOR_PASSES, MOST_MEMORY_KIB))
    memory_kib = max(FLOOR_KIB, memory_kib - memory_kib % _ROUND_KIB)
    return memory_kib, max(FLOOR_PASSES, int(kib_passes / memory_kib))


def _seconds(job: Callable[[], object]) -> float:
    began = time.perf_counter()
    job()
    return time.perf_counter() - began


def build() -> Build:
    """Whether the installed Argon2 multiplies 256 bits at a time; told by its machine code, for it says nothing itself."""
    found = find_spec("_argon2_cffi_bindings")
    folders = (found.submodule_search_locations if found else None) or []
    libraries = [path for folder in folders for path in Path(folder).glob("_ffi*.so")]
    if not libraries or platform.machine() != "x86_64":
        return "unknown"
    return "avx2" if len(_WIDE_MULTIPLY.findall(libraries[0].read_bytes())) >= _BY_CHANCE else "portable"
