"""What a worker needs: memory over a long life, and time to begin."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator

from bench import journeys, people
from bench.machine import resident
from bench.places import Place
from bench.rows import Effort, Row, at_most
from bench.wrk import Ask, drive
from tests.attack.service import ROOT


async def memory(place: Place, effort: Effort) -> AsyncIterator[Row]:
    """One worker after 1 000 requests and after 100 000."""
    wanted = 2_000 if effort.smoke else 100_000
    known = await people.settle(place.settings(), 8)
    async with place.service() as service:
        asks = [Ask("/session", opened["access_token"]) for opened in await journeys.sessions(service, known)]
        [worker], meter, done = service.members(), place.meter(service), 0
        await drive(service.url, asks, meter, seconds=1)
        early = resident(worker)
        while done < wanted:
            done += (await drive(service.url, asks, meter, seconds=effort.seconds)).requests
        late = resident(worker)
    figures = {"early MiB": round(early, 1), "late MiB": round(late, 1), "requests": float(done)}
    yield Row("memory after 100 000 requests ÷ early", late / early, "<= 1.1", late <= early * 1.1, figures)
    yield at_most("memory of a worker with one hashing thread, MiB", late, 149)


async def start(place: Place, effort: Effort) -> AsyncIterator[Row]:
    """From the command to the first 200, with the database up, beside importing what it stands on."""
    async with place.service():
        pass  # migrated, and its keys are made
    starts, imports = [], []
    for _ in range(effort.rounds):
        begun = time.perf_counter()
        async with place.service():
            starts.append(time.perf_counter() - begun)
        imports.append(await _importing())
    best, least = min(starts), min(imports)
    figures = {"start s": round(best, 3), "import s": round(least, 3)}
    yield Row(
        "start to the first 200 ÷ importing fastapi, sqlalchemy", best / least, "<= 2.5", best <= 2.5 * least, figures
    )
    yield at_most("start to the first 200, s", best, 1)


async def _importing() -> float:
    begun = time.perf_counter()
    run = await asyncio.create_subprocess_exec(sys.executable, "-c", "import fastapi, sqlalchemy", cwd=ROOT)
    await run.wait()
    return time.perf_counter() - begun
