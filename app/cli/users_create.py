"""`gatehouse users create`: create a user who does not sign up themselves."""

import sys
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError

from app.addresses import read_address
from app.cli import users_shown
from app.cli.beside import beside
from app.cli.environment import refuse
from app.cli.users_desk import AsJson, desk, work
from app.flows.help_desk import AddressTaken, Wanted
from app.flows.operator import Done
from app.names import DisplayName, Locale
from app.problems import PasswordBlocklisted, PasswordTooLong, PasswordTooShort

ASKED = "Say how the password comes: --password-stdin, or --no-password for a mail that tells them to set one."


def create(
    email: Annotated[str, typer.Argument(show_default=False)],
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read one line.")] = False,
    no_password: Annotated[bool, typer.Option("--no-password", help="A mail tells them to set one.")] = False,
    *,
    display_name: Annotated[str | None, typer.Option()] = None,
    locale: Annotated[str, typer.Option()] = "en",
    reason: Annotated[str | None, typer.Option(help="Kept in the audit log.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a user, whose address counts as verified. On a terminal their password is asked for, twice."""
    try:
        read_address(email)
    except ValueError:
        refuse("This is not an e-mail address.")
    name = _judged(DisplayName, display_name, "--display-name")
    language = _judged(Locale, locale, "--locale")
    wanted = Wanted(email, _password(stdin=password_stdin, none=no_password), name, language)
    with beside() as settings:
        try:
            user = work(settings, lambda database: desk(settings, database).create(wanted, reason=reason))
        except AddressTaken:
            refuse("Somebody has this address already.")
        except (PasswordTooShort, PasswordTooLong, PasswordBlocklisted) as weak:
            refuse(weak.detail or weak.title)
    print(users_shown.done(Done(user), "created", as_json=as_json))


def _judged(kind: Any, given: str | None, option: str) -> Any:  # noqa: ANN401  of that kind
    """Validate what an operator gives by the same type that validates what users give themselves."""
    try:
        return TypeAdapter(kind).validate_python(given)
    except ValidationError as refused:
        refuse(f"{option}: {refused.errors(include_url=False, include_input=False)[0]['msg']}")


def _password(*, stdin: bool, none: bool) -> str | None:
    """Read the password, if there is to be one; never from an argument, which everybody on the machine can see."""
    if stdin and none:
        refuse(ASKED)
    if none:
        return None
    if stdin:
        return _line()
    if not sys.stdin.isatty():
        refuse(ASKED)
    chosen: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return chosen


def _line() -> str:
    try:
        return sys.stdin.buffer.readline().decode().rstrip("\r\n")
    except UnicodeDecodeError:
        refuse("The password is not UTF-8.")
