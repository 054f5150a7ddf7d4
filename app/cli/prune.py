"""`gatehouse prune`: delete rows that ended long enough ago, beside the running service, which also does so itself."""

import json
from typing import Annotated

import typer

from app.cli.audit_pruning import prune_log
from app.cli.beside import beside, run
from app.cli.environment import refuse
from app.clock import SystemClock
from app.flows.prune import Prune, ages
from app.settings import Settings
from app.store.database import Database

_UNANSWERED = ". What is deleted stays deleted: run this again."


def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count; delete nothing.")] = False,
    audit: Annotated[
        bool, typer.Option("--audit", help="Drop old months of the audit log instead, as the owner (OWNER_URL).")
    ] = False,
    despite: Annotated[
        bool, typer.Option("--despite-findings", help="With --audit: drop also what is not as it was written.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Report as JSON.")] = False,
) -> None:
    """Delete what is over and older than `RETENTION__…` says, and print how many rows of what."""
    if audit:
        prune_log(dry_run=dry_run, despite=despite, as_json=as_json)
        return
    if despite:
        refuse("--despite-findings goes with --audit.")
    with beside() as settings:
        found = run(settings, lambda database: _prune(settings, database, dry_run=dry_run), unanswered=_UNANSWERED)
    print(_as_json(found, dry_run=dry_run) if as_json else _as_table(found, dry_run=dry_run))


async def _prune(settings: Settings, database: Database, *, dry_run: bool) -> dict[str, int]:
    pruning = Prune(ages(settings), database, SystemClock())
    return await (pruning.look() if dry_run else pruning())


def _as_json(found: dict[str, int], *, dry_run: bool) -> str:
    items = [{"what": name, "rows": rows} for name, rows in found.items()]
    return json.dumps({"dry_run": dry_run, "items": items, "rows": sum(found.values())})


def _as_table(found: dict[str, int], *, dry_run: bool) -> str:
    lines = [f"{name:<24}{rows:>10}" for name, rows in {**found, "all together": sum(found.values())}.items()]
    return "\n".join([f"{'what':<24}{'would go' if dry_run else 'gone':>10}", *lines])
