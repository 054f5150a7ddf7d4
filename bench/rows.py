"""What is measured: each figure beside the limit of the same minute, as a median over interleaved rounds."""

import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from bench.wrk import Load

Turn = Callable[[], Awaitable[Load]]


@dataclass(frozen=True, slots=True)
class Effort:
    """How long and how often. *rounds*: over which the median is taken."""

    rounds: int = 5
    seconds: int = 4
    people: int = 2000

    @property
    def smoke(self) -> bool:
        return self.rounds == 1


SMOKE = Effort(rounds=1, seconds=1, people=60)


@dataclass(frozen=True, slots=True)
class Row:
    """*ratio* is what *goal* speaks of. *figures* holds everything that was measured."""

    name: str
    ratio: float
    goal: str
    met: bool
    figures: dict[str, float] = field(default_factory=dict)


async def interleaved(turns: dict[str, Turn], rounds: int) -> dict[str, Load]:
    """Every turn once a round, and of each the median round by its requests a second."""
    loads: dict[str, list[Load]] = {name: [] for name in turns}
    for _ in range(rounds):
        for name, turn in turns.items():
            load = await turn()
            if load.failed:
                raise RuntimeError(f"{name}: {load.failed} of {load.requests} requests failed")
            loads[name].append(load)
    return {name: _median(of) for name, of in loads.items()}


def _median(loads: Sequence[Load]) -> Load:
    middle = statistics.median_low(load.a_second for load in loads)
    return next(load for load in loads if load.a_second == middle)


def figures(name: str, load: Load) -> dict[str, float]:
    told = {"a_second": load.a_second, "cpu_us": load.cpu_us, "database_cpu_us": load.database_cpu_us}
    told |= {"p50_ms": load.p50_ms, "p99_ms": load.p99_ms}
    return {f"{name}.{what}": round(value, 2) for what, value in told.items()}


def at_least(name: str, ratio: float, goal: float, **loads: Load) -> Row:
    told = {key: value for label, load in loads.items() for key, value in figures(label, load).items()}
    return Row(name, ratio, f">= {goal:g}", ratio >= goal, told)


def at_most(name: str, ratio: float, goal: float, **loads: Load) -> Row:
    told = {key: value for label, load in loads.items() for key, value in figures(label, load).items()}
    return Row(name, ratio, f"<= {goal:g}", ratio <= goal, told)
