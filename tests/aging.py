"""A log that is old, honestly; and whoever prunes it."""

from datetime import timedelta

from app.crypto.audit import Proofs
from app.events import Event
from app.flows.prune_audit import PruneAudit
from app.watch import audit
from tests.audit import Log

SEALING = 0x6761_7473
"""The lock of whoever seals."""


def pruning(log: Log, *, despite: bool = False) -> PruneAudit:
    key, issuer = log.world.app.state.house.tokens.keys.access, log.settings.tokens.issuer
    return PruneAudit(timedelta(days=400), issuer, log.database, log.keys(), key, "ops", despite)


async def age(log: Log, months: int) -> None:
    """As if everything so far had been written and sealed *months* ago, honestly: in partitions of then."""
    async with log.rows.transaction():
        await log.rows.execute("SELECT pg_advisory_xact_lock($1)", SEALING)
        begin = await log.rows.fetchval("SELECT date_trunc('month', now()) - make_interval(months => $1)", months)
        await log.rows.execute("SELECT audit_make_partitions($1::timestamptz::date, 1)", begin + timedelta(days=1))
        await log.forge(
            "UPDATE audit_events SET written_at = $1::timestamptz + interval '1 day' + (written_at - now())", begin
        )
        for table in ("audit_links", "audit_checkpoints"):
            await log.forge(f"DELETE FROM {table} RETURNING 1")  # noqa: S608  ours
        await chain(log)


async def chain(log: Log) -> None:
    """Seal each row at the moment it was written."""
    proofs, link = Proofs(await log.keys().house()), bytes(32)
    for seq, row in enumerate(await log.events(), 1):
        at, mac = row["written_at"], row["mac"]
        link = proofs.link(link, seq=seq, sealed_at=at, event_id=row["id"], event_at=at, event_mac=mac)
        await log.forge("INSERT INTO audit_links VALUES ($1, $2, $3, $2, $4, $5)", seq, at, row["id"], mac, link)


async def happen(log: Log, times: int = 1, event: Event = Event.SIGNED_IN, **facts: object) -> None:
    trail = log.trail(size=5000)
    with trail.record() as record:
        for _ in range(times):
            audit.note(event, **facts)
        await trail.write(record)
