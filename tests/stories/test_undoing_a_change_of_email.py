"""The address that was left undoes the change: everything that rests on it ends, and nobody takes the address meanwhile."""

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.emails import another, ask, code_at, confirm, move, undo, undo_token
from tests.passwords import change
from tests.resets import NEW, forgot, reset
from tests.world import PASSWORD, Person, World, running, settings_for

HOUR = timedelta(hours=1)


async def moved(world: World, *, with_app: bool = False) -> tuple[Person, str]:
    """Somebody who changed their address just now, and the one that they left."""
    ada = await (world.with_app() if with_app else world.signed_up())
    if not with_app:
        await ada.sign_in()
    return ada, await move(ada)


async def test_the_old_address_is_told_and_brings_the_account_back(world: World) -> None:
    ada, old = await moved(world)
    new = ada.email
    done = await undo(world, await undo_token(world, old))
    assert done.status_code == 204
    assert done.content == b""
    assert (await ada.call("GET", "/session")).json()["code"] == "invalid_token"
    assert (await ada.refresh()).json()["code"] == "invalid_refresh_token"
    ada.email = old
    assert (await ada.login()).json()["code"] == "invalid_credentials", "the password has expired"
    assert (await reset(ada, await forgot(ada), PASSWORD)).json()["code"] == "password_unchanged"
    assert (await reset(ada, await forgot_again(ada))).status_code == 204
    assert (await ada.login()).json()["status"] == "authenticated"
    assert (await ada.call("GET", "/me")).json()["email"] == old
    ada.email = new
    assert (await ada.login()).json()["code"] == "invalid_credentials"


async def notices(world: World, email: str, count: int) -> str:
    """What so many of them say, in whichever order they came."""
    await world.message(email, "notice", beyond=count - 1)
    return "\n".join(entry.text for entry in world.inbox(email) if entry.purpose == "notice")


async def forgot_again(person: Person) -> str:
    person.world.clock.forward(timedelta(minutes=1))
    return await forgot(person)


async def test_both_addresses_are_told_of_the_undoing(world: World) -> None:
    ada, old = await moved(world)
    assert (await undo(world, await undo_token(world, old))).status_code == 204
    assert "undone" in (await world.message(old, "notice", beyond=1)).text
    assert "undone" in (await world.message(ada.email, "notice")).text


async def test_the_link_carries_the_token_in_its_fragment_to_the_page_that_is_configured(
    own_database: str, tmp_path: Path
) -> None:
    """In a database of its own: the outbox is anybody's who shares it."""
    page = "https://app.example.com/undo?brand=1"
    async with running(settings_for(own_database, tmp_path, email={"undo_url": page})) as world:
        _, old = await moved(world)
        token = await undo_token(world, old)
        text = (await world.message(old, "notice")).text
    assert f"\n{page}#token={token}\n" in text
    assert len(token) == 43


async def test_unset_the_page_is_beside_the_service(world: World) -> None:
    _, old = await moved(world)
    token = await undo_token(world, old)
    assert f"http://127.0.0.1:8000/undo-email#token={token}" in (await world.message(old, "notice")).text


async def test_a_link_works_once_and_a_wrong_one_never(world: World) -> None:
    _, old = await moved(world)
    token = await undo_token(world, old)
    for wrong in (f"{token}=", token.swapcase(), token[:-1], "A" * 43):
        assert (await undo(world, wrong)).json()["code"] == "invalid_reset_token"
    assert (await undo(world, token)).status_code == 204
    again = await undo(world, token)
    assert (again.status_code, again.json()["code"]) == (400, "invalid_reset_token")


@pytest.mark.parametrize(("late", "status"), [(timedelta(seconds=-1), 204), (timedelta(), 400)])
async def test_a_link_is_good_for_72_hours(world: World, late: timedelta, status: int) -> None:
    _, old = await moved(world)
    token = await undo_token(world, old)
    world.clock.forward(72 * HOUR + late)
    assert (await undo(world, token)).status_code == status


async def test_a_thief_who_changed_the_password_and_the_address_again_loses_both(world: World) -> None:
    """The oldest address wins: what the thief's own mailbox was sent undoes nothing any more."""
    ada, old = await moved(world)
    thief = ada
    assert (await change(thief, "the phrase of the thief")).status_code == 204
    between = await move(thief)
    thiefs_token = await undo_token(world, between)
    await ask(thief, another(thief))

    assert (await undo(world, await undo_token(world, old))).status_code == 204

    for email in (between, thief.email, old):
        thief.email = email
        assert (await thief.login()).json()["code"] == "invalid_credentials"
    assert (await undo(world, thiefs_token)).json()["code"] == "invalid_reset_token"
    owner = Person(world, email=old)
    assert (await reset(owner, await forgot(owner), "the phrase of the thief")).json()["code"] == "password_unchanged"
    assert (await reset(owner, await forgot_again(owner), NEW)).status_code == 204
    assert (await owner.login()).json()["status"] == "authenticated"
    assert (await owner.call("GET", "/me")).json()["pending_email"] is None


async def test_a_later_address_undoes_its_own_change_only(world: World) -> None:
    ada, first = await moved(world)
    second = await move(ada)
    assert (await undo(world, await undo_token(world, second))).status_code == 204
    ada.email = second
    assert (await reset(ada, await forgot(ada))).status_code == 204
    assert (await undo(world, await undo_token(world, first))).status_code == 204


async def test_second_factors_stay_and_trust_and_pending_sign_ins_end(world: World) -> None:
    ada, old = await moved(world, with_app=True)
    await ada.login(remember_device=True)
    await ada.verify(ada.app_code(), factor="totp")
    device = ada.device_token
    await ada.login()
    pending = ada.mfa_token
    assert (await undo(world, await undo_token(world, old))).status_code == 204
    ada.mfa_token = pending
    assert (await ada.verify(ada.app_code(), factor="totp")).json()["code"] == "invalid_token"
    ada.email = old
    await reset(ada, await forgot(ada))
    assert (await ada.login(device_token=device)).json()["status"] == "mfa_required"


async def test_links_that_reset_the_password_from_the_new_address_die(world: World) -> None:
    ada, old = await moved(world)
    token = await forgot(ada)
    assert (await undo(world, await undo_token(world, old))).status_code == 204
    assert (await reset(ada, token)).json()["code"] == "invalid_reset_token"


async def test_nobody_registers_the_address_while_it_may_come_back(world: World) -> None:
    ada, old = await moved(world)
    world.clock.forward(timedelta(minutes=1))
    free = await world.client.post("/register", json={"email": another(ada), "password": PASSWORD})
    held = await world.client.post("/register", json={"email": old, "password": PASSWORD})
    assert (held.status_code, held.json().keys()) == (202, free.json().keys())
    assert "nothing was changed" in await notices(world, old, 2)
    assert len([entry for entry in world.inbox(old) if entry.purpose == "verify_email"]) == 1, "that of signing up"
    assert (await undo(world, await undo_token(world, old))).status_code == 204


async def test_a_registration_from_before_does_not_get_the_address_either(world: World) -> None:
    """It waited with a good code while the address was somebody's, which only an operator's hand can bring about."""
    ada = await world.signed_up()
    await ada.sign_in()
    elsewhere, old = another(ada), ada.email
    house = world.app.state.house
    squatter = world.person()
    registration = await squatter.register()
    code = await code_at(world, squatter.email)
    await move(ada, elsewhere)
    async with house.database.begin() as tx:
        await tx.exec_driver_sql("UPDATE registrations SET email = $1, email_folded = $1", (old,))
    body = {"registration_id": registration, "code": code}
    refused = await world.client.post("/verify-email", json=body)
    assert refused.json()["code"] == "invalid_verification_code"
    assert (await undo(world, await undo_token(world, old))).status_code == 204


async def test_nobody_moves_to_the_address_meanwhile_and_afterwards_anybody_may(world: World) -> None:
    ada, old = await moved(world)
    bob = await world.signed_up()
    await bob.sign_in()
    assert (await ask(bob, old)).status_code == 202
    assert "nothing was changed" in await notices(world, old, 2)
    world.clock.forward(72 * HOUR)
    await bob.sign_in()
    await ask(bob, old)
    assert (await confirm(bob, await code_at(world, old, beyond=1))).status_code == 204
    assert (await bob.call("GET", "/me")).json()["email"] == old
    assert (await ada.login()).json()["status"] == "authenticated"


async def test_a_taken_address_gets_the_same_answer_and_its_owner_a_mail(world: World) -> None:
    ada, bob = await world.signed_up(), await world.signed_up()
    await ada.sign_in()
    free, taken = await ask(ada, another(ada)), await ask(ada, bob.email)
    assert (free.status_code, free.content) == (taken.status_code, taken.content)
    notice = await world.message(bob.email, "notice")
    assert notice.code is None
    assert ada.email not in notice.text
    assert (await confirm(ada, "000000")).json()["code"] == "invalid_verification_code"
    assert (await bob.login()).json()["status"] == "authenticated"


@pytest.mark.parametrize("page", ["app.example.com/undo", "https://app.example.com/undo#here", "javascript:alert(1)"])
def test_a_page_that_cannot_be_linked_to_stops_the_start(tmp_path: Path, page: str) -> None:
    with pytest.raises(ValidationError, match="GATEHOUSE_EMAIL__UNDO_URL is not a page"):
        settings_for("postgresql+asyncpg:///x", tmp_path, email={"undo_url": page})
