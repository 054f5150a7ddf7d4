"""`gatehouse prune --audit`: drop the months of the audit log that are too old, as the owner of the schema."""

import json
from dataclasses import asdict

from app.cli.beside import beside, patient, run
from app.cli.environment import refuse
from app.cli.users_desk import whoami
from app.clock import SystemClock
from app.crypto.keys import KeyRing
from app.crypto.vault import Vault
from app.flows.keys import Keys, KeysMissing, KeysUnreadable
from app.flows.prune_audit import Disagrees, Disordered, Held, PruneAudit, Pruned, Unsealed
from app.settings import Settings
from app.store.audit_keys import may_renew
from app.store.database import Database
from app.watch.audit_keys import AuditKeys

_NOT_OWNER = "Months of the audit log are dropped by the owner of the schema alone: set GATEHOUSE_DATABASE__OWNER_URL."


def prune_log(*, dry_run: bool, despite: bool, as_json: bool) -> None:
    if dry_run:
        refuse("--dry-run does not go with --audit.")
    with beside() as settings:
        owner = patient(settings.model_copy(update={"database": settings.database.of_owner}))
        pruned = _run(owner, despite=despite)
    print(json.dumps(asdict(pruned), default=str) if as_json else _line(pruned))


def _run(owner: Settings, *, despite: bool) -> Pruned:
    try:
        return run(
            owner,
            lambda database: _prune(owner, database, despite=despite),
            unanswered=". What was dropped stays dropped: run this again.",
        )
    except (Unsealed, Disagrees, Disordered, Held, KeysUnreadable, KeysMissing) as reason:
        refuse(str(reason))


async def _prune(settings: Settings, database: Database, *, despite: bool) -> Pruned:
    async with database.read() as tx:
        if not await may_renew(tx):
            refuse(_NOT_OWNER)
    clock, vault = SystemClock(), Vault(KeyRing(settings.secret_keys))
    signing = await Keys(settings.tokens, database, clock, vault)()
    keys = AuditKeys(database, vault=vault, clock=clock)
    issuer, key = settings.tokens.issuer, signing.access
    return await PruneAudit(settings.audit.retention, issuer, database, keys, key, whoami(), despite)()


def _line(pruned: Pruned) -> str:
    made = f"{pruned.made} partitions made ahead."
    more = f" {pruned.checkpoints} checkpoints and {pruned.keys} keys that nothing needs any more went as well."
    thinned = more if pruned.checkpoints or pruned.keys else ""
    if pruned.before is None:
        return f"Nothing is old enough to be dropped; {made}{thinned}"
    dropped = f"{pruned.events} events from before {pruned.before:%Y-%m-%d}, up to link {pruned.seq}, were dropped; "
    return f"{dropped}{made}{thinned}"
