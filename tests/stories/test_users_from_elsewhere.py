"""Users who were brought from another system sign in with what they had there, if it can be believed."""

from typing import Any

import pytest
from passlib.hash import argon2, bcrypt, django_pbkdf2_sha256, pbkdf2_sha256, scrypt

from app.flows.import_users import ImportUsers, Line
from app.flows.newcomers import Newcomers
from tests.app import AuthenticatorApp
from tests.world import PASSWORD, Person, World

SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


async def bring(world: World, **given: Any) -> Person:
    """Somebody who came with a file."""
    eve, house = world.person(), world.app.state.house
    newcomers = Newcomers(world.clock, house.enroll.states)
    line = {"email": eve.email, "email_verified": True, "password_hash": bcrypt.using(rounds=4).hash(PASSWORD)}
    outcome = await ImportUsers(house.database, world.clock, newcomers, by="root")([Line(1, {**line, **given})])
    assert (outcome.imported, outcome.refused) == (1, ())
    return eve


@pytest.mark.parametrize(
    "hashed",
    [
        bcrypt.using(rounds=4).hash(PASSWORD),
        scrypt.using(rounds=4).hash(PASSWORD),  # type: ignore[no-untyped-call]
        pbkdf2_sha256.using(rounds=100).hash(PASSWORD),  # type: ignore[no-untyped-call]
        django_pbkdf2_sha256.using(rounds=100).hash(PASSWORD),  # type: ignore[no-untyped-call]
        argon2.using(memory_cost=64, time_cost=1).hash(PASSWORD),  # type: ignore[no-untyped-call]
    ],
    ids=["bcrypt", "scrypt", "pbkdf2", "django", "argon2"],
)
async def test_whoever_comes_with_a_password_signs_in_with_it(world: World, hashed: str) -> None:
    eve = await bring(world, password_hash=hashed)
    assert (await eve.login()).json()["status"] == "authenticated"


async def test_an_imported_phone_and_app_are_asked_for(world: World) -> None:
    eve = world.person()
    eve = await bring(world, phone=eve.phone, totp={"secret": SEED})
    asked = (await eve.login()).json()
    assert {one["kind"] for one in asked["factors"]} == {"sms", "totp"}
    done = await eve.verify(AuthenticatorApp(SEED).code(world.clock.now()))
    assert done.status_code == 200


async def test_a091_an_address_that_was_not_verified_needs_a_mailed_link_whatever_password_came(world: World) -> None:
    """Whoever typed somebody else's address into another system must not own it here."""
    eve = await bring(world, email_verified=False)
    assert (await eve.login()).json()["code"] == "invalid_credentials"
    await eve.call("POST", "/password/forgot", {"email": eve.email})
    token = (await world.message(eve.email, "reset")).code
    assert (await eve.call("POST", "/password/reset", {"token": token, "password": PASSWORD})).status_code == 204
    assert (await eve.login()).status_code == 200
