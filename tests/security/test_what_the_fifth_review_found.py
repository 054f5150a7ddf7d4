"""What an attacker and a tester of the contract found: what outlives its end, and what takes too long to refuse."""

import http.cookies
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from app import names
from tests.resets import disable, forgot, reset
from tests.world import Person, World, running, settings_for

COOKIE = b"__Host-gatehouse-refresh"
CHANGED = "The password or a factor of this account was changed."


@pytest.mark.parametrize("ends", [("refresh_idle",), ("refresh_idle", "refresh_max")], ids=["idle", "whole"])
async def test_no_step_up_prolongs_a_session_that_is_over(
    database_url: str, tmp_path: Path, ends: tuple[str, ...]
) -> None:
    """Nobody refreshed it; each step-up gave an access token for another ten minutes, for ever."""
    async with running(settings_for(database_url, tmp_path, tokens=dict.fromkeys(ends, "PT20M"))) as world:
        ada = await world.with_app()
        for _ in range(2):
            world.clock.forward(timedelta(minutes=8))
            assert (await ada.step_up(ada.app_code(), "totp")).status_code == 200
        world.clock.forward(timedelta(minutes=8))
        over = await ada.step_up(ada.app_code(), "totp")
        assert (over.status_code, over.json()["detail"]) == (401, "This session is over.")
        asked = await ada.call("POST", "/step-up/challenge", {"factor": "totp"})
        assert (asked.status_code, asked.json()["code"]) == (401, "invalid_token")


async def test_nor_does_one_by_the_password(database_url: str, tmp_path: Path) -> None:
    async with running(settings_for(database_url, tmp_path, tokens={"refresh_idle": "PT20M"})) as world:
        ada = await world.signed_up()
        await ada.sign_in()
        for expected in (200, 200, 401):
            world.clock.forward(timedelta(minutes=8))
            answer = await ada.call("POST", "/step-up", {"password": ada.password})
            assert answer.status_code == expected
            ada.keep(answer.json())


async def renew(ada: Person) -> None:
    assert (await reset(ada, await forgot(ada))).status_code == 204


@pytest.mark.parametrize("end", [renew, disable])
async def test_a_sign_in_that_can_come_to_nothing_is_not_shown_as_waiting(
    world: World, end: Callable[[Person], Awaitable[None]]
) -> None:
    ada = await world.with_phone()
    await ada.login()
    await end(ada)
    seen = await ada.call("GET", "/verify-otp", token=ada.mfa_token)
    assert (seen.status_code, seen.json()["detail"]) == (401, CHANGED)


async def test_while_a_factor_is_locked_no_page_offers_another_code_of_it(world: World) -> None:
    ada = await world.with_phone()
    for _ in range(2):
        await ada.login()
        world.clock.forward(timedelta(minutes=5))
        for _ in range(5):
            await ada.verify(ada.wrong_code())
    asked = (await ada.login()).json()["challenge"]
    seen = (await ada.call("GET", "/verify-otp", token=ada.mfa_token)).json()
    assert seen["resend_after"] == asked["resend_after"] > 300


def _refuse(*_: Any) -> NoReturn:
    raise AssertionError("this takes time by the square of what it is given")


async def test_no_cookie_is_unquoted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """CVE-2024-7592: sixteen kilobytes of backslashes held a worker up for half a second, and nobody has to sign in."""
    monkeypatch.setattr(http.cookies, "_unquote", _refuse)
    ada = await world.signed_up()
    await ada.sign_in()
    headers = [(b"cookie", b'x="' + b"\\" * 15_000 + b'"; ' + COOKIE + b"=" + ada.refresh_token.encode())]
    answer = await world.client.post("/token/refresh", headers=[*headers, (b"x-gatehouse-csrf", b"1")])
    assert answer.status_code == 200


@pytest.mark.parametrize("before", [b"\xa0", b"\x85", b"\xc2\xa0", b"\x0b"])
async def test_no_other_name_passes_for_that_of_the_cookie(world: World, before: bytes) -> None:
    """A page of a sibling domain may set any cookie but one that begins by `__Host-`."""
    ada = await world.signed_up()
    await ada.sign_in()
    headers = [(b"cookie", before + COOKIE + b"=" + ada.refresh_token.encode()), (b"x-gatehouse-csrf", b"1")]
    assert (await world.client.post("/token/refresh", headers=headers)).status_code == 401


async def test_a_name_that_is_too_long_is_refused_before_it_is_brought_into_one_spelling(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixteen kilobytes of marks that combine took a tenth of a second each time."""
    ada = await world.signed_up()
    await ada.sign_in()
    monkeypatch.setattr(names, "unicodedata", SimpleNamespace(normalize=_refuse))
    refused = await ada.call("PATCH", "/me", {"display_name": "\u0345" * 4000 + "\u0334" * 1000})
    assert (refused.status_code, refused.json()["errors"][0]["detail"]) == (422, "Must have at most 100 characters.")
