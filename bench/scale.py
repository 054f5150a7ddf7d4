"""Every flow where few have signed up, and where a million have: what a request costs must not grow with them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from bench import journeys, people, reads
from bench.machine import Meter
from bench.people import Somebody
from bench.places import Place
from bench.rows import Effort, Row, Turn, at_most, interleaved
from bench.wrk import Ask, Load
from tests import postgres
from tests.attack.service import Service
from tests.filling import fill

_FEW, _MANY, _SMOKE = 1_000, 1_000_000, 2_000
_HISTORY = timedelta(days=25)
"""What happened is spread over so long."""
_READS = {"profile": "/me", "sessions": "/me/sessions", "events": "/me/security-events?limit=20"}
_LINES = 8
_IDLE = 0.1
"""CPU seconds in a second."""
_PATIENCE = 600
"""Seconds."""


@dataclass(frozen=True, slots=True)
class _Town:
    """A service whose database holds so many, and who signs in there."""

    place: Place
    service: Service
    known: Sequence[Somebody]
    apps: Sequence[Somebody]


def _sizes(users: int) -> dict[str, int]:
    """Rows of each table after five sign-ins of everybody. Tables that hold what is soon over are left empty."""
    once = ("users", "enrollments", "devices", "challenges", "sends", "audit_keys")
    five = ("sessions", "audit_events", "audit_links")
    some = ("throttles", "limits", "network_limits")
    return dict.fromkeys(five, users * 5) | dict.fromkeys(once, users) | dict.fromkeys(some, users // 10)


@asynccontextmanager
async def _town(place: Place, users: int, effort: Effort) -> AsyncIterator[_Town]:
    url = await postgres.create(place.cluster.url, f"town_{users}")
    here = replace(place, cluster=replace(place.cluster, url=url))
    async with here.service():
        pass  # brings the schema
    rows = await postgres.connect(url)
    sizes = _sizes(users)
    await fill(rows, sizes, at=datetime.now(UTC), every=_HISTORY / max(sizes.values()))
    await rows.execute("CHECKPOINT", timeout=_PATIENCE)
    await rows.close()
    known = await people.settle(here.settings(), _LINES)
    apps = await people.settle(here.settings(), effort.people * effort.rounds, with_app=True)
    async with here.service() as service:
        await _quiet(here.meter(service))
        yield _Town(here, service, known, apps)


async def _quiet(meter: Meter) -> None:
    """Wait until it idles: whoever begins looks through the last day of the audit log first."""
    async with asyncio.timeout(_PATIENCE):
        spent = 1.0
        while spent > _IDLE:
            meter.start()
            await asyncio.sleep(1)
            costs = meter.stop()
            spent = costs.server + costs.database


async def scale(place: Place, effort: Effort) -> AsyncIterator[Row]:
    """CPU of the service and of the database together, for each flow."""
    many = _SMOKE if effort.smoke else _MANY
    effort = replace(effort, people=effort.people // 20)
    async with _town(place, _FEW, effort) as few, _town(place, many, effort) as much:
        flows = {"few": await _flows(few, effort), "many": await _flows(much, effort)}
        for name in flows["few"]:
            turns = {size: turns[name] for size, turns in flows.items()}
            loads = await interleaved(turns, effort.rounds)
            yield at_most(f"{name}: {many:,} users ÷ {_FEW:,}", _cpu(loads["many"]) / _cpu(loads["few"]), 1.15, **loads)


async def _flows(town: _Town, effort: Effort) -> dict[str, Turn]:
    place, service, apps = town.place, town.service, iter(town.apps)
    tokens = [opened["access_token"] for opened in await journeys.sessions(service, town.known)]

    async def signing_in() -> Load:
        """Everybody once: a code is good once."""
        some = [next(apps) for _ in range(effort.people)]
        meter = place.meter(service)
        return await journeys.travel(service, journeys.with_app, some, meter, seconds=60, at_a_time=_LINES)

    flows: dict[str, Turn] = {"sign-in": signing_in, "refresh": reads.rotating(place, service, town.known, effort)}
    for name, path in _READS.items():
        asks = [Ask(path, token) for token in tokens]
        flows[name] = reads.reading(place, service, asks, effort, connections=_LINES)
    return flows


def _cpu(load: Load) -> float:
    return load.cpu_us + load.database_cpu_us
