"""A factor with an app's method and rank, and as many digits: it is taken beside the password, and approves what an app may."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.factors import KINDS
from app.factors.base import AnyFactor
from tests.house.toy.printed_list import PrintedList
from tests.world import Person, World, running, settings_for


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    kinds: tuple[type[AnyFactor], ...] = (*KINDS, PrintedList)
    settings = settings_for(database_url, tmp_path, mfa={"factors": ["totp", "list"]})
    async with running(settings, kinds=kinds) as world:
        yield world


async def enrolled(ada: Person) -> list[str]:
    begun = (await ada.call("POST", "/me/factors", {"factor": "list"})).json()
    first, *codes = begun["setup"]["codes"]
    assert (await ada.confirm(begun["id"], first)).status_code == 200
    return list(codes)


async def test_who_has_it_alone_need_not_name_it_beside_the_password(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    code, *_ = await enrolled(ada)
    assert (await ada.login(code=code)).json()["status"] == "authenticated"
    assert (await ada.login(code=code)).json()["code"] == "invalid_mfa_code", "it was good once"


async def test_beside_an_app_the_app_is_meant_and_the_other_is_named(world: World) -> None:
    ada = await world.with_app()
    code, *_ = await enrolled(ada)
    assert (await ada.login(code=code)).json()["code"] == "invalid_mfa_code"
    assert (await ada.login(code=code, factor="list")).json()["status"] == "authenticated"
    assert (await ada.login(code=ada.app_code())).json()["status"] == "authenticated"


async def test_of_equal_rank_it_approves_that_the_app_is_removed(world: World) -> None:
    ada = await world.with_app()
    code, *_ = await enrolled(ada)
    await ada.login(code=code, factor="list")
    assert (await ada.call("DELETE", f"/me/factors/{await ada.factor_id('totp')}")).status_code == 204


async def test_of_a_lower_rank_the_service_does_not_start(database_url: str, tmp_path: Path) -> None:
    class Weaker(PrintedList):
        strength = 1

    with pytest.raises(ValueError, match="share the amr 'otp' need the same strength"):
        async with running(settings_for(database_url, tmp_path), kinds=(*KINDS, Weaker)):
            pass
