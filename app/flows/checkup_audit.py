"""Whether the audit log stands: that it is sealed and vouched for, that nothing strange stands before its tables, and who may hide it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from app.clock import Clock
from app.crypto.keys import KeyRing
from app.crypto.vault import Vault
from app.flows.audit_defences import strangers
from app.flows.checkup import Check, fail, ok, warn
from app.settings import Settings
from app.store import audit_faults
from app.store.database import Database
from app.watch.audit_keys import AuditKeys, AuditKeyUnreadable
from app.watch.standing import LATE, UNSEALED, Behind, Standing


@dataclass(frozen=True)
class AuditCheckup:
    settings: Settings
    database: Database
    clock: Clock

    async def __call__(self) -> AsyncIterator[Check]:
        """Raises DatabaseUnavailable."""
        yield await self._standing()
        async with self.database.read() as tx:
            found, shadows = strangers(await audit_faults.defences(tx)), await audit_faults.may_shadow(tx)
        for finding in found:
            yield fail(
                "audit tables", f"{finding.sentence} Whoever owns the schema did that: `gatehouse audit verify`."
            )
        if shadows:
            yield warn(
                "audit tables",
                "This role may make temporary tables, which can hide those of the log: `gatehouse migrate --app-role`.",
            )
        if not (found or shadows):
            yield ok("audit tables", "Their triggers are ours.")

    async def _standing(self) -> Check:
        keys = AuditKeys(self.database, vault=Vault(KeyRing(self.settings.secret_keys)), clock=self.clock)
        try:
            return self._of(await Standing(self.settings.tokens.issuer, self.database, keys)())
        except AuditKeyUnreadable as reason:
            return fail("audit log", str(reason))

    def _of(self, behind: Behind) -> Check:
        if behind.unsealed > UNSEALED:
            return warn(
                "audit log",
                f"Events of {behind.unsealed.total_seconds():.0f} s ago are not in the chain: is any replica running, and"
                " does anybody hold the lock 1734440051 (pg_locks)?",
            )
        if behind.unvouched > self.settings.audit.checkpoint_every + LATE:
            seconds = behind.unvouched.total_seconds()
            return warn("audit log", f"No checkpoint vouches for links of {seconds:.0f} s ago: is any replica running?")
        return ok("audit log", "It is in the chain, and vouched for.")
