"""The stand-in for Gatehouse, as somebody uses it who tests a service of their own: here the example resource server."""

import importlib
import sys
import time
from collections.abc import AsyncIterator

import httpx
import pytest

from examples.stand_in import Gatehouse, gatehouse
from tests.attack.processes import until
from tests.attack.service import ROOT

__all__ = ["gatehouse"]


@pytest.fixture
async def notes(gatehouse: Gatehouse, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    monkeypatch.setenv("GATEHOUSE", gatehouse.url)
    monkeypatch.delitem(sys.modules, "examples.resource_server", raising=False)
    app = importlib.import_module("examples.resource_server").app
    service = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://notes.test")
    async with app.router.lifespan_context(app), service:
        yield service


async def ask(notes: httpx.AsyncClient, token: str) -> httpx.Response:
    return await notes.get("/notes", headers={"Authorization": f"Bearer {token}"})


async def becomes(notes: httpx.AsyncClient, status: int, token: str) -> None:
    """The service asks for news twice a second."""

    async def is_so() -> bool:
        return (await ask(notes, token)).status_code == status

    await until(is_so, f"{status} for the token", within=5)


def test_it_has_sixty_lines_at_most() -> None:
    assert len((ROOT / "examples" / "stand_in.py").read_text().splitlines()) <= 60


async def test_a_token_opens_the_service_with_its_claims(notes: httpx.AsyncClient, gatehouse: Gatehouse) -> None:
    ada = gatehouse.token(sub="ada")
    await becomes(notes, 200, ada)
    assert (await ask(notes, ada)).json() == {"of": "ada", "with_second_factor": True}
    by_password = gatehouse.token(acr="urn:gatehouse:pwd", amr=["pwd"])
    assert (await ask(notes, by_password)).json()["with_second_factor"] is False


async def test_what_is_wrong_is_refused(notes: httpx.AsyncClient, gatehouse: Gatehouse) -> None:
    await becomes(notes, 200, gatehouse.token())
    wrong = {"scope": "mfa:verify", "aud": "https://x.example", "iss": "https://x.example", "exp": 1, "sid": None}
    for claim, value in wrong.items():
        assert (await ask(notes, gatehouse.token(**{claim: value}))).status_code == 401, claim
    assert (await ask(notes, gatehouse.sign("mfa-pending+jwt", 600, {"aud": gatehouse.url}))).status_code == 401


async def test_what_ended_is_refused(notes: httpx.AsyncClient, gatehouse: Gatehouse) -> None:
    of_session, of_user = gatehouse.token(sid="over"), gatehouse.token(sub="eve")
    await becomes(notes, 200, of_session)
    await becomes(notes, 200, of_user)
    gatehouse.sessions["over"] = int(time.time())
    gatehouse.users["eve"] = int(time.time()) + 1
    await becomes(notes, 401, of_session)
    await becomes(notes, 401, of_user)


async def test_a_service_that_cannot_know_what_ended_says_so(
    notes: httpx.AsyncClient, gatehouse: Gatehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = gatehouse.token()
    await becomes(notes, 200, ada)
    monkeypatch.setattr(gatehouse, "answer", lambda _: "")
    monkeypatch.setattr(time, "time", lambda now=time.time: now() + 31)
    await becomes(notes, 503, ada)
