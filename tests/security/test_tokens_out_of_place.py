"""Good tokens where they do not belong: of another kind, another person, another time, another environment."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from secrets import token_hex

import pytest

from tests import postgres
from tests.resets import forgot, reset
from tests.security.attacker import CHALLENGE, REFUSAL, at_the_door
from tests.world import Person, World, running, settings_for


async def one_of_each(world: World) -> tuple[Person, dict[str, str]]:
    """Every token that somebody can hold, and one such as an OpenID provider would issue under our key."""
    ada = await world.with_phone()
    await ada.sign_in()
    forge = (await at_the_door(world)).forge
    tokens = {"access": ada.access_token, "refresh": ada.refresh_token, "reset": await forgot(ada)}
    await ada.login()
    id_like = forge.with_header(typ="JWT")
    return ada, tokens | {"pending": ada.mfa_token, "id-like": id_like, "recovery code": ada.recovery_codes[0]}


async def test_a019_a_body_takes_no_other_kind_of_token(world: World) -> None:
    ada, tokens = await one_of_each(world)
    for kind, token in tokens.items():
        refreshed = await ada.refresh(token[:256])
        assert (refreshed.status_code == 200) == (kind == "refresh"), kind
        changed = await reset(ada, token[:256])
        assert (changed.status_code == 204) == (kind == "reset"), kind
        if kind not in {"refresh", "reset"}:
            assert (refreshed.status_code, refreshed.json()["code"]) == (401, "invalid_refresh_token")
            assert (changed.status_code, changed.json()["code"]) == (400, "invalid_reset_token")


async def test_a019_no_other_kind_of_token_ends_a_session(world: World) -> None:
    """Logging out is always answered alike; what it ends is the session of an access or refresh token, and nothing else."""
    ada, tokens = await one_of_each(world)
    for kind in ("reset", "pending", "id-like", "recovery code"):
        assert (await ada.call("POST", "/logout", {}, token=tokens[kind])).status_code == 204
        body = {"refresh_token": tokens[kind][:256]}
        assert (await ada.call("POST", "/logout", body, token="x")).status_code == 204
        assert (await ada.call("GET", "/session")).status_code == 200, kind
    assert (await ada.refresh()).status_code == 200


async def test_a022_a_pending_token_is_no_access_token_anywhere(world: World) -> None:
    ada, tokens = await one_of_each(world)
    for method, path in (("GET", "/me"), ("GET", "/session"), ("GET", "/me/factors"), ("POST", "/me/recovery-codes")):
        refused = await ada.call(method, path, token=tokens["pending"])
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, CHALLENGE), path
    assert (await ada.call("POST", "/me/factors", {"factor": "totp"}, token=tokens["pending"])).status_code == 401
    assert (await ada.verify(ada.code("sign_in"))).status_code == 200


async def test_a023_a_code_of_somebody_elses_sign_in_is_just_a_wrong_code(world: World) -> None:
    """The attempt is taken from whose token it is; the other one loses nothing, and the answer tells nothing of them."""
    ada, bob = await world.with_phone(), await world.with_phone()
    await ada.login()
    await bob.login()
    wrong = await ada.verify(ada.wrong_code())
    crossed = await ada.verify(bob.code("sign_in"))
    assert (wrong.json()["attempts_left"], crossed.json()["attempts_left"]) == (4, 3)
    assert wrong.json() | {"attempts_left": 3} == crossed.json()
    assert (crossed.status_code, crossed.json()["code"]) == (401, "invalid_mfa_code")
    looked = await bob.call("GET", "/verify-otp", token=bob.mfa_token)
    assert looked.json()["attempts_left"] == 5
    assert (await bob.verify(bob.code("sign_in"))).status_code == 200
    assert (await ada.verify(ada.code("sign_in"))).status_code == 200


async def test_a025_a_pending_token_is_over_after_ten_minutes_and_so_are_its_codes(world: World) -> None:
    ada = await world.with_phone()
    await ada.login()
    world.clock.forward(timedelta(seconds=590))
    fresh = await ada.call("POST", "/verify-otp/challenge", {"factor": "sms"}, token=ada.mfa_token)
    assert fresh.status_code == 200
    world.clock.forward(timedelta(seconds=10))
    late = await ada.verify(ada.code("sign_in"))
    assert (late.status_code, late.headers["www-authenticate"]) == (401, CHALLENGE)
    assert late.json() == REFUSAL | {"type": late.json()["type"]}


@pytest.fixture(params=["another issuer", "other keys"])
async def environments(
    request: pytest.FixtureRequest, postgres_url: str, tmp_path: Path
) -> AsyncIterator[tuple[World, World]]:
    """The same code twice: on one database under two names, or under one name on a database each."""
    names = [f"{name}_{token_hex(4)}" for name in ("production", "staging")]
    both = [await postgres.create_migrated(postgres_url, name) for name in names]
    urls = both[:1] * 2 if request.param == "another issuer" else both
    issuers = ("https://id.example", "https://staging.example") if request.param == "another issuer" else (None, None)
    settings = [
        settings_for(url, tmp_path, tokens={"issuer": issuer} if issuer else {})
        for url, issuer in zip(urls, issuers, strict=True)
    ]
    async with running(settings[0]) as here, running(settings[1], clock=here.clock) as there:
        yield here, there
    for name in names:
        await postgres.drop(postgres_url, name)


async def test_a028_a_token_of_another_environment_opens_nothing_here(environments: tuple[World, World]) -> None:
    here, there = [await at_the_door(environment) for environment in environments]
    await here.is_refused([there.forge.token(), there.victim.access_token])
    await there.is_refused([here.forge.token(), here.victim.access_token])
    await here.is_refused([there.forge.pending()], paths=["/verify-otp"])
