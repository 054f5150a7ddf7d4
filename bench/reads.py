"""Guarded reads beside routes that do the same work without a guard, or with one select."""

from collections.abc import AsyncIterator, Sequence

from bench import journeys, people
from bench.people import Somebody
from bench.places import LimitApp, Place
from bench.rows import Effort, Row, Turn, at_least, at_most, interleaved
from bench.wrk import Ask, Load, drive
from tests.attack.service import Service

_TOKENS = 8
_GUARD_US = 40.0
_BEST_RIVAL = 620
"""Guarded reads a second of the quickest alternative that checks more than a signature (docs/performance.md)."""


async def one_worker(place: Place, effort: Effort) -> AsyncIterator[Row]:
    """`GET /session` beside the same application's unguarded route, and beside a bare FastAPI route."""
    known = await people.settle(place.settings(), _TOKENS)
    async with place.service() as service, place.limit("unguarded") as unguarded, place.limit("bare") as bare:
        asks = [Ask("/session", opened["access_token"]) for opened in await journeys.sessions(service, known)]
        turns = {
            "session": reading(place, service, asks, effort),
            "unguarded": reading(place, unguarded, [Ask("/unguarded")], effort),
            "bare": reading(place, bare, [Ask("/session")], effort),
        }
        loads = await interleaved(turns, effort.rounds)
    session, same, least = loads["session"], loads["unguarded"], loads["bare"]
    yield at_least("GET /session ÷ the same without guard", same.cpu_us / session.cpu_us, 0.85, **loads)
    yield at_most("the guard, µs of CPU", session.cpu_us - same.cpu_us, _GUARD_US)
    yield at_most("GET /session ÷ a bare FastAPI route, CPU", session.cpu_us / least.cpu_us, 2)
    yield at_least("GET /session a second, one worker", session.a_second, 4 * _BEST_RIVAL)


async def two_workers(place: Place, effort: Effort) -> AsyncIterator[Row]:
    """Twice the workers for twice the requests: needs two cores that nobody else is on, wrk included."""
    known = await people.settle(place.settings(), _TOKENS)
    async with place.service(1) as one, place.service(2) as two:
        tokens = [opened["access_token"] for opened in await journeys.sessions(one, known)]
        asks = [Ask("/session", token) for token in tokens]
        turns = {"one": reading(place, one, asks, effort), "two": reading(place, two, asks, effort, connections=64)}
        loads = await interleaved(turns, effort.rounds)
    per_cpu = loads["one"].cpu_us / loads["two"].cpu_us
    yield at_least("GET /session: two workers ÷ one, requests for the CPU spent", per_cpu, 0.9, **loads)


async def profile(place: Place, effort: Effort) -> AsyncIterator[Row]:
    """`GET /me` beside a guarded route with one Core select by primary key in AUTOCOMMIT."""
    known = await people.settle(place.settings(), _TOKENS)
    async with place.service() as service, place.limit("selecting") as selecting:
        tokens = [opened["access_token"] for opened in await journeys.sessions(service, known)]
        turns = {
            "me": reading(place, service, [Ask("/me", token) for token in tokens], effort),
            "one select": reading(place, selecting, [Ask("/one-select", token) for token in tokens], effort),
        }
        loads = await interleaved(turns, effort.rounds)
    yield at_least("GET /me ÷ one select", loads["one select"].cpu_us / loads["me"].cpu_us, 0.85, **loads)


async def refreshes(place: Place, effort: Effort) -> AsyncIterator[Row]:
    """`POST /token/refresh` beside one UPDATE … RETURNING and one signature."""
    lines = 16
    known = await people.settle(place.settings(), lines)
    async with place.service() as service, place.limit("updating") as updating:
        opened = await journeys.sessions(service, known)
        updates = [Ask(f"/one-update/{session['session_id']}", method="POST") for session in opened]
        turns = {
            "refresh": rotating(place, service, known, effort),
            "one update": reading(place, updating, updates, effort, connections=lines),
        }
        loads = await interleaved(turns, effort.rounds)
    ratio = loads["one update"].cpu_us / loads["refresh"].cpu_us
    yield at_least("POST /token/refresh ÷ one UPDATE and one signature", ratio, 0.7, **loads)
    yield at_least("POST /token/refresh a second", loads["refresh"].a_second, 1000)


def rotating(place: Place, service: Service, known: Sequence[Somebody], effort: Effort) -> Turn:
    """Each of *known* refreshes on a connection of their own; signed in anew each time: wrk tells nobody how far a token came."""

    async def turn() -> Load:
        fresh = await journeys.sessions(service, known)
        asks = [Ask("", body=session["refresh_token"]) for session in fresh]
        meter = place.meter(service)
        return await drive(service.url, asks, meter, seconds=effort.seconds, connections=len(asks), follow=True)

    return turn


def reading(place: Place, of: Service | LimitApp, asks: list[Ask], effort: Effort, *, connections: int = 32) -> Turn:
    meter = place.meter(of)
    return lambda: drive(of.url, asks, meter, seconds=effort.seconds, connections=connections)
