"""Whoever copied a refresh token once, and has the password: the device token that it told them never skips the second factor."""

from datetime import timedelta

from tests.world import Person, World

MINUTE = timedelta(minutes=1)


async def outruns(thief: Person) -> None:
    """They refresh once more, so that the owner's token is an old one."""
    thief.world.clock.forward(MINUTE)
    await thief.refresh_session()
    thief.world.clock.forward(MINUTE)


async def copied(world: World) -> tuple[Person, Person, str]:
    """The owner of an app, a thief who copied their refresh token and knows the password, and the device token it told."""
    ada = await world.with_app()
    await ada.login(code=ada.app_code())
    thief = Person(world, email=ada.email, password=ada.password, refresh_token=ada.refresh_token)
    await thief.refresh_session()
    assert thief.device_token == ada.device_token, "a known device's is told"
    return ada, thief, thief.device_token


async def remembers_the_device(ada: Person) -> None:
    """They sign in anew on the same device, with the second factor, and want it trusted."""
    ada.world.clock.forward(MINUTE)
    told = (await ada.login(code=ada.app_code(), device_token=ada.device_token, remember_device=True)).json()
    assert (told["status"], told["device_trust"]) == ("authenticated", "trusted")
    again = (await ada.login(device_token=ada.device_token)).json()
    assert (again["status"], again["device_trust"]) == ("authenticated", "trusted")


async def asks_for_the_factor(thief: Person, device_token: str) -> bool:
    return bool((await thief.login(device_token=device_token)).json()["status"] == "mfa_required")


async def test_a_device_token_told_to_a_thief_who_was_noticed_is_dead(world: World) -> None:
    ada, thief, told = await copied(world)
    await outruns(thief)
    assert (await ada.refresh()).json()["code"] == "invalid_refresh_token"
    other = Person(world, email=ada.email, password=ada.password, app=ada.app)
    await other.login(code=ada.app_code())
    assert [one["current"] for one in (await other.call("GET", "/me/devices")).json()["items"]] == [True]
    await remembers_the_device(ada)
    assert ada.device_token != told
    assert await asks_for_the_factor(thief, told)


async def test_a_device_token_told_to_a_thief_nobody_noticed_is_dead_once_the_device_is_trusted(world: World) -> None:
    """Also the thief's session goes on, on the device as it is now, and is told nothing."""
    ada, thief, told = await copied(world)
    await remembers_the_device(ada)
    assert ada.device_token != told
    assert await asks_for_the_factor(thief, told)
    refreshed = (await thief.refresh()).json()
    assert (refreshed["device_trust"], "device_token" in refreshed) == ("trusted", False)
    for one in (ada, thief):
        assert [item["current"] for item in (await one.call("GET", "/me/devices")).json()["items"]] == [True]


async def test_a_device_token_told_when_trust_was_over_is_dead_once_the_device_is_trusted_again(world: World) -> None:
    ada = await world.with_app()
    await remembers_the_device(ada)
    world.clock.forward(timedelta(days=20))
    await ada.login(code=ada.app_code(), device_token=ada.device_token)
    thief = Person(world, email=ada.email, password=ada.password, refresh_token=ada.refresh_token)
    world.clock.forward(timedelta(days=10))
    await thief.refresh_session()
    assert thief.device_token == ada.device_token
    await remembers_the_device(ada)
    assert await asks_for_the_factor(thief, thief.device_token)


async def test_a_sign_in_begun_with_a_device_token_from_before_is_not_completed_on_the_trusted_device(
    world: World,
) -> None:
    ada, thief, told = await copied(world)
    assert await asks_for_the_factor(thief, told)
    await remembers_the_device(ada)
    world.clock.forward(MINUTE)
    phished = await thief.verify(ada.app_code(), factor="totp")
    assert (phished.json()["device_trust"], phished.json()["device_token"] == ada.device_token) == ("known", False)


async def test_other_sessions_on_the_device_of_a_stolen_token_go_on_with_another_device(world: World) -> None:
    ada, thief, told = await copied(world)
    tab = Person(world, email=ada.email, password=ada.password)
    world.clock.forward(MINUTE)
    await tab.login(code=ada.app_code(), device_token=told)
    await outruns(thief)
    assert (await ada.refresh()).status_code == 401
    await tab.refresh_session()
    assert tab.device_token != told
    assert [one["current"] for one in (await tab.call("GET", "/me/devices")).json()["items"]] == [True]
