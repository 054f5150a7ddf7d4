"""Do two sorts of requests take the same time? Samples taken in turns, and the Mann-Whitney U test on them (A073)."""

import math
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from statistics import NormalDist, median

from tests.attack.measured import measured

TRIES = 3
UNLIKELY = 0.01
GAP = 0.005
Sample = Callable[[], Awaitable[None]]


async def take(sorts: Mapping[str, Sample], *, each: int, warm_up: int = 5) -> dict[str, list[float]]:
    """Seconds a request of each sort takes, in random turns, so that whatever else goes on meets all of them alike."""
    taken: dict[str, list[float]] = {name: [] for name in sorts}
    turns = [name for name in sorts for _ in range(each)]
    secrets.SystemRandom().shuffle(turns)
    for name in [*list(sorts) * warm_up, *turns]:
        began = time.perf_counter()
        await sorts[name]()
        taken[name].append(time.perf_counter() - began)
    return {name: seconds[warm_up:] for name, seconds in taken.items()}


def likelihood(left: list[float], right: list[float]) -> float:
    """How likely such samples are when both come from one source: two-sided p of Mann-Whitney, normal approximation."""
    ranked = sorted((*((value, 0) for value in left), *((value, 1) for value in right)))
    ranks = sum(rank for rank, (_, side) in enumerate(ranked, start=1) if side == 0)
    count = len(left) * len(right)
    off = abs(ranks - len(left) * (len(left) + 1) / 2 - count / 2)
    spread = math.sqrt(count * (len(left) + len(right) + 1) / 12)
    return 2 * (1 - NormalDist().cdf(max(0.0, off - 0.5) / spread))


def gap(left: list[float], right: list[float]) -> float:
    return abs(median(left) - median(right))


async def differences(sorts: Mapping[str, Sample], *, each: int) -> set[str]:
    """The sorts that took another time than the first one."""
    taken = await take(sorts, each=each)
    first, *others = taken
    found = set()
    for name in others:
        likely, apart = likelihood(taken[first], taken[name]), gap(taken[first], taken[name])
        measured(
            f"{first} / {name}: p = {likely:.3f}, medians {apart * 1000:.2f} ms apart of {median(taken[first]) * 1000:.1f}"
        )
        if likely <= UNLIKELY or apart >= GAP:
            found.add(name)
    return found


async def refuse_differences(sorts: Mapping[str, Sample], *, each: int) -> None:
    """Chance, or a busy machine, may tell a sort from the others once; a leak tells the same one each time."""
    told = set(sorts)
    for _ in range(TRIES):
        told &= await differences(sorts, each=each)
        if not told:
            return
    raise AssertionError(f"can be told by time: {told}")
