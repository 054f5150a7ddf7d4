"""`gatehouse users`: look at people, help them in, and end what they hold, beside the running service."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from uuid import UUID

import typer

from app.cli import users_claims, users_create, users_everybody, users_export, users_import, users_shown
from app.cli.beside import beside
from app.cli.environment import refuse
from app.cli.users_desk import AsJson, ask, desk, looking, operator, work
from app.flows.help_desk import HelpDesk, MayBeUndone
from app.flows.operator import Done, Operator
from app.visitor import Visitor, read_address

_MOST = 500
_MAY_BE_UNDONE = (
    "Nothing was done: their e-mail address was changed lately, and the one before may still undo it (`users show`). "
    "Whoever has the new address would enrol the next factor. Once you are sure whose it is: --after-email-change."
)

commands = typer.Typer(help="Look at people, help them in, and end what they hold.", no_args_is_help=True)
commands.command("import")(users_import.import_)
commands.command("create")(users_create.create)
commands.command("set-claims")(users_claims.set_claims)
commands.command("export")(users_export.export)
commands.command("end-all-sessions")(users_everybody.end_all_sessions)

Who = Annotated[str, typer.Argument(metavar="EMAIL_OR_ID", show_default=False)]
Reason = Annotated[str | None, typer.Option(help="Kept in the audit log.")]


def _say_why(reason: str) -> str:
    if not reason.strip():
        refuse("--reason: say why.")
    return reason


Why = Annotated[str, typer.Option("--reason", callback=_say_why, help="Kept in the audit log.", show_default=False)]
Verb = Callable[[Operator], Coroutine[Any, Any, Done]]


@commands.command()
def show(who: Who, as_json: AsJson = False) -> None:
    """Print what is known of somebody, without their secrets: factors, sessions, devices, and what locks them."""
    with beside() as settings:
        account = work(settings, lambda database: looking(settings, database).show(who))
    print(users_shown.account(account, as_json=as_json))


@commands.command("list")
def list_(
    query: Annotated[str | None, typer.Option(help="A part of the address.")] = None,
    disabled: Annotated[bool | None, typer.Option("--disabled/--enabled", help="Only these.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=_MOST)] = 50,
    cursor: Annotated[UUID | None, typer.Option(help="From the page before.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print users, a page at a time, those who came first first."""
    active = None if disabled is None else not disabled
    with beside() as settings:
        people, after = work(
            settings,
            lambda database: looking(settings, database).page(query=query, active=active, after=cursor, most=limit),
        )
    print(users_shown.people(people, after, as_json=as_json))


@commands.command()
def disable(who: Who, reason: Reason = None, as_json: AsJson = False) -> None:
    """Let somebody in no more, and end everything they hold: within a second on every replica."""
    _operate(lambda operator: operator.disable(who, reason=reason), "disabled", as_json=as_json)


@commands.command()
def enable(who: Who, reason: Reason = None, as_json: AsJson = False) -> None:
    """Let somebody sign in again. What was ended stays ended."""
    _operate(lambda operator: operator.enable(who, reason=reason), "enabled", as_json=as_json)


@commands.command()
def end_sessions(who: Who, reason: Reason = None, as_json: AsJson = False) -> None:
    """Sign somebody out everywhere, and trust none of their devices; they may sign in again."""
    _operate(lambda operator: operator.end_sessions(who, reason=reason), "signed out", as_json=as_json)


@commands.command()
def expire_password(who: Who, reason: Why, as_json: AsJson = False) -> None:
    """Refuse a password, for others may know it, until it is reset, and sign out everywhere. A mail tells them."""
    _help(lambda desk: desk.expire_password(who, reason=reason), "without a password", as_json=as_json)


def _operate(verb: Verb, became: str, *, as_json: bool) -> None:
    with beside() as settings:
        done = work(settings, lambda database: verb(operator(database)))
    print(users_shown.done(done, became, as_json=as_json))


@commands.command()
def unlock(
    who: Who,
    network: Annotated[list[str] | None, typer.Option(metavar="ADDRESS", help="Also where they are now.")] = None,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """Forget somebody's wrong codes and passwords, and the pauses between their codes.

    Wrong passwords are counted for each network: those of their devices and sessions are known, another one is named.
    """
    networks = [_network(text) for text in network or ()]
    _help(lambda desk: desk.unlock(who, networks=networks, reason=reason), "unlocked", as_json=as_json)


def _network(text: str) -> str:
    address = read_address(text)
    if address is None:
        refuse("--network takes an IP address.")
    return Visitor(address, "").network


@commands.command()
def reset_factors(
    who: Who,
    reason: Why,
    after_email_change: Annotated[
        bool, typer.Option("--after-email-change", help="Though the address was changed and the change may be undone.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Remove every factor of somebody who lost them, and sign them out everywhere. A mail tells them.

    Their next sign-in enrols a new factor, with a code that is mailed to their address.
    """

    def reset(desk: HelpDesk) -> Coroutine[Any, Any, Done]:
        return desk.reset_factors(who, reason=reason, after_email_change=after_email_change)

    try:
        _help(reset, "without factors", as_json=as_json)
    except MayBeUndone:
        refuse(_MAY_BE_UNDONE)


def _help(verb: Callable[[HelpDesk], Coroutine[Any, Any, Done]], became: str, *, as_json: bool) -> None:
    with beside() as settings:
        done = work(settings, lambda database: verb(desk(settings, database)))
    print(users_shown.done(done, became, as_json=as_json))


@commands.command()
def delete(
    who: Who,
    reason: Reason = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete somebody and everything that is theirs. It cannot be undone."""
    with beside() as settings:
        user = work(settings, lambda database: operator(database).find(who))
        if not yes:
            ask(f"Delete {user.email} ({user.id}) and everything that is theirs?")
        done = work(settings, lambda database: operator(database).delete(user.id, reason=reason))
    print(users_shown.done(done, "deleted", as_json=as_json))
