"""Sign-ins beside the password hash that each of them is made of, and what they do to everybody else."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count

from bench import journeys, people
from bench.machine import Costs
from bench.places import Place
from bench.rows import Effort, Row, Turn, at_least, at_most, interleaved
from bench.wrk import Load
from tests.attack.lines import Request, lines
from tests.attack.service import Service

_CORES = cpu_count() or 1
_STORM_LINES = 32
_READS_A_SECOND = 50
_BEST_RIVAL = 99
"""Sign-ins a second of the quickest alternative (docs/performance.md)."""


async def logins(place: Place, effort: Effort) -> AsyncIterator[Row]:
    """Both kinds of sign-in on as many workers as there are cores, beside Argon2id on as many threads."""
    alone = itertools.cycle(await people.settle(place.settings(), effort.people))
    # A code is good once, and the next one comes half a minute later: everybody signs in with it once.
    apps = iter(await people.settle(place.settings(), effort.people * effort.rounds, with_app=True))
    async with place.service(_CORES) as service:
        meter = place.meter(service)
        turns: dict[str, Turn] = {
            "argon2id": lambda: _hashing(place, effort.seconds),
            "login": lambda: journeys.travel(service, journeys.with_password, alone, meter, seconds=effort.seconds),
            "login, code": lambda: journeys.travel(
                service, journeys.with_app, itertools.islice(apps, effort.people), meter, seconds=effort.seconds
            ),
        }
        loads = await interleaved(turns, effort.rounds)
    best = loads["argon2id"].a_second
    yield at_least("POST /login ÷ Argon2id verifications", loads["login"].a_second / best, 0.80, **loads)
    yield at_least("POST /login a second, all cores", loads["login"].a_second, _BEST_RIVAL)
    yield at_least("login, authenticator app, tokens ÷ the same", loads["login, code"].a_second / best, 0.65)


async def _hashing(place: Place, seconds: float) -> Load:
    """Argon2id verifications by the service's own settings and build, on as many threads as there are cores."""
    verify = people.verifier(place.settings())

    def one_thread() -> int:
        end, done = time.perf_counter() + seconds, 0
        while time.perf_counter() < end:
            verify()
            done += 1
        return done

    loop, begun = asyncio.get_running_loop(), time.perf_counter()
    with ThreadPoolExecutor(_CORES) as pool:
        done = sum(await asyncio.gather(*(loop.run_in_executor(pool, one_thread) for _ in range(_CORES))))
    return Load(done, time.perf_counter() - begun, 0, 0.0, 0.0, Costs(0.0, 0.0))


async def refusals(place: Place, effort: Effort) -> AsyncIterator[Row]:
    """What a login costs that is over its limit: no hash."""
    [somebody] = await people.settle(place.settings(), 1)
    async with place.service(GATEHOUSE_LIMITS__LOGIN_DELAYS="PT15M") as service, lines(service, 1) as [line]:
        while (await journeys.wrong(line, somebody)).status != 429:
            pass
        meter, count = place.meter(service), 50 if effort.smoke else 1000
        meter.start()
        begun = time.perf_counter()
        for _ in range(count):
            assert (await journeys.wrong(line, somebody)).status == 429
        costs, spent = meter.stop(), time.perf_counter() - begun
    load = Load(count, spent, 0, 0.0, 0.0, costs)
    yield at_most("a login over its limit, ms of the server's CPU", load.cpu_us / 1000, 1, refused=load)


async def storm(place: Place, effort: Effort) -> AsyncIterator[Row]:
    """50 reads a second while sign-ins saturate the machine."""
    known = await people.settle(place.settings(), effort.people)
    async with place.service(_CORES) as service:
        [reader] = await journeys.sessions(service, known[:1])
        meter, people_ = place.meter(service), itertools.cycle(known)
        travelling = journeys.travel(
            service, journeys.with_password, people_, meter, seconds=effort.seconds * 2, at_a_time=_STORM_LINES
        )
        storming = asyncio.create_task(travelling)
        await asyncio.sleep(effort.seconds / 4)
        took = await _reads(service, reader["access_token"], count=int(effort.seconds * _READS_A_SECOND))
        await storming
    yield at_most("GET /session while logins saturate, p99 in ms", took[int(len(took) * 0.99)] * 1000, 15)


async def _reads(service: Service, token: str, *, count: int) -> list[float]:
    """Sorted seconds, each from the moment the request was due: a late one does not hide the next."""
    asked, took = Request("GET", "/session", token=token), []
    async with lines(service, _CORES) as opened:
        begun = time.perf_counter()
        for nth in range(count):
            due = begun + nth / _READS_A_SECOND
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            reply = await opened[nth % len(opened)].answer(asked)
            assert reply.status == 200
            took.append(time.perf_counter() - due)
    return sorted(took)
