"""`gatehouse keys rotate --at-rest`: re-seal everything under the newest of GATEHOUSE_SECRET_KEYS."""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

import typer

from app.cli.beside import beside, run
from app.cli.ending import INTERRUPTED
from app.cli.environment import refuse
from app.cli.users_desk import whoami
from app.clock import Clock, SystemClock
from app.crypto.codes import Fingerprints
from app.crypto.keys import KeyRing
from app.crypto.vault import Vault
from app.factors import KINDS
from app.factors.registry import Factors
from app.flows.keys import Keys
from app.flows.reseal import Progress, Report, Reseal, Tally
from app.flows.reseal_audit import ResealAudit
from app.flows.states import States
from app.settings import Settings
from app.store.audit_keys import may_renew
from app.store.database import Database
from app.store.reseal import Waiting

_CANNOT_OPEN = (
    "{} cannot be opened: put the key that sealed them back into GATEHOUSE_SECRET_KEYS and run this again. "
    "Nothing of them was changed; the log names them (vault.cannot_open)."
)
_HELD_TWICE = (
    "{} enrollments hold a value that another user's factor holds too, so they stay under their older key: "
    "keep it in GATEHOUSE_SECRET_KEYS until one of the two is removed, and run this again."
)
_LEFT = (
    "{} enrollments were still under an older key: does every replica have the newest key first in GATEHOUSE_SECRET_KEYS? "
    "Then run this again."
)
_NOT_OWNER = (
    "The keys of the audit log are changed by the owner of the schema alone: set GATEHOUSE_DATABASE__OWNER_URL."
)
_SIGNING_KEYS_WAIT = "The signing keys are put under the newest key last: they wait until all of that is done."


def reseal(*, batch: int, as_json: bool) -> None:
    """Re-seal everything beside the running service, and print a report. The exit code is 1 when something is left."""
    with beside() as settings:
        report = _run(settings, batch)
    print(_as_json(report) if as_json else _as_table(report))
    for sentence in _faults(report):
        typer.echo(sentence, err=True)
    if not report.complete:
        raise typer.Exit(1)


def _run(settings: Settings, batch: int) -> Report:
    try:
        return run(
            settings,
            lambda database: _reseal(settings, database, batch),
            unanswered=". What is done is kept: run this again.",
        )
    except KeyboardInterrupt:
        typer.echo("Stopped. What is done is kept: run this again to go on.", err=True)
        raise typer.Exit(INTERRUPTED) from None


async def _reseal(settings: Settings, database: Database, batch: int) -> Report:
    """Re-seal everything; the audit log's keys as their owner, for the service's own role may not change them."""
    owner = Database(settings.database.of_owner)
    try:
        async with owner.read() as tx:
            if not await may_renew(tx):
                refuse(_NOT_OWNER)
        prepared = prepare(settings, database, SystemClock(), owner=owner, batch=batch, progress=_show)
        return await prepared()
    finally:
        await owner.close()


def prepare(
    settings: Settings,
    database: Database,
    clock: Clock,
    *,
    owner: Database,
    batch: int,
    progress: Callable[[Progress], None],
) -> Reseal:
    ring = KeyRing(settings.secret_keys)
    vault = Vault(ring)
    factors = Factors(KINDS, settings, fingerprints=Fingerprints(ring))
    return Reseal(
        database=database,
        clock=clock,
        states=States(vault, factors),
        keys=Keys(settings.tokens, database, clock, vault),
        audit_keys=ResealAudit(owner, vault, batch),
        head=vault.head,
        older_keys=tuple(key.id for key in ring.all("refresh")[1:]),
        refresh_idle=settings.tokens.refresh_idle,
        batch=batch,
        progress=progress,
        by=whoami(),
    )


def _show(progress: Progress) -> None:
    typer.echo(f"{progress.looked} of {progress.of} looked at, {progress.resealed} re-sealed", err=True)


def _sealed(report: Report) -> dict[str, Tally]:
    return {
        "enrollments": report.enrollments,
        "signing keys": report.signing_keys,
        "audit keys": report.audit_keys,
    }


def _waiting(report: Report) -> dict[str, Waiting]:
    return {
        "sessions that rotate under them": report.sessions,
        "codes on their way, at most": report.codes,
        "addresses to verify, at most": report.verifications,
    }


def _numbers(tally: Tally) -> dict[str, int]:
    return {
        "resealed": tally.resealed,
        "cannot_open": len(tally.cannot_open),
        "held_twice": len(tally.held_twice),
        "left": tally.left,
    }


def _as_json(report: Report) -> str:
    told: dict[str, Any] = {name.replace(" ", "_"): _numbers(tally) for name, tally in _sealed(report).items()}
    waiting = {"sessions": report.sessions, "codes": report.codes, "verifications": report.verifications}
    hanging = {name: asdict(one) for name, one in waiting.items()}
    return json.dumps({"complete": report.complete, **told, "older_keys": hanging}, default=datetime.isoformat)


def _as_table(report: Report) -> str:
    lines = [f"{'':<32}{'re-sealed':>10}{'cannot be opened':>18}{'held twice':>12}{'left':>6}"]
    for name, tally in _sealed(report).items():
        resealed, cannot_open, held_twice, left = _numbers(tally).values()
        lines.append(f"{name:<32}{resealed:>10}{cannot_open:>18}{held_twice:>12}{left:>6}")
    lines += ["", f"{'Still under the older keys':<32}{'how many':>10}  until"]
    for name, waiting in _waiting(report).items():
        until = f"{waiting.until:%Y-%m-%d %H:%M} UTC" if waiting.until else "-"
        lines.append(f"{name:<32}{waiting.count:>10}  {until}")
    return "\n".join(["", *lines, "", *_verdict(report)]).rstrip()


def _verdict(report: Report) -> list[str]:
    """Say when the older keys may be removed; nothing if the report is not complete."""
    ends = [waiting.until for waiting in _waiting(report).values() if waiting.until]
    if not report.complete:
        return []
    if not ends:
        return ["Nothing needs an older key of GATEHOUSE_SECRET_KEYS any more."]
    return [
        f"From {max(ends):%Y-%m-%d %H:%M} UTC nothing needs an older key. One that leaves GATEHOUSE_SECRET_KEYS before ends",
        "those sessions (their users sign in again) and those codes, and nothing else.",
    ]


def _faults(report: Report) -> list[str]:
    enrolled, signing, logged = report.enrollments, report.signing_keys, report.audit_keys
    found = (
        (len(enrolled.cannot_open), _CANNOT_OPEN.format(f"{len(enrolled.cannot_open)} enrollments")),
        (len(signing.cannot_open), _CANNOT_OPEN.format(f"{len(signing.cannot_open)} signing keys")),
        (len(logged.cannot_open), _CANNOT_OPEN.format(f"{len(logged.cannot_open)} keys of the audit log")),
        (len(enrolled.held_twice), _HELD_TWICE.format(len(enrolled.held_twice))),
        (enrolled.left, _LEFT.format(enrolled.left)),
        (signing.left, _SIGNING_KEYS_WAIT),
        (logged.left, _LEFT.format(logged.left).replace("enrollments", "keys of the audit log")),
    )
    return [sentence for count, sentence in found if count]
