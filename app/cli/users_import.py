"""`gatehouse users import`: import users, streamed from a file; a run that was stopped can be resumed by another."""

import json
import os
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, BinaryIO, TextIO

import typer

from app.cli.beside import beside, write_events
from app.cli.ending import INTERRUPTED
from app.cli.environment import refuse
from app.cli.users_desk import AsJson, states, whoami, work
from app.cli.users_files import UnreadableFile, read_lines
from app.clock import SystemClock
from app.flows.import_users import ImportUsers, Outcome, Refused, batches
from app.flows.newcomers import Newcomers
from app.settings import Settings
from app.store.database import Database

BATCH = 1000
_BAR = 40
_AGAIN = "What is done is kept: run this again with --resume."


@dataclass(frozen=True, slots=True)
class Wanted:
    file: Path
    dry_run: bool
    resume: bool
    errors: Path | None
    reason: str | None


@dataclass(slots=True)
class Total:
    lines: int = 0
    imported: int = 0
    skipped: int = 0
    refused: int = 0

    def add(self, outcome: Outcome) -> None:
        self.lines += outcome.lines
        self.imported += outcome.imported
        self.skipped += outcome.skipped
        self.refused += len(outcome.refused)


def import_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="*.jsonl or *.csv")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Judge every line, and write nothing.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Pass over whoever is here already.")] = False,
    *,
    errors: Annotated[Path | None, typer.Option(help="Refused lines go there, as JSON lines.", dir_okay=False)] = None,
    reason: Annotated[str | None, typer.Option(help="Kept in the audit log.")] = None,
    as_json: AsJson = False,
) -> None:
    """Bring users with their password hashes, factors and flags. The exit code is 1 when a line was refused.

    Refused lines stop nobody else: mend them, and run it again with --resume.
    """
    if errors and _is_same(errors, file):
        refuse("--errors: this is the file of users itself. Nothing was done.")
    with beside() as settings, file.open("rb") as source:
        total = _import(settings, Wanted(file, dry_run, resume, errors, reason), source)
    told = {**asdict(total), "dry_run": dry_run}
    print(json.dumps(told) if as_json else _sentence(total, dry_run=dry_run))
    if total.refused:
        raise typer.Exit(1)


def _is_same(errors: Path, file: Path) -> bool:
    try:
        return errors.samefile(file)
    except OSError:  # it is not there yet, or cannot be written either
        return False


def _import(settings: Settings, wanted: Wanted, source: BinaryIO) -> Total:
    try:
        return work(settings, lambda database: _run(settings, database, wanted, source), unanswered=f". {_AGAIN}")
    except UnreadableFile as reason:
        refuse(str(reason))
    except KeyboardInterrupt:
        typer.echo(f"Stopped. {_AGAIN}", err=True)
        raise typer.Exit(INTERRUPTED) from None


async def _run(settings: Settings, database: Database, wanted: Wanted, source: BinaryIO) -> Total:
    clock, total = SystemClock(), Total()
    bring = ImportUsers(
        database=database,
        clock=clock,
        newcomers=Newcomers(clock, states(settings)),
        by=whoami(),
        reason=wanted.reason,
        resume=wanted.resume,
        dry_run=wanted.dry_run,
    )
    lines = read_lines(wanted.file, source)
    with _sink(wanted.errors) as sink:
        for batch in batches(lines, BATCH):
            outcome = await bring(batch)
            await write_events()
            total.add(outcome)
            _tell(outcome.refused, sink)
            _show(source, total)
    return total


def _sink(errors: Path | None) -> AbstractContextManager[TextIO | None]:
    """Open the file for refused lines, which empties it: so only once the file of users was found to be one."""
    try:
        return errors.open("w", encoding="utf-8") if errors else nullcontext()
    except OSError as reason:
        refuse(f"--errors: {errors} cannot be written ({reason.strerror}). Nothing was done.")


def _tell(refused: tuple[Refused, ...], sink: TextIO | None) -> None:
    """Report the number of each refused line and the reason, never its content."""
    for one in refused:
        if sink:
            sink.write(json.dumps(asdict(one)) + "\n")
        else:
            typer.echo(f"line {one.line}: {one.detail}", err=True)
    if sink:
        sink.flush()


def _show(source: BinaryIO, total: Total) -> None:
    """Draw a progress bar, on a terminal only: it would fill a file. Of a pipe nobody knows how much is to come."""
    if not sys.stderr.isatty() or not source.seekable():
        return
    done, size = source.tell(), os.fstat(source.fileno()).st_size
    bar = "#" * (_BAR * done // max(size, 1))
    sys.stderr.write(f"\r[{bar:<{_BAR}}] {total.lines} lines, {total.imported} imported, {total.refused} refused ")
    sys.stderr.write("\n" if done >= size else "")
    sys.stderr.flush()


def _sentence(total: Total, *, dry_run: bool) -> str:
    imported = f"{total.imported} {'would be imported' if dry_run else 'imported'}"
    return f"{total.lines} lines: {imported}, {total.skipped} passed over, {total.refused} refused."
