"""Keeping a session: each refresh token is good once, and a copied one ends the session."""

from datetime import timedelta

from tests.world import World


async def test_a113_a_refresh_gives_a_new_pair_and_changes_nothing_else(world: World) -> None:
    """A113: auth_time, amr and acr never grow by refreshing."""
    ada = await world.with_phone()
    await ada.sign_in()
    before = (await ada.call("GET", "/session")).json()
    world.clock.forward(timedelta(minutes=9))
    renewed = await ada.refresh()
    assert renewed.status_code == 200
    assert renewed.json()["refresh_token"] != ada.refresh_token
    assert renewed.json()["refresh_expires_in"] == 14 * 24 * 3600
    ada.keep(renewed.json())
    after = (await ada.call("GET", "/session")).json()
    same = ("sub", "sid", "auth_time", "amr", "acr", "scope")
    assert {name: before[name] for name in same} == {name: after[name] for name in same}


async def test_a109_a_lost_answer_may_be_asked_for_again(world: World) -> None:
    """A109: the same successor, for a minute, never a second branch."""
    ada = await world.signed_up()
    await ada.sign_in()
    first = (await ada.refresh()).json()
    world.clock.forward(timedelta(seconds=59))
    again = (await ada.refresh()).json()
    assert again["refresh_token"] == first["refresh_token"]
    assert (await ada.refresh(first["refresh_token"])).status_code == 200


async def test_a107_a_token_used_after_its_successor_ends_the_session(world: World) -> None:
    """A107: somebody copied it; access tokens die too, and the owner is told."""
    ada = await world.signed_up()
    await ada.sign_in()
    second = (await ada.refresh()).json()
    third = (await ada.refresh(second["refresh_token"])).json()

    stolen = await ada.refresh()

    assert stolen.json()["code"] == "invalid_refresh_token"
    assert (await ada.refresh(third["refresh_token"])).status_code == 401
    assert (await ada.call("GET", "/session", token=third["access_token"])).status_code == 401
    assert "twice" in (await world.message(ada.email, "notice")).text


async def test_a109_a_parent_that_comes_back_too_late_ends_the_session(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    successor = (await ada.refresh()).json()["refresh_token"]
    world.clock.forward(timedelta(seconds=61))
    assert (await ada.refresh()).status_code == 401
    assert (await ada.refresh(successor)).status_code == 401


async def test_a110_an_idle_session_ends(world: World) -> None:
    """A110."""
    ada = await world.signed_up()
    await ada.sign_in()
    world.clock.forward(timedelta(days=14))
    assert (await ada.refresh()).status_code == 401


async def test_a110_every_session_ends_after_thirty_days(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    for _ in range(3):
        world.clock.forward(timedelta(days=9))
        ada.keep((await ada.refresh()).json())
    last = (await ada.refresh()).json()
    assert last["refresh_expires_in"] == 3 * 24 * 3600
    world.clock.forward(timedelta(days=3))
    assert (await ada.refresh(last["refresh_token"])).status_code == 401


async def test_a110_logging_out_kills_both_tokens_and_may_be_repeated(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    for _ in range(2):
        assert (await ada.call("POST", "/logout", {})).status_code == 204
    assert (await ada.call("GET", "/session")).status_code == 401
    assert (await ada.refresh()).status_code == 401
    by_refresh = await ada.call("POST", "/logout", {"refresh_token": ada.refresh_token}, token="")
    assert by_refresh.status_code == 204
    garbage = await ada.call("POST", "/logout", {"refresh_token": "ghr_nonsense"}, token="not.a.token")
    assert garbage.status_code == 204


async def test_logging_out_needs_a_token(world: World) -> None:
    answer = await world.client.post("/logout")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="gatehouse"'


async def test_logging_out_ends_one_session_only(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    other = ada.access_token
    await ada.sign_in()
    await ada.call("POST", "/logout", {})
    assert (await ada.call("GET", "/session", token=other)).status_code == 200


async def test_an_access_token_ends_by_itself(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    world.clock.forward(timedelta(minutes=10))
    refused = await ada.call("GET", "/session")
    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]


async def test_a_made_up_refresh_token_is_refused(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    for token in (
        "nonsense",
        "ghr_",
        "ghr_AAAA",
        ada.refresh_token[:-1],
        ada.refresh_token + "A",
        ada.access_token[:200],
    ):
        assert (await ada.refresh(token)).json()["code"] == "invalid_refresh_token"
    assert (await ada.refresh()).status_code == 200
