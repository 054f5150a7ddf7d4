"""What an attacker's review of sessions and devices found, so that it stays found."""

import asyncio
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from app.crypto.claims import Scope
from app.flows.operator import Operator
from app.problems import InvalidToken
from app.store import hash_examples
from app.store import users as people
from app.store.everybody import NOBODY
from tests.passwords import by_passlib
from tests.world import PASSWORD, Person, World, running, settings_for

OTHER = "another horse battery staple"


async def devices_of(person: Person) -> list[dict[str, str]]:
    found: list[dict[str, str]] = (await person.call("GET", "/me/devices")).json()["items"]
    return found


async def test_a_stolen_session_cannot_make_itself_fresh_lanes_to_guess_in(world: World) -> None:
    """Forgetting the own device and refreshing gave a new device with no failures."""
    ada = await world.signed_up()
    await ada.sign_in()
    codes = []
    for _ in range(4):
        refused = [await ada.call("POST", "/step-up", {"password": OTHER}) for _ in range(4)]
        codes += [answer.json()["code"] for answer in refused]
        (device,) = await devices_of(ada)
        await ada.call("DELETE", f"/me/devices/{device['id']}")
        await ada.refresh_session()
    assert codes == ["wrong_current_password"] * 5 + ["rate_limited"] * 11


async def test_all_known_devices_of_an_account_have_one_limit(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    ada.password = OTHER
    answers = []
    for _ in range(27):
        refused = [await ada.login(device_token=ada.device_token) for _ in range(4)]
        answers += [answer.status_code for answer in refused]
        (device,) = [item for item in await devices_of(ada) if item["current"]]
        await ada.call("DELETE", f"/me/devices/{device['id']}")
        await ada.refresh_session()
    assert answers == [401] * 100 + [429] * 8


async def trusted(world: World) -> Person:
    ada = await world.with_app()
    await ada.login(code=ada.app_code(), remember_device=True)
    return ada


async def test_a_refresh_tells_nobody_what_trusts_the_device(world: World) -> None:
    ada = await trusted(world)
    renewed = (await ada.refresh()).json()
    assert "device_token" not in renewed
    assert renewed["device_trust"] == "trusted"
    assert (await ada.login(device_token=ada.device_token)).json()["status"] == "authenticated"


async def test_a_theft_that_is_noticed_ends_the_trust_in_the_device(world: World) -> None:
    ada = await trusted(world)
    stolen, device = ada.refresh_token, ada.device_token
    await ada.refresh_session()
    await ada.refresh_session()
    assert (await ada.refresh(stolen)).status_code == 401
    assert (await ada.login(device_token=device)).json()["status"] == "mfa_required"


async def test_ending_all_other_sessions_ends_the_trust_in_other_devices(world: World) -> None:
    lost = await trusted(world)
    ada = Person(world, email=lost.email, app=lost.app)
    await ada.login(code=ada.app_code(), remember_device=True)
    assert (await ada.call("DELETE", "/me/sessions")).status_code == 204
    assert (await ada.login(device_token=lost.device_token)).json()["status"] == "mfa_required"
    assert (await ada.login(device_token=ada.device_token)).json()["status"] == "authenticated"


async def test_a_session_that_ended_meanwhile_changes_no_password(world: World) -> None:
    """However long hashing and the look-up of breached passwords take."""
    ada = await world.signed_up()
    await ada.sign_in()
    house = world.app.state.house
    who = house.tokens.read(ada.access_token, scope=Scope.FULL)
    await ada.call("POST", "/logout", {})
    nowhere = house.visitors.read(None, forwarded=(), agent="")
    with pytest.raises(InvalidToken):
        await house.change_password(who, current=PASSWORD, new=OTHER, visitor=nowhere)
    await ada.sign_in()


async def test_a_session_that_ended_meanwhile_removes_no_factor(world: World) -> None:
    ada = await world.with_app()
    house = world.app.state.house
    who, factor_id = house.tokens.read(ada.access_token, scope=Scope.FULL), UUID(await ada.factor_id("totp"))
    await ada.call("POST", "/logout", {})
    with pytest.raises(InvalidToken):
        await house.manage.remove(who, factor_id, house.visitors.read(None, forwarded=(), agent=""))
    assert (await ada.login()).json()["status"] == "mfa_required"


async def test_a_device_that_is_forgotten_beside_a_sign_in_on_it_is_left_out(world: World) -> None:
    ada = await trusted(world)
    (device,) = [item for item in await devices_of(ada) if item["current"]]
    asked = ada.login(device_token=ada.device_token, factor="totp")
    signed_in, forgotten = await asyncio.gather(asked, ada.call("DELETE", f"/me/devices/{device['id']}"))
    assert (signed_in.status_code, forgotten.status_code) == (200, 204)


async def test_a_user_who_is_deleted_beside_a_sign_in_is_no_accident(world: World) -> None:
    ada = await world.with_app()
    me = (await ada.call("GET", "/me")).json()["id"]
    operator = Operator(world.app.state.house.database)
    signed_in, _ = await asyncio.gather(ada.login(), operator.delete(UUID(me)))
    assert signed_in.status_code in {200, 401, 503}


async def test_what_nobody_looked_at_is_no_failure(database_url: str, tmp_path: Path) -> None:
    """What is counted in advance is taken back when there was no room for the hash."""
    settings = settings_for(database_url, tmp_path, passwords={"threads": 1, "queue": 1})
    async with running(settings) as world:
        ada = await world.signed_up()
        answers = await asyncio.gather(*(ada.login() for _ in range(40)))
        told = [answer.status_code for answer in answers]
        assert told.count(503) > 0
        assert set(told) <= {200, 429, 503}
        assert (await ada.login()).status_code == 200


async def test_right_passwords_at_once_are_no_failures_of_each_other(world: World) -> None:
    ada = await world.signed_up()
    for _ in range(5):
        answers = await asyncio.gather(*(ada.login() for _ in range(4)))
        assert {answer.status_code for answer in answers} == {200}
        world.clock.forward(timedelta(milliseconds=-1))


async def test_an_expired_password_proves_no_step_up(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    me = UUID((await ada.call("GET", "/me")).json()["id"])
    async with world.app.state.house.database.begin() as tx:
        await people.expire_password(tx, me, credential_version=1)
    refused = await ada.call("POST", "/step-up", {"password": PASSWORD})
    assert (refused.status_code, refused.json()["code"]) == (403, "wrong_current_password")


async def test_a_crowd_of_salts_hides_no_slow_scheme(world: World) -> None:
    house = world.app.state.house
    slow = by_passlib("x", "sha512_crypt", rounds=100_000)
    crowd = [f"$5$rounds=1000${n:07}${'A' * 43}" for n in range(60)]
    crowd += [f"scrypt$16384$salt{n:05}$8$1${'A' * 86}==" for n in range(60)]
    async with house.database.begin() as tx:
        for n, stored in enumerate([*crowd, slow]):
            email = f"u{n}@example.test"
            await people.add(
                tx, uuid4(), email=email, email_folded=email, password_hash=stored, locale="en", at=world.clock.now()
            )
        examples = await hash_examples.of_page(tx, after=NOBODY, end=None, but="$argon2id$")
    assert slow in examples.values()
    assert len(examples) == 3


async def test_logging_out_with_a_token_leaves_a_cookie_that_did_not_speak(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    sent = {"Cookie": "__Host-gatehouse-refresh=whatever"}
    answer = await world.client.post("/logout", json={"refresh_token": ada.refresh_token}, headers=sent)
    assert answer.status_code == 204
    assert "set-cookie" not in answer.headers
