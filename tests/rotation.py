"""Signing keys that rotate: replicas that share a database and a clock, the operator beside them, and what is stored."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import jwt

from app.flows.keys import Keys
from app.flows.rotation import Rotation
from app.store.database import Database
from tests.ring import vault
from tests.standins.clock import ManualClock
from tests.world import KEY, Person, World, running, settings_for

SOON = {"follow_keys_every": 0.05}
_PATIENCE = 400


@dataclass(frozen=True)
class Installation:
    url: str
    folder: Path
    database: Database
    rows: asyncpg.Connection
    clock: ManualClock = field(default_factory=ManualClock)

    @asynccontextmanager
    async def replica(self, **tokens: Any) -> AsyncIterator[World]:
        settings = settings_for(self.url, self.folder, tokens=SOON | tokens)
        async with running(settings, clock=self.clock) as world:
            yield world

    def operator(self, *ring: str, **tokens: Any) -> Rotation:
        """What the operator's command works with."""
        settings = settings_for(self.url, self.folder, tokens=SOON | tokens)
        return Rotation(Keys(settings.tokens, self.database, self.clock, vault(*(ring or (KEY,)))))

    async def states(self, role: str = "access") -> dict[str, str]:
        """Every stored key of *role* with its state."""
        stored = await self.operator().keys.stored()
        return {key.kid: key.state.value for key in stored if key.role == role}

    async def one(self, state: str, role: str = "access") -> str:
        (kid,) = [kid for kid, found in (await self.states(role)).items() if found == state]
        return kid

    async def has_private_half(self, kid: str) -> bool:
        return bool(await self.rows.fetchval("SELECT private FROM signing_keys WHERE kid = $1", kid))


def kid_of(token: str) -> str:
    kid: str = jwt.get_unverified_header(token)["kid"]
    return kid


async def published(world: World) -> list[str]:
    """The kids of the key set."""
    answer = await world.client.get("/.well-known/jwks.json")
    return [key["kid"] for key in answer.json()["keys"]]


async def is_good(person: Person, world: World, token: str | None = None) -> bool:
    bearer = {"Authorization": f"Bearer {token or person.access_token}"}
    return (await world.client.get("/session", headers=bearer)).status_code == 200


async def until(true: Callable[[], bool]) -> None:
    for _ in range(_PATIENCE):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to that")


async def signs(world: World, kid: str) -> None:
    """Wait until *world* signs access tokens with *kid*."""
    await until(lambda: world.app.state.house.tokens.keys.access.kid == kid)


async def reads_no_more(world: World, kid: str) -> None:
    """Wait until *world* does not know *kid* any more."""
    keys = world.app.state.house.tokens
    await until(lambda: not (keys.keys.find(kid, published=True) or keys.keys.find(kid, published=False)))
