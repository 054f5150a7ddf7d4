"""`gatehouse users export`: everybody, one JSON object a line, as `gatehouse users import` takes them."""

import json
from typing import Annotated

import typer

from app.cli.beside import beside
from app.cli.users_desk import looking, whoami, work
from app.settings import Settings
from app.store.database import Database


def export(
    with_hashes: Annotated[
        bool, typer.Option("--with-hashes", help="Password hashes and TOTP seeds too: whoever reads them can sign in.")
    ] = False,
    reason: Annotated[str | None, typer.Option(help="Kept in the audit log.")] = None,
) -> None:
    """Print everybody as JSON lines. Phone numbers are whole; recovery codes cannot leave."""
    with beside() as settings:
        work(
            settings,
            lambda database: _print(settings, database, with_hashes=with_hashes, reason=reason),
            unanswered=": run this again.",
        )


async def _print(settings: Settings, database: Database, *, with_hashes: bool, reason: str | None) -> None:
    async for told in looking(settings, database).export(with_hashes=with_hashes, by=whoami(), reason=reason):
        print(json.dumps(told, ensure_ascii=False))
