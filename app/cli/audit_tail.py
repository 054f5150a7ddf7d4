"""`gatehouse audit tail`: print the newest security events, and follow new ones, with address and device decrypted."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Annotated
from uuid import UUID

import typer

from app.cli import audit_shown
from app.cli.beside import beside, run, write_events
from app.cli.ending import INTERRUPTED
from app.cli.environment import refuse
from app.cli.moments import METAVAR, moment
from app.cli.users_desk import AsJson, whoami
from app.clock import SystemClock
from app.crypto.keys import KeyRing
from app.crypto.vault import Vault
from app.events import Event
from app.flows.audit_reading import Read, ReadAudit
from app.flows.operator import UnknownUser, find
from app.settings import Settings
from app.store.audit_reading import Wanted
from app.store.database import Database
from app.watch.audit_keys import AuditKeys

EXAMPLES = """\b
gatehouse audit tail --follow
gatehouse audit tail --user ada@example.com --since 7d
gatehouse audit tail --event 'factor.*' --limit 500 --json"""
_MOST = 10_000
_NOBODY = "Nobody has this address. Of somebody who was deleted give the id."


@dataclass(frozen=True, slots=True)
class Asked:
    user: str | None
    pattern: str | None
    wanted: Wanted
    limit: int
    follow: bool
    as_json: bool


def tail(
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with those that come, until Ctrl-C.")] = False,
    user: Annotated[str | None, typer.Option(metavar="EMAIL_OR_ID", help="Only of this user.")] = None,
    event: Annotated[
        str | None, typer.Option(metavar="PATTERN", help="Only these: password.changed, or 'sign_in.*'.")
    ] = None,
    since: Annotated[
        datetime | None, typer.Option(parser=moment, metavar=METAVAR, help="From then on: 24h, or 2026-03-01.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=_MOST, help="So many, the newest.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Print the newest security events, with network address and device. That you read them is an event, too."""
    asked = Asked(user, event, Wanted(events=_named(event), since=since), limit, follow, as_json)
    with beside() as settings:
        try:
            run(settings, lambda database: _tail(settings, database, asked), unanswered=": run this again.")
        except UnknownUser:
            refuse(_NOBODY)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None


def _named(pattern: str | None) -> frozenset[str] | None:
    if pattern is None:
        return None
    found = frozenset(event.value for event in Event if fnmatchcase(event.value, pattern))
    if not found:
        refuse("--event: no event is called like that. docs/events.md lists them.")
    return found


async def _tail(settings: Settings, database: Database, asked: Asked) -> None:
    keys = AuditKeys(database, vault=Vault(KeyRing(settings.secret_keys)), clock=SystemClock())
    reading = ReadAudit(database, keys, by=whoami())
    wanted = replace(asked.wanted, user_id=await _user(database, asked.user)) if asked.user else asked.wanted
    reading.note(wanted, pattern=asked.pattern)
    await write_events()
    if not asked.as_json:
        print(audit_shown.HEAD)
    _print(await reading.newest(wanted, most=asked.limit), asked)
    if asked.follow:
        async for read in reading.follow(wanted):
            _print([read], asked)


async def _user(database: Database, who: str) -> UUID:
    """Return the user's id. An id that is given is not looked up: events outlive their users."""
    try:
        return UUID(who)
    except ValueError:
        async with database.read() as tx:
            return (await find(tx, who)).id


def _print(events: Iterable[Read], asked: Asked) -> None:
    for read in events:
        print(audit_shown.as_json(read) if asked.as_json else audit_shown.line(read), flush=asked.follow)
