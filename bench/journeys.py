"""Sign-ins, as many at a time as there are lines: what the password hash makes slow, and so needs no compiled client."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime

from bench.machine import Meter
from bench.people import PASSWORD, Somebody
from bench.wrk import Load
from tests.attack.lines import Line, Reply, lines
from tests.attack.service import Service

Journey = Callable[[Line, Somebody], Awaitable[Reply]]


async def with_password(line: Line, somebody: Somebody) -> Reply:
    return await line.ask("POST", "/login", {"email": somebody.email, "password": PASSWORD})


async def with_app(line: Line, somebody: Somebody) -> Reply:
    assert somebody.app
    pending = (await with_password(line, somebody)).body["mfa_token"]
    return await line.ask("POST", "/verify-otp", {"code": somebody.app.code(datetime.now(UTC))}, token=pending)


async def wrong(line: Line, somebody: Somebody) -> Reply:
    return await line.ask("POST", "/login", {"email": somebody.email, "password": "not " + PASSWORD})


async def travel(
    service: Service, journey: Journey, people: Iterable[Somebody], meter: Meter, *, seconds: float, at_a_time: int = 16
) -> Load:
    """Let *people* make *journey*, one after the other on each line, until time is up or nobody is left."""
    took: list[float] = []
    failed: list[int] = []
    queue = iter(people)
    async with lines(service, at_a_time) as opened:
        meter.start()
        begun = time.perf_counter()
        await asyncio.gather(*(_go(line, journey, queue, begun + seconds, took, failed) for line in opened))
        spent = time.perf_counter() - begun
        costs = meter.stop()
    took.sort()
    p50, p99 = (took[int(len(took) * part)] * 1000 for part in (0.5, 0.99))
    return Load(len(took), spent, len(failed), p50, p99, costs)


async def _go(
    line: Line, journey: Journey, queue: Iterator[Somebody], end: float, took: list[float], failed: list[int]
) -> None:
    for somebody in queue:
        begun = time.perf_counter()
        reply = await journey(line, somebody)
        took.append(time.perf_counter() - begun)
        if reply.status >= 400:
            failed.append(reply.status)
        if time.perf_counter() > end:
            return


async def sessions(service: Service, people: Sequence[Somebody]) -> list[dict[str, str]]:
    """The tokens of *people*, signed in one after the other."""
    async with lines(service, 1) as [line]:
        return [(await with_password(line, somebody)).body for somebody in people]
