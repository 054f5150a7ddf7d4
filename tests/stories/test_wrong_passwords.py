"""Wrong passwords: after a few the next has to wait, whoever has the address; the owner's own device never waits for others."""

from datetime import timedelta

import httpx

from tests.world import PASSWORD, Person, World


async def guess(world: World, email: str, password: str = "not the right one") -> httpx.Response:
    return await Person(world, email=email, password=password).login()


async def test_the_fifth_wrong_password_makes_the_next_one_wait(world: World) -> None:
    ada = await world.signed_up()
    for _ in range(5):
        assert (await guess(world, ada.email)).json()["code"] == "invalid_credentials"
    refused = await guess(world, ada.email, PASSWORD)
    assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (429, "rate_limited", "1")
    world.clock.forward(timedelta(seconds=1))
    assert (await guess(world, ada.email, PASSWORD)).status_code == 200
    assert (await guess(world, ada.email)).json()["code"] == "invalid_credentials"


async def test_a074_an_address_that_nobody_has_waits_alike(world: World) -> None:
    ada = await world.signed_up()
    told = []
    for email in (ada.email, "nobody@example.test"):
        answers = [await guess(world, email) for _ in range(6)]
        told.append([(answer.status_code, answer.json(), answer.headers.get("retry-after")) for answer in answers])
    assert told[0] == told[1]


async def test_a082_every_spelling_of_an_address_is_one_address(world: World) -> None:
    ada = await world.signed_up()
    for email in (ada.email, ada.email.upper(), ada.email.title(), f" {ada.email}", ada.email):
        await guess(world, email)
    assert (await guess(world, ada.email.swapcase())).status_code in {401, 429}
    assert (await guess(world, ada.email)).json()["code"] == "rate_limited"


async def test_the_owners_device_does_not_wait_for_a_guesser(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    guesses = [await guess(world, ada.email) for _ in range(6)]
    assert guesses[-1].json()["code"] == "rate_limited"
    assert (await ada.login(device_token=ada.device_token)).status_code == 200
    assert (await guess(world, ada.email, PASSWORD)).json()["code"] == "rate_limited"


async def test_a_device_has_a_delay_of_its_own(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    home = ada.device_token
    ada.password = "forgotten which one it was"
    for _ in range(5):
        assert (await ada.login(device_token=home)).status_code == 401
    ada.password = PASSWORD
    assert (await ada.login(device_token=home)).json()["code"] == "rate_limited"
    assert (await ada.login()).status_code == 200


async def test_a086_guessing_within_a_session_waits_too(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    for _ in range(5):
        refused = await ada.call("POST", "/step-up", {"password": "not the right one"})
        assert refused.json()["code"] == "wrong_current_password"
    assert (await ada.call("POST", "/step-up", {"password": PASSWORD})).json()["code"] == "rate_limited"
    change = {"current_password": PASSWORD, "new_password": "another horse battery staple"}
    assert (await ada.call("PUT", "/me/password", change)).json()["code"] == "rate_limited"
    assert (await ada.login()).status_code == 200


async def test_a_right_password_ends_the_row_of_wrong_ones(world: World) -> None:
    ada = await world.signed_up()
    for _ in range(3):
        for _ in range(4):
            assert (await guess(world, ada.email)).status_code == 401
        assert (await ada.login()).status_code == 200
