"""Users who failed too often are let in again by an operator, before their delays and locks end."""

from datetime import timedelta

from app.flows.help_desk import HelpDesk
from tests.world import Person, World


def desk(world: World) -> HelpDesk:
    house = world.app.state.house
    attempts = house.login.password_attempts
    return HelpDesk(house.database, world.clock, attempts.passwords, attempts.throttle, by="root")


async def lock_out(ada: Person) -> None:
    """Wrong passwords until none is looked at for a minute."""
    right, ada.password = ada.password, "wrong horse battery staple"
    for delay in (0, 1, 5, 15):
        ada.world.clock.forward(timedelta(seconds=delay))
        while (await ada.login()).status_code != 429:
            pass
    ada.password = right
    assert (await ada.login()).headers["retry-after"] == "60"


async def let_in(ada: Person) -> bool:
    """A moment later: a worker believes for a second what it refused itself."""
    ada.world.clock.forward(timedelta(seconds=1))
    return (await ada.login()).status_code == 200


async def test_wrong_passwords_where_they_sign_in_from_are_forgotten(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    ada.device_token = ""
    await lock_out(ada)
    await desk(world).unlock(ada.email, reason=None)
    assert await let_in(ada)


async def test_elsewhere_the_network_has_to_be_named(world: World) -> None:
    ada = await world.signed_up()
    await lock_out(ada)
    await desk(world).unlock(ada.email, reason=None)
    assert not await let_in(ada)
    await desk(world).unlock(ada.email, networks=["127.0.0.1"], reason=None)
    assert await let_in(ada)


async def test_a_locked_factor_is_open_again(world: World) -> None:
    ada = await world.with_app()
    for _ in range(2):
        await ada.login()
        for _ in range(5):
            await ada.verify("000000")
    await ada.login()
    assert (await ada.verify("000000")).json()["code"] == "mfa_locked"
    await desk(world).unlock(ada.email, reason="called us")
    await ada.login()
    assert (await ada.verify(ada.app_code())).status_code == 200
