"""An operator disables, enables, signs out and deletes users beside the running service, which honours it within a second."""

from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from app.flows.operator import Operator, UnknownUser
from app.store.tables import metadata
from tests.ring import hearing
from tests.stories.test_proving_the_mailbox_first import desk
from tests.world import Person, World


@pytest.fixture
def operator(world: World) -> Operator:
    return Operator(world.app.state.house.database)


async def signed_in(world: World) -> Person:
    ada = await world.signed_up()
    await ada.sign_in()
    return ada


async def status(person: Person) -> int:
    """Of the access token, once the feed was read."""
    await person.world.app.state.house.revocations.read()
    return (await person.call("GET", "/session")).status_code


async def test_a_disabled_user_holds_nothing_that_is_good_and_gets_nothing_new(
    world: World, operator: Operator
) -> None:
    ada = await world.with_phone()
    await ada.login()
    code = ada.code("sign_in")

    done = await operator.disable(ada.email)

    assert done.sessions_ended == 1
    assert await status(ada) == 401
    assert (await ada.refresh()).json()["code"] == "invalid_refresh_token"
    assert (await ada.verify(code)).json()["code"] == "invalid_token"
    assert (await ada.login()).json()["code"] == "invalid_credentials"


async def test_a_deleted_users_access_token_enrols_nothing(world: World, operator: Operator) -> None:
    """Those routes take an enrolment token too; an access token is judged there as anywhere, before anything is asked."""
    ada = await signed_in(world)
    await operator.delete((await operator.find(ada.email)).id)
    assert await status(ada) == 401
    for method in ("GET", "POST"):
        refused = await ada.call(method, "/me/factors")
        assert (refused.status_code, refused.json()["detail"]) == (401, "The session has ended.")


async def test_once_enabled_they_sign_in_again_and_what_ended_stays_ended(world: World, operator: Operator) -> None:
    ada = await world.with_phone()
    await ada.login()
    code, old = ada.code("sign_in"), ada.access_token
    await operator.disable(ada.email)
    assert await status(ada) == 401
    await operator.enable(ada.email)
    assert (await ada.verify(code)).status_code == 401
    assert (await ada.refresh()).status_code == 401
    world.clock.forward(timedelta(seconds=31))

    await ada.sign_in()

    assert await status(ada) == 200
    assert (await ada.call("GET", "/session", token=old)).status_code == 401


async def test_signed_out_everywhere_they_may_sign_in_again_at_once(world: World, operator: Operator) -> None:
    ada = await signed_in(world)
    old = ada.access_token
    await ada.sign_in()

    done = await operator.end_sessions(ada.email)

    assert done.sessions_ended == 2
    assert await status(ada) == 401
    assert (await ada.call("GET", "/session", token=old)).status_code == 401
    await ada.sign_in()
    assert await status(ada) == 200


async def test_an_expired_password_proves_nothing_until_a_mailed_link_gives_another_one(
    world: World, sweeper: asyncpg.Connection
) -> None:
    """Though they were let in before: nothing that stood on it is good any more, and the password does not come back."""
    ada = await world.with_app()
    await ada.login(code=ada.app_code(), remember_device=True)
    device = ada.device_token
    world.clock.forward(timedelta(seconds=31))
    await ada.login()
    with hearing() as lines:
        done = await desk(world).expire_password(ada.email, reason="posted on a forum")
    assert done.sessions_ended == 2
    assert await status(ada) == 401
    assert (await ada.verify(ada.app_code())).json()["code"] == "invalid_token"
    assert (await ada.login()).json()["code"] == "invalid_credentials"
    (event,) = [line for line in lines if line["event"] == "password.expired"]
    assert (event["user_id"], event["sessions"], event["reason"]) == (str(done.user.id), "2", "posted on a forum")
    assert (
        await sweeper.fetchval("SELECT template FROM outbox ORDER BY id DESC LIMIT 1") == "password_expired_by_operator"
    )

    await ada.call("POST", "/password/forgot", {"email": ada.email}, token="")
    link = {"token": (await world.message(ada.email, "reset")).code}
    again = await ada.call("POST", "/password/reset", link | {"password": ada.password}, token="")
    assert again.json()["code"] == "password_unchanged"
    ada.password = "another horse battery staple"
    assert (await ada.call("POST", "/password/reset", link | {"password": ada.password}, token="")).status_code == 204
    assert (await ada.login(device_token=device)).json()["status"] == "mfa_required"


async def test_a_password_that_expired_before_ends_what_is_held_nevertheless(world: World) -> None:
    ada = await signed_in(world)
    await desk(world).expire_password(ada.email, reason="once")
    await ada.call("POST", "/password/forgot", {"email": ada.email}, token="")
    link = (await world.message(ada.email, "reset")).code
    await desk(world).expire_password(ada.email, reason="twice")
    reset = {"token": link, "password": "another horse battery staple"}
    assert (await ada.call("POST", "/password/reset", reset, token="")).json()["code"] == "invalid_reset_token"


@pytest.mark.parametrize("verb", ["disable", "end_sessions"])
async def test_neither_a_trusted_device_nor_a_mailed_link_outlives_it(
    world: World, operator: Operator, verb: str
) -> None:
    ada = await world.with_app()
    await ada.login(code=ada.app_code(), remember_device=True)
    await ada.call("POST", "/password/forgot", {"email": ada.email}, token="")
    link = (await world.message(ada.email, "reset")).code

    await getattr(operator, verb)(ada.email)
    await operator.enable(ada.email)

    assert (await ada.login(device_token=ada.device_token)).json()["status"] == "mfa_required"
    reset = {"token": link, "password": "another horse battery staple"}
    assert (await ada.call("POST", "/password/reset", reset, token="")).json()["code"] == "invalid_reset_token"


async def test_of_a_deleted_user_nothing_is_left_and_their_token_is_dead_nevertheless(
    world: World, operator: Operator, sweeper: asyncpg.Connection
) -> None:
    """Their sessions are gone with them, so no session id could tell."""
    ada = await world.with_phone()
    await ada.sign_in()
    user = await operator.find(ada.email)

    await operator.delete(user.id)

    assert await status(ada) == 401
    for table in metadata.tables.values():
        for column in table.c:
            if column.name == "user_id" or (table.name, column.name) == ("users", "id"):
                query = f"SELECT count(*) FROM {table.name} WHERE {column.name} = $1"  # noqa: S608  our own names
                kept = table.name in {"cut_offs", "audit_events"}  # the log keeps the id, and what leads nowhere
                assert (await sweeper.fetchval(query, user.id) > 0) is kept, table.name
    assert (await ada.refresh()).json()["code"] == "invalid_refresh_token"
    assert (await ada.login()).json()["code"] == "invalid_credentials"


async def test_a_token_that_was_being_minted_beside_the_deletion_is_dead_too(world: World, operator: Operator) -> None:
    ada = await signed_in(world)
    user = await operator.find(ada.email)
    claims = (await ada.call("GET", "/session")).json()
    await operator.delete(user.id)
    assert await status(ada) == 401
    world.clock.forward(timedelta(seconds=25))
    ada.access_token = world.app.state.house.tokens.mint_access(
        user_id=user.id,
        session_id=UUID(claims["sid"]),
        auth_time=world.clock.now(),
        acr=claims["acr"],
        amr=tuple(claims["amr"]),
    ).token
    assert await status(ada) == 401


async def test_whoever_was_deleted_may_sign_up_anew(world: World, operator: Operator) -> None:
    ada = await signed_in(world)
    await operator.delete((await operator.find(ada.email)).id)
    world.clock.forward(timedelta(minutes=2))
    world.app.state.house.inbox.clear()
    await ada.sign_up()
    await ada.sign_in()
    assert await status(ada) == 200


async def test_nobody_else_is_touched(world: World, operator: Operator) -> None:
    ada, bob, eve = [await signed_in(world) for _ in range(3)]
    await operator.disable(bob.email)
    await operator.delete((await operator.find(eve.email)).id)
    assert [await status(person) for person in (ada, bob, eve)] == [200, 401, 401]


async def test_a_user_is_found_by_address_in_any_spelling_and_by_id(world: World, operator: Operator) -> None:
    ada = await world.with_phone()
    by_address = await operator.find(ada.email.upper())
    assert by_address == await operator.find(str(by_address.id))


@pytest.mark.parametrize(
    "who", ["nobody@example.test", "01999999-0000-7000-8000-000000000000", "nonsense", "a@b@c", ""]
)
async def test_nobody_is_nobody_for_every_verb(operator: Operator, who: str) -> None:
    for verb in (operator.find, operator.disable, operator.enable, operator.end_sessions):
        with pytest.raises(UnknownUser):
            await verb(who)


async def test_deleting_twice_is_said(world: World, operator: Operator) -> None:
    user = await operator.find((await signed_in(world)).email)
    await operator.delete(user.id)
    with pytest.raises(UnknownUser):
        await operator.delete(user.id)


async def test_each_verb_is_noted_with_its_reason_and_nobodys_address(world: World, operator: Operator) -> None:
    ada = await signed_in(world)
    user = await operator.find(ada.email)
    with hearing() as lines:
        await operator.end_sessions(ada.email, reason="lost laptop")
        await operator.disable(ada.email, reason=f"asked by {ada.email}")
        await operator.enable(ada.email)
        await operator.delete(user.id, reason="left")
    events = [line for line in lines if line["event"].startswith("user.")]
    assert [line["event"] for line in events] == [
        "user.sessions_ended",
        "user.disabled",
        "user.enabled",
        "user.deleted",
    ]
    assert {line["user_id"] for line in events} == {str(user.id)}
    assert (events[0]["reason"], events[0]["sessions"], events[3]["reason"]) == ("lost laptop", "1", "left")
    assert ada.email not in str(lines)
