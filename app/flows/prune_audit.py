"""Drop the months of the audit log that are too old, events and links, up to a checkpoint that says so and is kept.

As the owner of the schema: the service's own role may remove nothing. `verify` accepts exactly what that checkpoint vouches for,
so what goes is verified before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.crypto.audit import Proofs
from app.crypto.audit_checkpoints import Checkpoint, Checkpoints
from app.crypto.chance import new_id
from app.crypto.signing import SigningKey
from app.flows.audit_verify import VerifyAudit
from app.flows.audit_walk import Finding
from app.store import audit_chain, audit_partitions
from app.store.audit import StoredEvent
from app.store.audit_partitions import Month
from app.store.database import Database, Tx
from app.watch.audit_keys import AuditKeys
from app.watch.logs import logger
from app.watch.redaction import Published

_AHEAD = 24
_BATCH = 1000
_TOLD = 10
_log = logger("gatehouse.audit")


class Unsealed(Exception):  # noqa: N818  named as the state it tells of
    """Events that would be dropped are in no link."""

    def __init__(self) -> None:
        super().__init__(
            "Events that are old enough to be dropped are not in the chain: "
            "`gatehouse audit verify` names them. Nothing was dropped."
        )


class Disagrees(Exception):  # noqa: N818  named as the state it tells of
    """What would be dropped is not as it was written: once it is gone, nobody could tell."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        told = "\n".join(finding.sentence for finding in findings[:_TOLD])
        super().__init__(
            f"{told}\nWhat is old enough to be dropped is not as it was written ({len(findings)} findings). Nothing was "
            "dropped: keep a copy and look into it, then run this again with --despite-findings."
        )


class Disordered(Exception):  # noqa: N818  named as the state it tells of
    """Links lie in months that would be dropped, and follow others that stay."""

    def __init__(self) -> None:
        super().__init__(
            "Links lie in months of before they were sealed, or in a default partition: "
            "`gatehouse audit verify` and `doctor` say more. Nothing was dropped."
        )


@dataclass(frozen=True, slots=True)
class Pruned:
    """*before*: all events from before it are gone, and links up to *seq*; None when nothing was old enough."""

    events: int = 0
    partitions: int = 0
    made: int = 0
    seq: int | None = None
    before: datetime | None = None


@dataclass(frozen=True)
class PruneAudit:
    """*signing_key* signs what is said about the gap; *database* is entered as its owner.

    *despite*: drop also what is not as it was written.
    """

    retention: timedelta
    issuer: str
    database: Database
    keys: AuditKeys
    signing_key: SigningKey
    despite: bool = False

    async def __call__(self) -> Pruned:
        """Raises Disagrees, Disordered, Unsealed, AuditKeyUnreadable, DatabaseUnavailable."""
        proofs = Proofs(await self.keys.house())
        async with self.database.read() as tx:
            gone, before = await self._going(tx)
            last = await audit_partitions.last_link(tx, before=before) if before else None
        if before is None or last is None:
            return Pruned(made=await self._make())
        await self._verify(before, last)
        async with self.database.begin() as tx:
            await audit_chain.wait_to_seal(tx)
            token = await self._vouch(tx, proofs, before, last)
            events = await audit_partitions.count(tx, before=before)
            await audit_partitions.drop(tx, gone)
            made = await audit_partitions.make(tx, months=_AHEAD)
        _log.info("audit.checkpoint", checkpoint=Published(token))
        return Pruned(events, len(gone), made, last[0], before)

    async def _make(self) -> int:
        async with self.database.begin() as tx:
            return await audit_partitions.make(tx, months=_AHEAD)

    async def _going(self, tx: Tx) -> tuple[list[Month], datetime | None]:
        """The month of the newest link stays in any case: the next one follows it."""
        newest, until = await audit_chain.newest(tx), await audit_chain.now(tx) - self.retention
        if newest is None:
            return [], None
        return _aged(await audit_partitions.months(tx), min(until, newest.sealed_at))

    async def _verify(self, before: datetime, last: tuple[int, bytes]) -> None:
        """Whoever changed something has it forgotten otherwise, with a checkpoint of ours."""
        verify = VerifyAudit(self.issuer, self.database, self.keys, (), lambda _: None)
        findings = [one for one in await verify.of_what_goes(before, last=last[0]) if one.kind != "row_unsealed"]
        if findings and not self.despite:
            raise Disagrees(findings)

    async def _vouch(self, tx: Tx, proofs: Proofs, before: datetime, last: tuple[int, bytes]) -> str:
        """Say how far the log will be gone: only of what lies before *before* by the proved times of its events."""
        if await self._waits(tx, proofs, before):
            raise Unsealed
        found = await audit_partitions.last_link(tx, before=before)
        if found != last or await audit_partitions.is_disordered(tx, before=before, last=last[0]):
            raise Disordered
        at = await audit_chain.now(tx)
        checkpoint = Checkpoint(*last, at, pruned_before=before)
        token = Checkpoints(self.issuer, proofs).mint(checkpoint, key=self.signing_key)
        await audit_chain.checkpoint(tx, new_id(at), seq=last[0], token=token)
        return token

    async def _waits(self, tx: Tx, proofs: Proofs, before: datetime) -> bool:
        """Whether an event of ours from before *before* has no link yet."""
        rows: list[StoredEvent] = []
        while rows := await audit_chain.unlinked(tx, until=before, most=_BATCH, after=rows[-1] if rows else None):
            if any(proofs.holds(row.row, row.mac) for row in rows):
                return True
        return False


def _aged(months: list[Month], until: datetime) -> tuple[list[Month], datetime | None]:
    """The months that ended before *until*, and where they end: where the first one begins that is kept."""
    kept = [month.begins for month in months if _end(month) > until]
    gone = [month for month in months if _end(month) <= until]
    return gone, min(kept) if gone and kept else None


def _end(month: Month) -> datetime:
    begins = month.begins
    return begins.replace(year=begins.year + begins.month // 12, month=begins.month % 12 + 1)
