"""Whether the database fits: version, schema, role, clock, pooler; and whether what is sealed in it can be opened."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.clock import Clock
from app.crypto.keys import KeyRing
from app.crypto.vault import Vault
from app.flows.checkup import Check, fail, ok, warn
from app.flows.checkup_audit import AuditCheckup
from app.flows.keys import Keys, KeysMissing, KeysUnreadable
from app.problems import DatabaseUnavailable
from app.settings import Settings
from app.store.database import Database
from app.store.diagnosis import Diagnosis, diagnose, lacks_partition
from app.store.signing_keys import KeyState, Role, StoredKey

_OLDEST_VERSION = 140_000
_MOST_SKEW = timedelta(seconds=1)
_OVERDUE = timedelta(days=1)
_LONG = timedelta(days=365)
_PARTITIONED = ("audit_events", "audit_links")


@dataclass(frozen=True)
class DatabaseCheckup:
    settings: Settings
    clock: Clock

    async def __call__(self) -> AsyncIterator[Check]:
        before = self.clock.now()
        try:
            found = await diagnose(self.settings.database)
        except DatabaseUnavailable:
            yield await self._unreachable()
            return
        after = self.clock.now()
        for check in (*self._of(found), self._of_clock(found, before + (after - before) / 2)):
            yield check
        if found.revision < found.newest_revision:
            yield fail("schema", "It is older than this code: run `gatehouse migrate`.")
            return
        yield ok("schema", f"Revision {found.revision}; this code's is {found.newest_revision}.")
        async for check in self._of_what_is_in_it():
            yield check

    async def _unreachable(self) -> Check:
        """PgBouncer refuses the parameters that we name to a server."""
        rules = self.settings.database
        if not rules.pgbouncer:
            try:
                await diagnose(rules.model_copy(update={"pgbouncer": True}))
            except DatabaseUnavailable:
                return fail("database", "It does not answer: see GATEHOUSE_DATABASE__URL and …__TLS.")
            return fail("database", "It is PgBouncer: set GATEHOUSE_DATABASE__PGBOUNCER=true.")
        return fail("database", "It does not answer: see GATEHOUSE_DATABASE__URL and …__TLS.")

    def _of(self, found: Diagnosis) -> Iterator[Check]:
        if found.version < _OLDEST_VERSION:
            yield fail("database", f"PostgreSQL {found.version_text} is too old: 14 or newer is needed.")
        elif found.standby:
            yield fail("database", "It is a standby and takes no writes: name the primary in GATEHOUSE_DATABASE__URL.")
        else:
            over = "over TLS" if found.encrypted else "without TLS"
            yield ok("database", f"PostgreSQL {found.version_text} answers, {over}.")
        if found.superuser and not self.settings.in_development:
            yield warn("role", f"{found.role} is a superuser: make a role that owns this database only.")
        else:
            yield ok("role", f"{found.role}.")
        yield self._of_pooler(found)

    def _of_pooler(self, found: Diagnosis) -> Check:
        if found.pooled and not self.settings.database.pgbouncer:
            return fail("pooler", "A pooler stands before the database: set GATEHOUSE_DATABASE__PGBOUNCER=true.")
        if self.settings.database.pgbouncer and not found.pooled:
            return warn("pooler", "No pooler was met: without GATEHOUSE_DATABASE__PGBOUNCER statements are quicker.")
        return ok("pooler", "PgBouncer, as the settings say." if found.pooled else "None.")

    def _of_clock(self, found: Diagnosis, ours: datetime) -> Check:
        skew = abs(found.clock - ours)
        if skew > _MOST_SKEW:
            return fail("clock", f"It differs from the database's by {skew.total_seconds():.1f} s: keep both by NTP.")
        return ok("clock", f"It differs from the database's by {skew.total_seconds() * 1000:.0f} ms.")

    async def _of_what_is_in_it(self) -> AsyncIterator[Check]:
        database, settings = Database(self.settings.database), self.settings
        keys = Keys(settings.tokens, database, self.clock, Vault(KeyRing(settings.secret_keys)))
        try:
            yield self._of_ring()
            yield await self._of_signing_keys(keys)
            async with database.read() as tx:
                lacking = [name for name in _PARTITIONED if await lacks_partition(tx, name)]
            yield self._of_partitions(lacking)
            async for check in AuditCheckup(settings, database, self.clock)():
                yield check
        except DatabaseUnavailable:
            yield fail("database", "It went away meanwhile: run this again.")
        finally:
            await database.close()

    def _of_ring(self) -> Check:
        count = len(self.settings.secret_keys)
        if count == 1:
            return ok("ring", "One key in GATEHOUSE_SECRET_KEYS.")
        return warn(
            "ring", f"{count} keys in GATEHOUSE_SECRET_KEYS: finish the turn with `gatehouse keys rotate --at-rest`."
        )

    async def _of_signing_keys(self, keys: Keys) -> Check:
        stored = await keys.stored()
        try:
            await keys.key_set(stored)
            await keys.refuse_unreadable(stored)
        except KeysUnreadable as reason:
            return fail("signing keys", str(reason))
        except KeysMissing as reason:
            return warn("signing keys", str(reason))
        return self._of_age(next(key for key in stored if _signs(key)))

    def _of_age(self, current: StoredKey) -> Check:
        age, every = self.clock.now() - current.since, self.settings.tokens.rotate_every
        says = f"All can be opened; the one that signs is {age.days} days old."
        if every == "never":
            late = age > _LONG
            return (
                warn("signing keys", f"{says} Rotate it: `gatehouse keys rotate`.")
                if late
                else ok("signing keys", says)
            )
        if age > every + _OVERDUE:
            return warn(
                "signing keys", f"{says} It is overdue: is any replica running? `gatehouse keys rotate` does it."
            )
        return ok("signing keys", says)

    def _of_partitions(self, lacking: list[str]) -> Check:
        if lacking:
            return fail(
                "audit partitions",
                f"{', '.join(lacking)}: next month has no partition, so its rows would land in the default one and"
                " would have to be moved. As the owner of the tables: SELECT audit_make_partitions(current_date, 24).",
            )
        return ok("audit partitions", "There is one for next month.")


def _signs(key: StoredKey) -> bool:
    return key.role == Role.ACCESS and key.state == KeyState.CURRENT
