"""A091: whoever registers somebody else's address before they do gets nothing that lasts beyond the mailbox's word."""

from datetime import timedelta

from tests.resets import forgot, reset
from tests.world import Person, World


async def pretender(world: World, owner: Person) -> Person:
    """Somebody who signed up with an address that they cannot read."""
    thief = world.person()
    thief.email, thief.password = owner.email, "the password of a thief"
    await thief.register()
    return thief


async def test_a091_who_did_not_verify_can_sign_in_nowhere_and_enrol_nothing(world: World) -> None:
    thief = await pretender(world, world.person())
    refused = await thief.login()
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_credentials")
    assert (await thief.begin_phone()).json()["code"] == "invalid_token"
    assert (await thief.call("POST", "/me/factors", {"factor": "totp"})).json()["code"] == "invalid_token"


async def test_a091_the_owner_who_signs_up_later_shares_nothing_with_them(world: World) -> None:
    ada = world.person()
    thief = await pretender(world, ada)
    await world.message(ada.email, "verify_email")
    world.clock.forward(timedelta(minutes=2))
    registration_id = await ada.register()
    code = (await world.message(ada.email, "verify_email", beyond=1)).code
    assert (
        await ada.call("POST", "/verify-email", {"registration_id": registration_id, "code": code})
    ).status_code == 204
    assert (await thief.login()).status_code == 401
    await ada.sign_in()
    factors = (await ada.call("GET", "/me/factors")).json()
    sessions = (await ada.call("GET", "/me/sessions")).json()
    assert (factors["items"], len(sessions["items"])) == ([], 1)


async def test_a091_a_reset_ends_every_session_that_stood_on_the_old_password(world: World) -> None:
    """For an owner who verified what somebody else had chosen: whoever knew the password is out, and its devices are strangers."""
    ada = await world.signed_up()
    thief = Person(world, email=ada.email, password=ada.password)
    await thief.sign_in()
    assert (await reset(ada, await forgot(ada))).status_code == 204
    assert (await thief.refresh()).status_code == 401
    assert (await thief.login(device_token=thief.device_token)).status_code == 401
    assert (await ada.login()).json()["status"] == "authenticated"
