"""`gatehouse audit`: verify that the log of security events is unchanged; and the verbs that read it."""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli import audit_export, audit_tail
from app.cli.beside import beside, patient, run
from app.cli.environment import refuse
from app.clock import SystemClock
from app.crypto.keys import KeyRing
from app.crypto.vault import Vault
from app.flows.audit_verify import Report, VerifyAudit
from app.flows.keys import Keys
from app.settings import Settings
from app.store.database import Database
from app.watch.audit_keys import AuditKeys

_BETWEEN = rb"[^\w.-]{1,16}"
"""Separates a name from its value, however they are quoted: no request id contains any of these characters."""
_LINE = re.compile(rb"(?:event" + _BETWEEN + rb"|\sinfo\s+)audit\.checkpoint(?![\w.-])")
_TOKEN = re.compile(rb"checkpoint" + _BETWEEN + rb"(eyJ[\w-]{20,512}\.[\w-]{40,2048}\.[\w-]{20,512})")
"""What is shorter is no checkpoint; so much fits into no request id, and is redacted in every other text of a line."""
_LONGEST = 1 << 20
_SECOND = timedelta(seconds=1)
_TELL_EVERY = 100_000
_ALONE = (
    "No checkpoints were given, so only the database vouches for the end of the chain: "
    "give those of your logs with --checkpoints."
)

commands = typer.Typer(help="Look after the log of security events.", no_args_is_help=True)
commands.command("tail", epilog=audit_tail.EXAMPLES)(audit_tail.tail)
commands.command("export", epilog=audit_export.EXAMPLES)(audit_export.export)


@commands.callback()
def verbs() -> None:
    """Look after the log of security events."""


@commands.command()
def verify(
    checkpoints: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Log lines with checkpoints, kept elsewhere; - reads standard input."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Report as JSON.")] = False,
) -> None:
    """Prove that no event was changed, removed, put in or reordered, and that none was cut off the end.

    Ends with 1, and a sentence for each, when something does not agree.
    """
    given = _given(checkpoints) if checkpoints else iter(())
    first = next(given, None)
    if checkpoints and first is None:
        refuse("There is no checkpoint in what --checkpoints names: give the log's lines with audit.checkpoint.")
    with beside() as settings:
        report = _run(settings, chain([first] if first else [], given))
    print(_as_json(report) if as_json else "\n".join(_lines(report)))
    if first is None:
        typer.echo(_ALONE, err=True)
    if report.findings:
        raise typer.Exit(1)


def _given(name: str) -> Iterator[str]:
    """Yield the checkpoints found in log lines, however these were wrapped, with one line in memory at a time."""
    try:
        with sys.stdin.buffer if name == "-" else Path(name).open("rb") as lines:
            while line := lines.readline(_LONGEST):
                if _LINE.search(line):
                    yield from (token.decode() for token in _TOKEN.findall(line))
    except OSError as reason:
        refuse(f"--checkpoints: {name} cannot be read ({reason.strerror}).")


def _run(settings: Settings, given: Iterable[str]) -> Report:
    return run(patient(settings), lambda database: _verify(settings, database, given), unanswered=": run this again.")


async def _verify(settings: Settings, database: Database, given: Iterable[str]) -> Report:
    clock, vault = SystemClock(), Vault(KeyRing(settings.secret_keys))
    signing_keys = await Keys(settings.tokens, database, clock, vault).that_signed()
    keys = AuditKeys(database, vault=vault, clock=clock)
    return await VerifyAudit(settings.tokens.issuer, database, keys, signing_keys, _show)(given)


def _show(looked: int) -> None:
    if looked % _TELL_EVERY == 0:
        typer.echo(f"{looked} links looked at", err=True)


def _lines(report: Report) -> Iterator[str]:
    yield from (finding.sentence for finding in report.findings)
    pruned = f"; links up to {report.pruned} were pruned" if report.pruned else ""
    verdict = f"{len(report.findings)} findings" if report.findings else "nothing was changed"
    yield f"{report.events} events, the chain ends with link {report.last}{pruned}: {verdict}."
    if report.newest and report.beyond is not None:
        age = SystemClock().now() - report.newest
        yield (
            f"The newest checkpoint that was given is {age - age % _SECOND} old; "
            f"for the {report.beyond} links beyond it only the database vouches."
        )


def _as_json(report: Report) -> str:
    told: dict[str, Any] = asdict(report)
    return json.dumps({"intact": not report.findings, **told}, default=str)
