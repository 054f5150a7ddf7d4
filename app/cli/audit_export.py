"""`gatehouse audit export`: the log of security events for a SIEM or an auditor, as JSON lines with OCSF's fields."""

import json
from datetime import datetime
from typing import Annotated

import typer

from app import __version__
from app.cli.beside import beside, patient, run, write_events
from app.cli.environment import refuse
from app.cli.moments import METAVAR, moment
from app.cli.users_desk import whoami
from app.clock import SystemClock
from app.crypto.keys import KeyRing
from app.crypto.vault import Vault
from app.flows.audit_export import ExportAudit
from app.settings import Settings
from app.store.database import Database
from app.watch.audit_keys import AuditKeys

EXAMPLES = """\b
gatehouse audit export --since 24h > yesterday.jsonl
gatehouse audit export --after 48211 >> all.jsonl
gatehouse audit export --since 2026-03-01 --until 2026-04-01 --with-personal | gzip > march.jsonl.gz"""


def export(
    *,
    since: Annotated[
        datetime | None, typer.Option(parser=moment, metavar=METAVAR, help="From then on: 24h, or 2026-03-01.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(parser=moment, metavar=METAVAR, help="Up to then, and not of then.")
    ] = None,
    after: Annotated[
        int | None,
        typer.Option(min=0, metavar="SEQ", help="All beyond this link: the metadata.sequence of the last you have."),
    ] = None,
    with_personal: Annotated[
        bool, typer.Option("--with-personal", help="Network addresses and User-Agents, too.")
    ] = False,
) -> None:
    """Print the audit log as JSON lines, in the order of its chain, with the fields of OCSF 1.1.0 (docs/events.md).

    That you exported it is an event, too. What was written within the last second may not be in the chain yet.
    """
    if since and until and since >= until:
        refuse("--since must be before --until.")
    if after is not None and (since or until):
        refuse("--after goes with neither --since nor --until: what is sealed late would be left out.")
    with beside() as settings:
        run(
            patient(settings),
            lambda database: _print(settings, database, since, until, after, with_personal=with_personal),
            unanswered=": run this again.",
        )


async def _print(
    settings: Settings,
    database: Database,
    since: datetime | None,
    until: datetime | None,
    after: int | None,
    *,
    with_personal: bool,
) -> None:
    keys = AuditKeys(database, vault=Vault(KeyRing(settings.secret_keys)), clock=SystemClock())
    exporting = ExportAudit(database, keys, version=__version__, by=whoami(), with_personal=with_personal)
    exporting.note(since=since, until=until, after=after)
    await write_events()
    async for event in exporting(since=since, until=until, after=after):
        print(json.dumps(event))
