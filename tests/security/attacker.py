"""Somebody with a workshop for tokens at the door of the running service, and what their tokens have to be answered with."""

import json
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from app.api.envelope import HEADER_LIMIT
from tests.crypto.forge import Forge
from tests.ring import hearing
from tests.statements import asked
from tests.world import Person, World

OPEN_TO_ACCESS = ("/session", "/me")
CHALLENGE = 'Bearer realm="gatehouse", error="invalid_token"'
SOON = 0.05
_LONG = re.compile(r"[\w-]{24,}", re.ASCII)


@dataclass(frozen=True)
class Attacker:
    """Their *forge* has even the service's own keys: unchanged its token is good, so each refusal is for the one change."""

    world: World
    victim: Person
    forge: Forge

    async def send(self, path: str, token: str) -> httpx.Response:
        bearer = b"Bearer " + token.encode("utf-8", "surrogatepass")
        return await self.world.client.get(path, headers=[(b"authorization", bearer)])

    async def opens(self, token: str, paths: Sequence[str] = OPEN_TO_ACCESS) -> list[int]:
        return [(await self.send(path, token)).status_code for path in paths]

    async def is_refused(self, tokens: Iterable[str], paths: Sequence[str] = OPEN_TO_ACCESS) -> None:
        """All of *tokens*, in one voice, each soon, without a query and without a word of them in the log."""
        tokens = list(tokens)
        assert tokens
        with hearing() as lines, asked() as queries:
            for token in tokens:
                for path in paths:
                    await self._is_refused(token, path)
        assert queries == []
        assert lines
        log = json.dumps(lines)
        assert not [piece for token in tokens for piece in _LONG.findall(token[:HEADER_LIMIT]) if piece in log]
        assert await self.opens(self.forge.token()) == [200] * len(OPEN_TO_ACCESS)

    async def _is_refused(self, token: str, path: str) -> None:
        answer, took = await self._timed(path, token)
        shown = f"{path} {ascii(token)[:200]}: {answer.text}"
        if len(token) >= HEADER_LIMIT - 1024 and answer.status_code == 431:
            assert answer.json()["code"] == "headers_too_large", shown
        else:
            assert (answer.status_code, answer.headers.get("www-authenticate")) == (401, CHALLENGE), shown
            assert answer.json() == REFUSAL | {"type": answer.json()["type"]}, shown
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["cache-control"] == "no-store"
        # What else runs in this thread is counted, too: only what takes long each time does.
        assert took < SOON or min([(await self._timed(path, token))[1] for _ in range(5)]) < SOON, shown

    async def _timed(self, path: str, token: str) -> tuple[httpx.Response, float]:
        """The answer, and the seconds of CPU that this thread spent meanwhile."""
        began = time.thread_time()
        answer = await self.send(path, token)
        return answer, time.thread_time() - began


REFUSAL: dict[str, Any] = {"title": "The token is not valid here", "status": 401, "code": "invalid_token"}


async def at_the_door(world: World) -> Attacker:
    """Of a service that *victim* is signed in to."""
    victim = await world.signed_up()
    await victim.sign_in()
    claims = (await victim.call("GET", "/session")).json()
    now = int(world.clock.now().timestamp())
    keys = world.app.state.house.tokens.keys
    attacker = Attacker(
        world, victim, Forge(keys, now, issuer=claims["iss"], user=UUID(claims["sub"]), session=UUID(claims["sid"]))
    )
    assert await attacker.opens(attacker.forge.token()) == [200, 200]
    return attacker
