"""What the verbs of `gatehouse users` share: the operator's name, the flows, and the message for an unknown user."""

import os
import pwd
import sys
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, TypeVar

import typer

from app.cli.beside import run
from app.cli.environment import refuse
from app.clock import SystemClock
from app.crypto.codes import Fingerprints
from app.crypto.keys import KeyRing
from app.crypto.passwords import Passwords
from app.crypto.vault import Vault
from app.factors import KINDS
from app.factors.registry import Factors
from app.flows.help_desk import HelpDesk
from app.flows.looking import Looking
from app.flows.operator import Operator, UnknownUser
from app.flows.states import States
from app.settings import Settings
from app.store.database import Database
from app.watch.throttle import Throttle

_Result = TypeVar("_Result")
_NOBODY = "Nobody has this address or id."
_UNANSWERED = ": `gatehouse users show` will tell whether anything was done."

AsJson = Annotated[bool, typer.Option("--json", help="Report as JSON.")]


def whoami() -> str:
    """Return the name of the OS user who runs this, or the uid if it has none, whatever the environment says."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid:{os.getuid()}"


def ask(question: str) -> None:
    """Ask on standard error, so that a report can be piped; refuse unless the answer is yes."""
    typer.echo(f"{question} [y/N]: ", nl=False, err=True)
    if sys.stdin.buffer.readline().strip().lower() not in {b"y", b"yes"}:
        refuse("Nothing was changed.")


def work(
    settings: Settings, verb: Callable[[Database], Coroutine[Any, Any, _Result]], *, unanswered: str = _UNANSWERED
) -> _Result:
    try:
        return run(settings, verb, unanswered=unanswered)
    except UnknownUser:
        refuse(_NOBODY)


def operator(database: Database) -> Operator:
    return Operator(database, by=whoami())


def looking(settings: Settings, database: Database) -> Looking:
    return Looking(settings.tokens, database, SystemClock(), states(settings))


def desk(settings: Settings, database: Database) -> HelpDesk:
    vault = Vault(KeyRing(settings.secret_keys))
    return HelpDesk(
        database=database,
        clock=SystemClock(),
        passwords=Passwords(
            settings.passwords,
            shortest=settings.shortest_password,
            words=(settings.brand, *settings.http.host_names),
        ),
        throttle=Throttle(settings.limits, network=settings.network_limits, database=database, vault=vault),
        by=whoami(),
    )


def states(settings: Settings) -> States:
    ring = KeyRing(settings.secret_keys)
    try:
        return States(Vault(ring), Factors(KINDS, settings, fingerprints=Fingerprints(ring)))
    except ValueError as reason:
        refuse(str(reason))
