"""`gatehouse users end-all-sessions`: sign everybody out, after a backup was restored (docs/backup.md)."""

import json
from typing import Annotated

import typer

from app.cli.beside import beside
from app.cli.ending import INTERRUPTED
from app.cli.users_desk import AsJson, ask, whoami, work
from app.flows.everybody import AllEnded, EndAll
from app.settings import Settings

_AGAIN = "run it again, what was done already stays done."


def end_all_sessions(
    reason: Annotated[str | None, typer.Option(help="Kept in the audit log.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Sign everybody out everywhere, and trust no device: for after a backup was restored.

    No token from before is good then, whether this database knows of it or not.
    """
    if not yes:
        ask("Sign everybody out, and forget every trusted device?")
    with beside() as settings:
        done = _end(settings, reason)
    told = {"users": done.users, "sessions_ended": done.sessions}
    print(json.dumps(told) if as_json else f"{done.users} users are signed out; sessions ended: {done.sessions}.")


def _end(settings: Settings, reason: str | None) -> AllEnded:
    try:
        return work(settings, lambda database: EndAll(database)(by=whoami(), reason=reason), unanswered=f": {_AGAIN}")
    except KeyboardInterrupt:
        typer.echo(f"Stopped: {_AGAIN}", err=True)
        raise typer.Exit(INTERRUPTED) from None
