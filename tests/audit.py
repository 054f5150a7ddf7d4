"""The audit log as a test sees it: another replica that seals at once, verifies, and falsifies as a superuser would."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import UUID

import asyncpg
from pydantic import SecretStr

from app.clock import SystemClock
from app.crypto.keys import KeyRing
from app.crypto.vault import Vault
from app.flows.audit_verify import Report, VerifyAudit
from app.settings import Settings
from app.settings.audit import AuditSettings
from app.store.database import Database
from app.watch.audit_keys import AuditKeys
from app.watch.sealer import Sealer
from app.watch.trail import Trail
from tests import postgres
from tests.world import KEY, World, running, settings_for

_SEALED = """SELECT coalesce((SELECT max(seq) FROM audit_links) <= (SELECT max(seq) FROM audit_checkpoints), false)
    AND NOT EXISTS (SELECT FROM audit_events WHERE id NOT IN (SELECT event_id FROM audit_links))"""
_TRIES, _PAUSE = 10, 0.05


def unwatched(_: int) -> None:
    """Nobody looks."""


async def _resting(_: Sealer) -> None:
    """A sealer's job that never has its turn."""
    await asyncio.Event().wait()


@dataclass(frozen=True)
class Log:
    """*rows* is a connection of a superuser; *checkpoint_every* of its sealer is as usual."""

    url: str
    settings: Settings
    world: World
    database: Database
    rows: asyncpg.Connection

    def keys(self) -> AuditKeys:
        vault = Vault(KeyRing([SecretStr(KEY)]))
        return AuditKeys(self.database, vault=vault, clock=SystemClock())

    def trail(self, *, size: int = 10) -> Trail:
        return Trail(self.database, keys=self.keys(), clock=self.world.clock, size=size)

    def sealer(self, **settings: Any) -> Sealer:
        tokens = self.world.app.state.house.tokens
        issuer = self.settings.tokens.issuer
        return Sealer(AuditSettings(**settings), self.database, issuer=issuer, keys=self.keys(), tokens=tokens)

    async def seal(self) -> str:
        """All that happened is written and chained, once it is our turn; the checkpoint that vouches for the end of it."""
        sealer, late = self.sealer(), _trail_of(self.world)
        for _ in range(_TRIES):
            await late.settle()
            await sealer.seal()  # and a slice of what was before it
            await sealer.seal(last=True)
            if await self.rows.fetchval(_SEALED):
                break
            await asyncio.sleep(_PAUSE)
        return str(await self.rows.fetchval("SELECT token FROM audit_checkpoints ORDER BY seq DESC LIMIT 1"))

    async def written(self, event: str, many: int) -> None:
        """Some events are written a second later, with others."""
        for _ in range(100):
            if await self.rows.fetchval("SELECT count(*) FROM audit_events WHERE event = $1", event) >= many:
                return
            await asyncio.sleep(_PAUSE)
        raise AssertionError(f"{event} was not written")

    async def verify(self, *checkpoints: str) -> Report:
        keys = self.world.app.state.house.tokens.keys.published
        return await VerifyAudit(self.settings.tokens.issuer, self.database, self.keys(), keys, unwatched)(checkpoints)

    async def found(self, *checkpoints: str) -> list[str]:
        """The kinds of what verify finds."""
        return [finding.kind for finding in (await self.verify(*checkpoints)).findings]

    async def forge(self, statement: str, *arguments: Any) -> None:
        """Around the triggers, as a superuser may."""
        await self.rows.execute("SET session_replication_role = replica")
        done = await self.rows.execute(statement, *arguments)
        await self.rows.execute("SET session_replication_role = origin")
        assert done.split()[-1] != "0" or "audit_checkpoints" in statement, "nothing was forged"

    async def events(self) -> list[asyncpg.Record]:
        return list(await self.rows.fetch("SELECT * FROM audit_events ORDER BY written_at, id"))

    async def named(self, event: str) -> asyncpg.Record:
        return next(row for row in reversed(await self.events()) if row["event"] == event)

    async def personal(self, row: asyncpg.Record) -> dict[str, str] | None:
        """What stands in the personal field, if its key is still there."""
        keys = await self.keys().those([row["key_id"]])
        key = keys.get(UUID(str(row["key_id"])))
        return key.open(row["personal"], event_id=row["id"]) if key else None


def _trail_of(world: World) -> Trail:
    """The service's own: what is in no hurry waits there."""
    given = (one.kwargs.get("trail") for one in world.app.user_middleware)
    return next(trail for trail in given if isinstance(trail, Trail))


@asynccontextmanager
async def logging(postgres_url: str, name: str, folder: Path, **groups: Any) -> AsyncIterator[Log]:
    """A service on a database of its own: the log's key is in it, and nobody else seals."""
    url = await postgres.copy(postgres_url, name)
    settings = settings_for(url, folder, **groups)
    database, rows = Database(settings.database), await postgres.connect(url)
    try:
        with patch.object(Sealer, "run", _resting):
            async with running(settings) as world:
                yield Log(url, settings, world, database, rows)
    finally:
        await rows.close()
        await database.close()
        await postgres.drop(postgres_url, name)
