"""`gatehouse users set-claims`: set the custom claims in a user's access tokens."""

from typing import Annotated

import typer

from app import strict_json
from app.cli import users_shown
from app.cli.beside import beside
from app.cli.environment import refuse
from app.cli.users_desk import AsJson, whoami, work
from app.crypto.claims import Own
from app.flows.own_claims import LARGEST, ClaimsRefused, OwnClaims


def set_claims(
    who: Annotated[str, typer.Argument(metavar="EMAIL_OR_ID", show_default=False)],
    claims: Annotated[list[str], typer.Argument(metavar="KEY=VALUE...", show_default=False)],
    reason: Annotated[str | None, typer.Option(help="Kept in the audit log.")] = None,
    as_json: AsJson = False,
) -> None:
    """Put claims under `claims` of somebody's access tokens, beside those there are; `KEY=` takes one away.

    true, false and numbers are such; everything else is a text, also what is written in JSON's quotes. Nothing ends:
    tokens carry it from the next refresh on.
    """
    changes = dict(map(_read, claims))
    with beside() as settings:
        try:
            done = work(settings, lambda database: OwnClaims(database, whoami())(who, changes, reason=reason))
        except ClaimsRefused as reason_:
            refuse(str(reason_))
    print(users_shown.done(done, "given claims", as_json=as_json))


def _read(text: str) -> tuple[str, Own | None]:
    name, equals, value = text.partition("=")
    if not equals:
        refuse("Write claims as KEY=VALUE.")
    return name, _value(value) if value else None


def _value(text: str) -> Own:
    """Read numbers, true, false and quoted strings as JSON; all else, and too large a number, is a text."""
    try:
        value = strict_json.parse(text.encode(errors="replace"))
    except ValueError:
        return text
    if isinstance(value, int | float) and abs(value) >= LARGEST:
        return text
    return value if isinstance(value, str | bool | int | float) else text
