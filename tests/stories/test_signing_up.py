"""Signing up: what a newcomer sees, and what somebody who must not learn anything sees."""

from datetime import timedelta
from uuid import uuid4

import pytest

from tests.world import World


async def test_a_code_from_the_mailbox_makes_the_account(world: World) -> None:
    ada = world.person()
    registration_id = await ada.register()
    assert (await ada.login()).status_code == 401

    code = (await world.message(ada.email, "verify_email")).code
    done = await ada.call("POST", "/verify-email", {"registration_id": registration_id, "code": code})

    assert done.status_code == 204
    assert done.content == b""
    assert (await ada.login()).json()["status"] == "authenticated"


@pytest.mark.parametrize("spelling", ["urn:uuid:{}", "{{{}}}", "{:.8}"])
async def test_the_id_of_a_registration_is_taken_as_it_was_answered(world: World, spelling: str) -> None:
    ada = world.person()
    other = spelling.format(await ada.register())

    refused = await ada.call("POST", "/verify-email", {"registration_id": other, "code": "123456"})

    assert refused.json()["errors"] == [{"pointer": "#/registration_id", "detail": "Must be a UUID."}]


async def test_a_known_address_is_answered_like_a_new_one_and_its_owner_is_told(world: World) -> None:
    ada = await world.signed_up()
    newcomer = world.person()

    world.clock.forward(timedelta(minutes=2))
    again = await ada.call("POST", "/register", {"email": ada.email, "password": "another long password"})
    new = await newcomer.call("POST", "/register", {"email": newcomer.email, "password": "another long password"})

    assert again.status_code == new.status_code == 202
    assert set(again.json()) == set(new.json())
    assert "already" in (await world.message(ada.email, "notice")).text
    assert (await ada.login()).status_code == 200


async def test_no_code_of_a_registration_for_a_known_address_is_ever_right(world: World) -> None:
    ada = await world.signed_up()
    world.clock.forward(timedelta(minutes=2))
    registration_id = await ada.register()
    await world.message(ada.email, "notice")

    for code in ("000000", "123456"):
        refused = await ada.call("POST", "/verify-email", {"registration_id": registration_id, "code": code})
        assert refused.json()["code"] == "invalid_verification_code"


async def test_five_wrong_codes_close_the_registration(world: World) -> None:
    ada = world.person()
    registration_id = await ada.register()
    code = (await world.message(ada.email, "verify_email")).code or ""
    wrong = f"{(int(code) + 1) % 1_000_000:06}"

    for _ in range(5):
        refused = await ada.call("POST", "/verify-email", {"registration_id": registration_id, "code": wrong})
        assert refused.status_code == 400
    right = await ada.call("POST", "/verify-email", {"registration_id": registration_id, "code": code})

    assert right.status_code == 400
    assert right.json()["code"] == "invalid_verification_code"


async def test_an_unknown_registration_is_answered_like_a_wrong_code(world: World) -> None:
    ada = world.person()
    registration_id = await ada.register()
    await world.message(ada.email, "verify_email")

    unknown = await ada.call("POST", "/verify-email", {"registration_id": str(uuid4()), "code": "000000"})
    wrong = await ada.call("POST", "/verify-email", {"registration_id": registration_id, "code": "000000"})
    resent = await ada.call("POST", "/verify-email/resend", {"registration_id": str(uuid4())})

    assert unknown.json() == wrong.json()
    assert resent.status_code == 202


async def test_a_new_code_replaces_the_old_one(world: World) -> None:
    ada = world.person()
    registration_id = await ada.register()
    old = (await world.message(ada.email, "verify_email")).code

    world.clock.forward(timedelta(minutes=2))
    await ada.call("POST", "/verify-email/resend", {"registration_id": registration_id})
    new = (await world.message(ada.email, "verify_email", beyond=1)).code

    first = await ada.call("POST", "/verify-email", {"registration_id": registration_id, "code": old})
    second = await ada.call("POST", "/verify-email", {"registration_id": registration_id, "code": new})
    assert (first.status_code, second.status_code) == (204, 400) if old == new else (400, 204)


async def test_more_mails_than_the_limit_are_dropped_without_a_word(world: World) -> None:
    ada = world.person()
    registration_id = await ada.register()
    await world.message(ada.email, "verify_email")

    again = await ada.call("POST", "/verify-email/resend", {"registration_id": registration_id})
    bystander = world.person()
    await bystander.register()
    await world.message(bystander.email, "verify_email")

    assert again.status_code == 202
    assert len(world.inbox(ada.email)) == 1


async def test_a091_only_the_verified_registrations_password_counts(world: World) -> None:
    """A091: whoever registered the address before its owner has no part in the account."""
    thief, ada = world.person(), world.person()
    thief.email, thief.password = ada.email, "the password of a thief"
    stolen = await thief.register()
    await world.message(ada.email, "verify_email")
    world.clock.forward(timedelta(minutes=2))
    await ada.register()
    entry = await world.message(ada.email, "verify_email", beyond=1)
    own = (await ada.call("POST", "/register", {"email": ada.email, "password": ada.password})).json()
    assert own["status"] == "verification_sent"

    refused = await ada.call("POST", "/verify-email", {"registration_id": stolen, "code": entry.code})
    assert refused.status_code == 400


async def test_other_registrations_of_the_address_die_with_the_first_verified(world: World) -> None:
    thief, ada = world.person(), world.person()
    thief.email = ada.email
    stolen = await thief.register()
    thiefs_code = (await world.message(ada.email, "verify_email")).code
    world.clock.forward(timedelta(minutes=2))
    registration_id = await ada.register()
    code = (await world.message(ada.email, "verify_email", beyond=1)).code

    first = await ada.call("POST", "/verify-email", {"registration_id": registration_id, "code": code})
    late = await thief.call("POST", "/verify-email", {"registration_id": stolen, "code": thiefs_code})

    assert (first.status_code, late.status_code) == (204, 400)


async def test_a_registration_ends_after_a_day(world: World) -> None:
    ada = world.person()
    registration_id = await ada.register()
    code = (await world.message(ada.email, "verify_email")).code

    world.clock.forward(timedelta(hours=24))
    late = await ada.call("POST", "/verify-email", {"registration_id": registration_id, "code": code})

    assert late.status_code == 400


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("hunter2", "password_too_short"),
        ("x" * 300, "password_too_long"),
        ("a" * 20, "password_blocklisted"),
    ],
)
async def test_a_weak_password_is_refused_with_the_reason(world: World, password: str, code: str) -> None:
    ada = world.person()
    refused = await ada.call("POST", "/register", {"email": ada.email, "password": password})
    assert refused.status_code == 422
    assert refused.json()["code"] == code
    assert password not in refused.text


async def test_the_address_itself_is_no_password(world: World) -> None:
    ada = world.person()
    refused = await ada.call("POST", "/register", {"email": ada.email, "password": ada.email.upper()})
    assert refused.json()["code"] == "password_blocklisted"


async def test_every_spelling_of_an_address_is_one_user(world: World) -> None:
    ada = await world.signed_up()
    ada.email = ada.email.replace("ada", "ADA").replace("example", "EXAMPLE")
    assert (await ada.login()).status_code == 200
