"""`gatehouse users export`: print all users, one JSON object per line, in the format of `gatehouse users import`."""

import json
from collections import Counter
from typing import Annotated

import typer

from app.cli.beside import beside, must_write_events
from app.cli.users_desk import looking, whoami, work
from app.settings import Settings
from app.store.database import Database

_LEFT_OUT = (
    "{} factors cannot be opened and were left out: put the key that sealed them back into GATEHOUSE_SECRET_KEYS "
    "and run this again. The log names them (vault.cannot_open)."
)


def export(
    with_hashes: Annotated[
        bool, typer.Option("--with-hashes", help="Password hashes and TOTP seeds too: whoever reads them can sign in.")
    ] = False,
    reason: Annotated[str | None, typer.Option(help="Kept in the audit log.")] = None,
) -> None:
    """Print everybody as JSON lines. Phone numbers are whole; recovery codes cannot leave."""
    left_out: Counter[str] = Counter()
    with beside() as settings:
        work(
            settings,
            lambda database: _print(settings, database, left_out, with_hashes=with_hashes, reason=reason),
            unanswered=": run this again.",
        )
    if left_out:
        typer.echo(_LEFT_OUT.format(left_out.total()), err=True)
        raise typer.Exit(1)


async def _print(
    settings: Settings, database: Database, left_out: Counter[str], *, with_hashes: bool, reason: str | None
) -> None:
    exporting = looking(settings, database)
    exporting.note_export(with_hashes=with_hashes, by=whoami(), reason=reason)
    await must_write_events()
    async for told in exporting.export(with_hashes=with_hashes, left_out=left_out):
        print(json.dumps(told, ensure_ascii=False))
