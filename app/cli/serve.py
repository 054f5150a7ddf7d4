"""`gatehouse serve`: the service, with nothing left running when it ends, however it ends."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from errno import EADDRNOTAVAIL
from math import ceil
from typing import Annotated

import typer
import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from app.cli.beside import recorded
from app.cli.development import furnished
from app.cli.environment import read_settings, refuse
from app.cli.lasting import lasting
from app.cli.leaving import HUNG, App, Leaving
from app.cli.measured import measured
from app.cli.migrate import is_behind
from app.clock import SystemClock
from app.crypto.keys import KeyRing
from app.crypto.vault import Vault
from app.flows.keys import Keys, KeysUnreadable
from app.flows.rotation import Rotation
from app.main import create_app
from app.settings import Settings
from app.store.database import Database
from app.store.migrate import upgrade
from app.watch import logs
from app.wiring.unfit import unfit

_ELSEWHERE = "GATEHOUSE_HTTP__HOST: {} is no address of this machine. 0.0.0.0 is all of them."
_LAST_WORDS = timedelta(seconds=23)
"""The longest that a worker takes to end after its requests, besides SMS under way: mails, open connections."""


def serve(
    host: Annotated[str | None, typer.Option(help="Overrides GATEHOUSE_HTTP__HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Overrides GATEHOUSE_HTTP__PORT.")] = None,
    workers: Annotated[int | None, typer.Option(help="Overrides GATEHOUSE_WORKERS.")] = None,
) -> None:
    """Serve until SIGTERM or Ctrl-C. Development brings its own database; production wants one that is migrated."""
    given = {"GATEHOUSE_HTTP__HOST": host, "GATEHOUSE_HTTP__PORT": port, "GATEHOUSE_WORKERS": workers}
    os.environ |= {name: str(value) for name, value in given.items() if value is not None}
    # uvicorn raises the signal again after its shutdown: without a handler the process would die without its `finally`.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    listener = _listen(read_settings(unfit))
    with suppress(KeyboardInterrupt), furnished() as settings:
        os.environ["GATEHOUSE_WORKERS"] = str(settings.workers)
        logs.configure(settings.logs, json=settings.logs_as_json)
        _bring_schema(settings)
        _open_keys(settings)
        _announce(settings)
        with measured(settings):
            _run(settings, listener)


def of_worker() -> App:
    """Make the app of one of several workers."""
    return _leaving(create_app(), read_settings())


def _leaving(app: App, settings: Settings) -> App:
    """Wrap *app* in `Leaving`, which takes over SIGTERM: to be called within the running server."""
    leaving = Leaving(app, drain=settings.drain, deadline=longest_end(settings))
    leaving.take_over()
    return leaving


def longest_end(settings: Settings) -> timedelta:
    """The longest a worker takes to end after SIGTERM. A second SMS sender may take over at half of the deadline."""
    return settings.drain + settings.http.shutdown_grace + 1.5 * settings.sms.deadline + _LAST_WORDS


def _listen(settings: Settings) -> socket.socket:
    """Bind the port before anything else is started: if it cannot be had, nothing is."""
    host, port = settings.http.host, settings.http.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()
    except (socket.gaierror, UnicodeError):
        refuse(_ELSEWHERE.format(host))
    except OSError as refused:
        if refused.errno == EADDRNOTAVAIL:
            refuse(_ELSEWHERE.format(host))
        refuse(
            f"GATEHOUSE_HTTP__PORT: cannot listen on {host}:{port} ({refused.strerror}). "
            "Choose another: set GATEHOUSE_HTTP__PORT, which `make run` takes too, or --port."
        )
    listener.set_inheritable(True)
    return listener


def _bring_schema(settings: Settings) -> None:
    if not is_behind(settings.database):
        return
    if not settings.in_development:
        refuse("The database's schema is older than this code: run `gatehouse migrate` first.")
    asyncio.run(upgrade(settings.database))


def _open_keys(settings: Settings) -> None:
    """Prepare the signing keys. If they cannot be opened, refuse here, once, and not in every worker's log."""
    try:
        asyncio.run(_signing_keys(settings))
    except KeysUnreadable as reason:
        refuse(str(reason))


async def _signing_keys(settings: Settings) -> None:
    database = Database(settings.database)
    try:
        keys = Keys(settings.tokens, database, SystemClock(), Vault(KeyRing(settings.secret_keys)))
        async with recorded(settings, database):
            await Rotation(keys).prepare()
    finally:
        await database.close()


def _announce(settings: Settings) -> None:
    if settings.in_development:
        url = f"http://127.0.0.1:{settings.http.port}"
        typer.echo(f"Gatehouse: {url} · {url}/docs · messages in {url}/dev/inbox · Ctrl-C stops", err=True)


def _run(settings: Settings, listener: socket.socket) -> None:
    # With several workers, the app is made here too: a fault must stop the start once, not each worker again and again.
    try:
        with lasting():
            app = create_app()
    except ValueError as fault:
        refuse(str(fault))
    if settings.workers > 1:
        _run_many(settings, listener)
    else:
        uvicorn.Server(_config(settings, lambda: _leaving(app, settings))).run(sockets=[listener])


def _run_many(settings: Settings, listener: socket.socket) -> None:
    parent = Multiprocess(_config(settings, "app.cli.worker:worker"), sockets=[listener])
    parent.run()
    for code in (STARTUP_FAILURE, HUNG):
        if any(process.exitcode == code for process in parent.processes):
            sys.exit(code)


def _config(settings: Settings, app: Callable[[], App] | str) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=True,
        workers=settings.workers,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=ceil(settings.http.shutdown_grace.total_seconds()),
    )
