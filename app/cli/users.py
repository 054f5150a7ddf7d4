"""`gatehouse users`: look at somebody, and end what they hold, beside the running service."""

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Annotated, Any, TypeVar

import typer

from app.cli.beside import beside
from app.cli.environment import refuse
from app.clock import SystemClock
from app.flows.operator import Account, Done, Operator, UnknownUser
from app.problems import DatabaseUnavailable
from app.settings import Settings
from app.store.database import Database

_Result = TypeVar("_Result")

commands = typer.Typer(help="Look at a user, and end what they hold.", no_args_is_help=True)

Who = Annotated[str, typer.Argument(metavar="EMAIL_OR_ID", show_default=False)]
Reason = Annotated[str | None, typer.Option(help="Kept in the audit log.")]
AsJson = Annotated[bool, typer.Option("--json", help="Report as JSON.")]


@commands.command()
def show(who: Who, as_json: AsJson = False) -> None:
    """Print what is known of somebody, without their secrets."""
    with beside() as settings:
        told = _told(_run(settings, lambda operator: operator.show(who)))
    print(_json(told) if as_json else "\n".join(f"{name:<17}{_plain(value)}" for name, value in told.items()))


@commands.command()
def disable(who: Who, reason: Reason = None, as_json: AsJson = False) -> None:
    """Let somebody in no more, and end everything they hold: within a second on every replica."""
    with beside() as settings:
        done = _run(settings, lambda operator: operator.disable(who, reason=reason))
    _report(done, "disabled", as_json=as_json)


@commands.command()
def enable(who: Who, reason: Reason = None, as_json: AsJson = False) -> None:
    """Let somebody sign in again. What was ended stays ended."""
    with beside() as settings:
        done = _run(settings, lambda operator: operator.enable(who, reason=reason))
    _report(done, "enabled", as_json=as_json)


@commands.command()
def end_sessions(who: Who, reason: Reason = None, as_json: AsJson = False) -> None:
    """Sign somebody out everywhere, and trust none of their devices; they may sign in again."""
    with beside() as settings:
        done = _run(settings, lambda operator: operator.end_sessions(who, reason=reason))
    _report(done, "signed out", as_json=as_json)


@commands.command()
def delete(
    who: Who,
    reason: Reason = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete somebody and everything that is theirs. It cannot be undone."""
    with beside() as settings:
        user = _run(settings, lambda operator: operator.show(who)).user
        if not yes:
            _ask(f"Delete {user.email} ({user.id}) and everything that is theirs?")
        done = _run(settings, lambda operator: operator.delete(user.id, reason=reason))
    _report(done, "deleted", as_json=as_json)


def _ask(question: str) -> None:
    """On standard error, so that a report can be piped; no answer is no."""
    typer.echo(f"{question} [y/N]: ", nl=False, err=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        typer.echo("Nothing was changed.", err=True)
        raise typer.Exit(1)


def _run(settings: Settings, verb: Callable[[Operator], Coroutine[Any, Any, _Result]]) -> _Result:
    try:
        return asyncio.run(_operate(settings, verb))
    except UnknownUser:
        refuse("Nobody has this address or id.")
    except DatabaseUnavailable:
        refuse("The database does not answer: `gatehouse users show` will tell whether anything was done.")


async def _operate(settings: Settings, verb: Callable[[Operator], Coroutine[Any, Any, _Result]]) -> _Result:
    database = Database(settings.database)
    try:
        return await verb(Operator(settings.tokens, database, SystemClock()))
    finally:
        await database.close()


def _told(account: Account) -> dict[str, Any]:
    user = account.user
    return {
        "id": str(user.id),
        "email": user.email,
        "active": user.active,
        "password_expired": user.password_expired,
        "locale": user.locale,
        "created_at": user.created_at,
        "last_login_at": user.last_login_at,
        "factors": list(account.factors),
        "sessions": account.sessions,
    }


def _report(done: Done, became: str, *, as_json: bool) -> None:
    told = {"id": str(done.user.id), "email": done.user.email, "done": became, "sessions_ended": done.sessions_ended}
    ended = f"; sessions ended: {done.sessions_ended}" if done.sessions_ended else ""
    print(_json(told) if as_json else f"{done.user.email} ({done.user.id}) is {became}{ended}.")


def _json(told: dict[str, Any]) -> str:
    return json.dumps(told, default=datetime.isoformat)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(value) or "-"
    return "-" if value is None else str(value)
