"""A new password that was found in a public breach is refused wherever one is chosen; a check that fails refuses nobody."""

import io
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from app.settings import Settings
from app.settings.groups import LogSettings
from app.watch.logs import configure
from tests.passwords import change
from tests.resets import forgot, reset
from tests.standins.breaches import Behaviour, BreachesStandIn, status
from tests.standins.http import hang, redirect
from tests.world import PASSWORD, Person, World, own_logging, running, settings_for

LEAKED = "a phrase that everybody has seen"


@pytest.fixture
def breaches() -> Iterator[BreachesStandIn]:
    with BreachesStandIn() as stand_in:
        stand_in.leak(LEAKED)
        yield stand_in


@pytest.fixture
async def checking(database_url: str, tmp_path: Path, breaches: BreachesStandIn) -> AsyncIterator[World]:
    """A service that asks the stand-in, for at most half a second."""
    given = {"breach_check_url": breaches.url, "breach_check_wait": 0.5}
    async with running(settings_for(database_url, tmp_path, passwords=given)) as world:
        yield world


@pytest.fixture
def log(checking: World) -> Iterator[io.StringIO]:  # noqa: ARG001  what is configured after it counts
    stream = io.StringIO()
    with own_logging():
        configure(LogSettings(), json=True, stream=stream)
        yield stream
        configure(LogSettings(level="ERROR"), json=True)


async def everywhere(world: World) -> dict[str, httpx.Response]:
    """Choose the leaked password wherever one is chosen."""
    ada, bob = await world.signed_up(), await world.signed_up()
    await ada.sign_in()
    registration = {"email": world.person().email, "password": LEAKED}
    return {
        "register": await ada.call("POST", "/register", registration, token=""),
        "change": await change(ada, LEAKED),
        "reset": await reset(bob, await forgot(bob), LEAKED),
    }


async def test_it_is_refused_wherever_one_is_chosen_and_the_reason_is_given(checking: World) -> None:
    for answer in (await everywhere(checking)).values():
        assert (answer.status_code, answer.json()["code"]) == (422, "password_blocklisted")
        assert answer.json()["detail"] == "It was found in a public breach."


async def test_a_known_and_an_unknown_address_are_refused_alike(checking: World) -> None:
    known, unknown = await checking.signed_up(), checking.person()
    answers = [await register(who) for who in (known, unknown)]
    assert answers[0].content == answers[1].content


async def register(who: Person) -> httpx.Response:
    return await who.call("POST", "/register", {"email": who.email, "password": LEAKED}, token="")


@pytest.mark.parametrize("behaviour", [hang, status(500), redirect("https://elsewhere.example/")])
async def test_a175_a_check_that_fails_refuses_nobody_and_is_noted(
    checking: World, breaches: BreachesStandIn, behaviour: Behaviour, log: io.StringIO
) -> None:
    breaches.always(behaviour)
    began = time.monotonic()
    statuses = {name: answer.status_code for name, answer in (await everywhere(checking)).items()}
    assert statuses == {"register": 202, "change": 204, "reset": 204}
    assert time.monotonic() - began < 10
    noted = log.getvalue()
    assert noted.count("breach_check.failed") == 5, "three that leaked, and two that signed people up"
    assert LEAKED not in noted


async def test_the_offline_list_is_asked_first_and_a_wrong_password_never(
    checking: World, breaches: BreachesStandIn
) -> None:
    ada = await checking.signed_up()
    await ada.sign_in()
    asked = len(breaches.requests)
    assert (await change(ada, "Password Password")).json()["code"] == "password_blocklisted"
    assert (await change(ada, LEAKED, current="not the right one")).json()["code"] == "wrong_current_password"
    assert (await change(ada, PASSWORD)).json()["code"] == "password_unchanged"
    assert len(breaches.requests) == asked


async def test_nobody_is_asked_at_sign_in(checking: World, breaches: BreachesStandIn) -> None:
    ada = await checking.signed_up()
    asked = len(breaches.requests)
    await ada.login()
    assert len(breaches.requests) == asked


async def test_without_a_url_nobody_is_asked(world: World, breaches: BreachesStandIn) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    assert (await change(ada, LEAKED)).status_code == 204
    assert not breaches.requests


def settings(**given: Any) -> Settings:
    return Settings(**{"environment": "development", **given})


@pytest.mark.parametrize(
    "url", ["", "api.pwnedpasswords.com", "ftp://breaches.example", "https://a.example/r?x=1", "https://"]
)
def test_an_address_that_cannot_be_asked_stops_the_start(url: str) -> None:
    with pytest.raises(ValidationError, match="BREACH_CHECK_URL"):
        settings(passwords={"breach_check_url": url})


def test_in_production_it_is_asked_by_https_only() -> None:
    with pytest.raises(ValidationError, match="GATEHOUSE_PASSWORDS__BREACH_CHECK_URL must be https"):
        settings(environment="production", passwords={"breach_check_url": "http://breaches.example/range"})
    with pytest.raises(ValidationError) as refused:
        settings(environment="production", passwords={"breach_check_url": "https://breaches.example/range"})
    assert "BREACH_CHECK_URL" not in json.dumps(refused.value.errors(include_url=False, include_context=False))
