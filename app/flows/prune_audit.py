"""Drop the months of the audit log that are too old, events and links, up to a checkpoint that says so and is kept.

As the owner of the schema: the service's own role may remove nothing. `verify` accepts exactly what that checkpoint vouches for,
so what goes is verified before.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from app.crypto.audit import Proofs
from app.crypto.audit_checkpoints import Checkpoint, Checkpoints
from app.crypto.chance import new_id
from app.crypto.signing import SigningKey
from app.events import Event
from app.flows.audit_verify import VerifyAudit
from app.flows.audit_walk import Finding
from app.flows.thin_audit import ThinAudit
from app.problems import DatabaseUnavailable
from app.store import audit_chain, audit_partitions, audit_repeats
from app.store.audit import StoredEvent
from app.store.audit_partitions import Month
from app.store.database import Database, Tx
from app.watch import audit
from app.watch.audit_keys import AuditKeys
from app.watch.logs import logger
from app.watch.redaction import Published

_AHEAD = 24
_BATCH = 1000
_TOLD = 10
_TRIES = 5
_PAUSE = 2.0
"""Seconds between two tries: what waited meanwhile is written."""
_FOR_VERIFY = {"row_unsealed", "checkpoint_forged", "checkpoint_changed"}
"""What is not of the months that go: rows that wait are looked at again, checkpoints stay and are told of as before."""
_Result = TypeVar("_Result")
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


class Held(Exception):  # noqa: N818  named as the state it tells of
    """Whoever reads the log keeps its months from being dropped, and whoever writes must not wait for that."""

    def __init__(self) -> None:
        super().__init__(
            "Somebody has been reading the log all the while, a dump or a query (pg_stat_activity names them). "
            "Nothing was dropped: run this again once that has ended."
        )


@dataclass(frozen=True, slots=True)
class Pruned:
    """*before*: all events from before it are gone, and links up to *seq*; None when nothing was old enough.

    *checkpoints* and *keys* that are of no more use are gone as well.
    """

    events: int = 0
    partitions: int = 0
    made: int = 0
    seq: int | None = None
    before: datetime | None = None
    checkpoints: int = 0
    keys: int = 0


@dataclass(frozen=True)
class PruneAudit:
    """*signing_key* signs what is said about the gap; *database* is entered as its owner.

    *despite*: drop also what is not as it was written, as the operator *by* has it.
    """

    retention: timedelta
    issuer: str
    database: Database
    keys: AuditKeys
    signing_key: SigningKey
    by: str
    despite: bool = False

    async def __call__(self) -> Pruned:
        """Raises Disagrees, Disordered, Held, Unsealed, AuditKeyUnreadable, DatabaseUnavailable."""
        proofs = (await self.keys.house()).proofs
        made = await self._undisturbing(lambda tx: audit_partitions.make(tx, months=_AHEAD))
        pruned = replace(await self._drop(proofs), made=made)
        thinned = await ThinAudit(self.database, Checkpoints(self.issuer, proofs))()
        return replace(pruned, checkpoints=thinned.checkpoints, keys=thinned.keys)

    async def _drop(self, proofs: Proofs) -> Pruned:
        async with self.database.read() as tx:
            gone, before = await self._going(tx)
            last = await audit_partitions.last_link(tx, before=before) if before else None
        if before is None or last is None:
            return Pruned()
        await self._verify(before, last)

        async def dropped(tx: Tx) -> tuple[str, int]:
            token = await self._vouch(tx, proofs, before, last)
            events = await audit_partitions.count(tx, before=before)
            await audit_partitions.drop(tx, gone)
            return token, events

        token, events = await self._undisturbing(dropped)
        _log.info("audit.checkpoint", checkpoint=Published(token))
        audit.note(
            Event.AUDIT_PRUNED, events=events, seq=last[0], before=before, despite=self.despite or None, by=self.by
        )
        return Pruned(events, len(gone), seq=last[0], before=before)

    async def _undisturbing(self, work: Callable[[Tx], Awaitable[_Result]]) -> _Result:
        """*work* while nobody seals; given up and tried anew when it waits, for whoever writes would wait behind it."""
        for _ in range(_TRIES):
            try:
                async with self.database.begin() as tx:
                    await audit_chain.wait_to_seal(tx)
                    await audit_partitions.wait_shortly(tx)
                    return await work(tx)
            except DatabaseUnavailable as failure:
                if not audit_partitions.was_held(failure):
                    raise
            await asyncio.sleep(_PAUSE)
        raise Held

    async def _going(self, tx: Tx) -> tuple[list[Month], datetime | None]:
        """The month of the newest link stays in any case: the next one follows it."""
        newest, until = await audit_chain.newest(tx), await audit_chain.now(tx) - self.retention
        if newest is None:
            return [], None
        return _aged(await audit_partitions.months(tx), min(until, newest.sealed_at))

    async def _verify(self, before: datetime, last: tuple[int, bytes]) -> None:
        """Whoever changed something has it forgotten otherwise, with a checkpoint of ours."""
        verify = VerifyAudit(self.issuer, self.database, self.keys, (), lambda _: None)
        found = await verify.of_what_goes(before, last=last[0])
        findings = [one for one in found if one.kind not in _FOR_VERIFY]
        if findings and not self.despite:
            raise Disagrees(findings)

    async def _vouch(self, tx: Tx, proofs: Proofs, before: datetime, last: tuple[int, bytes]) -> str:
        """Say how far the log will be gone: only of what lies before *before* by the proved times of its events."""
        if not self.despite and await self._waits(tx, proofs, before):
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
            if await audit_repeats.without(tx, [row for row in rows if proofs.holds(row.row, row.mac)]):
                return True
        return False


def _aged(months: list[Month], until: datetime) -> tuple[list[Month], datetime | None]:
    """The months that ended before *until*, and where they end: where the first one begins that is kept."""
    kept = [month.begins for month in months if month.ends > until]
    gone = [month for month in months if month.ends <= until]
    return gone, min(kept) if gone and kept else None
