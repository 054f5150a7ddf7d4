"""The example resource server, run as its README says, beside a running service: what ends there is refused here, soon."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import jwt
import pytest

from app.crypto.signing import SigningKey
from tests.attack.people import expect, newcomer, with_phone
from tests.attack.processes import until
from tests.attack.service import ROOT, Service, client, fetch, free_port, serving
from tests.cli.service import run

LIFE = 3
"""Seconds that a document of revocations is good here; 30 by default."""


@dataclass(frozen=True)
class Notes:
    """The resource server, as its clients see it."""

    service: Service
    url: str

    async def get(self, token: str = "", scheme: str = "Bearer") -> httpx.Response:
        async with client(self.url) as fresh:
            return await fresh.get("/notes", headers={"Authorization": f"{scheme} {token}"} if token else {})

    async def status(self, token: str) -> int:
        return (await self.get(token)).status_code

    async def becomes(self, status: int, token: str, *, within: float) -> float:
        async def is_so() -> bool:
            with suppress(httpx.TransportError):
                return await self.status(token) == status
            return False

        return await until(is_so, f"{status} for the token", within=within)

    def keys_asked(self) -> int:
        """How often the service was asked for its keys."""
        lines = [json.loads(line) for line in self.service.log.read_text().splitlines() if line.startswith("{")]
        return sum(line.get("route") == "/.well-known/jwks.json" for line in lines)


@asynccontextmanager
async def example(service: Service) -> AsyncIterator[Notes]:
    port, folder = free_port(), Path(tempfile.mkdtemp(prefix="gh-example-"))
    command = [sys.executable, "-m", "uvicorn", "--app-dir", "examples", "resource_server:app", "--port", str(port)]
    environment = {**os.environ, "GATEHOUSE": service.url}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)  # noqa: ASYNC220  a moment
    try:
        notes = Notes(service, f"http://127.0.0.1:{port}")
        await notes.becomes(401, "nonsense", within=20)
        yield notes
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait)
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
async def notes() -> AsyncIterator[Notes]:
    async with (
        serving(workers=1, GATEHOUSE_TOKENS__REVOCATIONS_LIFE=str(LIFE)) as service,
        example(service) as notes,
    ):
        yield notes


def test_it_has_less_than_eighty_lines() -> None:
    assert len((ROOT / "examples" / "resource_server.py").read_text().splitlines()) < 80


async def test_a_token_opens_it_until_its_session_ends(notes: Notes) -> None:
    ada = await newcomer(notes.service)
    answer = await notes.get(ada.access_token)
    assert answer.json() == {"of": str(await ada.id()), "with_second_factor": False}

    expect(await ada.call("POST", "/logout", {}, token=ada.access_token), 204)

    assert await notes.becomes(401, ada.access_token, within=2) < 2
    await ada.sign_in()
    assert await notes.status(ada.access_token) == 200


async def test_a_deleted_user_is_refused_though_their_sessions_are_gone(notes: Notes) -> None:
    ada, bob = await newcomer(notes.service), await newcomer(notes.service)
    folder = str(notes.service.folder)
    deleted = await asyncio.to_thread(
        run, "users", "delete", ada.email, "--yes", ENVIRONMENT="development", DATA_DIR=folder
    )
    assert deleted.returncode == 0, deleted.stderr
    await notes.becomes(401, ada.access_token, within=2)
    assert await notes.status(bob.access_token) == 200


async def test_nothing_but_an_access_token_opens_it(notes: Notes) -> None:
    ada = await with_phone(notes.service)
    assert (await notes.get(ada.access_token)).json()["with_second_factor"] is True
    expect(await ada.login(), 200)
    feed = expect(await fetch(f"{notes.service.url}/sessions/revocations"), 200).text
    head, payload, signature = ada.access_token.split(".")
    others = {
        "pending": ada.mfa_token,
        "feed": feed,
        "refresh": ada.refresh_token,
        "cut": f"{head}.{payload}.",
        "other signature": f"{head}.{payload}.{feed.split('.')[2]}",
        "other payload": f"{head}.{feed.split('.')[1]}.{signature}",
        "no token": "nonsense",
    }
    for kind, token in others.items():
        refused = await notes.get(token)
        assert refused.status_code == 401, kind
        assert refused.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert (await notes.get()).status_code == 401
    assert (await notes.get(ada.access_token, scheme="Basic")).status_code == 401


async def test_a_token_under_a_made_up_key_is_refused_and_costs_the_service_one_question_in_five_seconds(
    notes: Notes,
) -> None:
    ada = await newcomer(notes.service)
    claims = jwt.decode(ada.access_token, options={"verify_signature": False})
    forged = []
    for _ in range(10):
        key = SigningKey.new()
        forged.append(jwt.encode(claims, key.private, key.alg, {"typ": "at+jwt", "kid": key.kid}))
    genuine = jwt.get_unverified_header(ada.access_token)["kid"]
    borrowed = jwt.encode(claims, SigningKey.new().private, "ES256", {"typ": "at+jwt", "kid": genuine})
    by_secret = jwt.encode(claims, genuine.encode(), "HS256", {"typ": "at+jwt", "kid": genuine})
    before = notes.keys_asked()
    assert {await notes.status(token) for token in [*forged, borrowed, by_secret]} == {401}
    assert notes.keys_asked() - before <= 1
    assert await notes.status(ada.access_token) == 200


async def test_without_news_it_refuses_everybody_and_goes_on_when_there_are_some(notes: Notes) -> None:
    ada = await newcomer(notes.service)
    assert await notes.status(ada.access_token) == 200
    await notes.service.kill()
    began = time.monotonic()
    assert await notes.status(ada.access_token) == 200, "what it knows is good for a while"

    await notes.becomes(503, ada.access_token, within=LIFE + 2)

    assert time.monotonic() - began >= LIFE - 2
    refused = await notes.get(ada.access_token)
    assert refused.headers["retry-after"] == "1"
    await notes.service.start()
    await notes.becomes(200, ada.access_token, within=10)
