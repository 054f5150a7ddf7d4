"""Makes the application from the flows that `wiring` built, and runs the background jobs. Importing it does nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, FastAPI

from app import __version__
from app.api import (
    account,
    catalogue,
    dev,
    devices,
    docs,
    emails,
    factors,
    machines,
    metrics,
    openapi,
    passwords,
    problems,
    revocations,
    security_events,
    sessions,
    shell,
    signing_in,
    signing_up,
    step_up,
    traced,
    webhooks,
)
from app.api.guard import refuse_unguarded
from app.clock import Clock, SystemClock
from app.factors import KINDS
from app.factors.base import AnyFactor
from app.settings import Settings
from app.watch import logs
from app.watch.trail import Trail
from app.wiring import Works, build

_LAST_WORDS = timedelta(seconds=2)
"""How much longer than the slowest SMS takes a stopping worker waits for messages under way."""


def create_app(
    settings: Settings | None = None, *, clock: Clock | None = None, kinds: Iterable[type[AnyFactor]] = KINDS
) -> FastAPI:
    """Make the application; without *settings* it reads the environment.

    Raises ValueError for settings that cannot work, RuntimeError for a route that is neither public nor guarded.
    """
    settings = settings or Settings()
    clock = clock or SystemClock()
    logs.configure(settings.logs, json=settings.logs_as_json)
    works = build(settings, clock, kinds)
    app = FastAPI(
        title=settings.brand,
        version=__version__,
        lifespan=_lifespan(works),
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=traced.telemetry(works.traces, settings.http),
    )
    app.state.house = works.house
    for router in _routers(settings, works):
        app.router.routes.extend(router.routes)
    problems.install(app)
    openapi.install(app)
    refuse_unguarded(app)
    shell.wrap(app, settings, clock, works.tools.trail)
    return app


def _routers(settings: Settings, works: Works) -> list[APIRouter]:
    """Return the routers, those of the hot routes first: routing is a linear search."""
    known = works.tools.factors
    routers = [
        sessions.router,
        signing_in.router,
        signing_in.routes(known),
        account.router,
        factors.router,
        factors.routes(known),
        step_up.router,
        step_up.routes(known),
        devices.router,
        security_events.router,
        passwords.router,
        emails.router,
        revocations.router,
        machines.router,
        webhooks.router,
    ]
    if settings.registration.open:
        routers.append(signing_up.router)
    if settings.metrics.token and settings.metrics.on_main_port:
        routers.append(metrics.routes(settings.metrics.token))
    if docs.wanted(settings):
        routers.append(docs.router)
    if settings.in_development:
        routers.append(dev.router)
    return [*routers, catalogue.router]


def _lifespan(works: Works) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tools = works.tools
        jobs: list[asyncio.Task[None]] = []
        try:
            await _open_keys(works)
            await tools.revocations.read()
            feeds = (tools.revocations.run, works.following.run, tools.sightings.run, tools.refusals.run)
            work = (tools.trail.run, tools.sealer.run, tools.mails.run, works.outbox.run, works.schemes.run)
            jobs += [_keep(job, tools.trail) for job in (*feeds, *work)]
            jobs += [_keep(works.pruning.run, tools.trail)] if works.pruning else []
            jobs += [_keep(works.sampling.run, tools.trail)] if works.sampling else []
            yield
        finally:
            await _stop(works, jobs)

    return lifespan


async def _open_keys(works: Works) -> None:
    """Open signing keys and audit log keys in parallel: each makes a first connection, and the start waits for both."""
    begun = await asyncio.gather(_begin_signing(works), works.tools.trail.begin(), return_exceptions=True)
    for fault in filter(None, begun):
        raise fault


async def _begin_signing(works: Works) -> None:
    with works.tools.trail.beside():
        await works.following.begin()


def _keep(job: Callable[[], Coroutine[Any, Any, Any]], trail: Trail) -> asyncio.Task[None]:
    """Run *job* to the end of the process; an error in it is logged, and it is begun again."""

    async def forever() -> None:
        while True:
            try:
                with trail.beside():
                    await job()
            except Exception:  # noqa: BLE001  a job that is dead is worse than one that stumbles
                logs.logger("gatehouse.jobs").exception("job stumbled", job=job.__qualname__)
                await asyncio.sleep(1)

    return asyncio.create_task(forever())


async def _stop(works: Works, jobs: list[asyncio.Task[None]]) -> None:
    """Requests have ended by now: let what they started finish, then let go of everything."""
    tools = works.tools
    with tools.trail.beside():
        tools.refusals.tell()
    # A second sender may take over at half of the deadline.
    end = tools.clock.elapsed() + (1.5 * tools.settings.sms.deadline + _LAST_WORDS).total_seconds()
    for messages in (tools.background, tools.mails):
        await messages.drain(within=timedelta(seconds=max(0.0, end - tools.clock.elapsed())))
    for job in jobs:
        job.cancel()
    await asyncio.gather(*jobs, return_exceptions=True)
    await tools.trail.drain(within=_LAST_WORDS)
    await tools.sealer.finish()
    with suppress(TimeoutError):
        async with asyncio.timeout(max(1.0, end - tools.clock.elapsed())):
            await asyncio.gather(*(sender.close() for sender in set(tools.senders.values())))
    if tools.breached:
        await tools.breached.close()
    if works.traces:
        await works.traces.close()
    tools.pool.close()
    await tools.database.close()
