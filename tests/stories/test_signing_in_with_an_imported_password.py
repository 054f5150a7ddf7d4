"""Users whose passwords another system hashed: they sign in as before, and from then on the hash is ours."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.crypto.hashes import understand
from app.crypto.passwords import Passwords
from app.flows.schemes import Schemes
from app.settings.people import PasswordSettings
from tests.passwords import by_bcrypt, by_passlib, change, import_hash, stored_hash
from tests.resets import NEW, forgot, reset
from tests.world import PASSWORD, World

OURS = "$argon2id$v=19$m=19456,t=2,p=1$"
LONG = "a passphrase of more than seventy-two bytes, which is what bcrypt reads of it and no more than that"
VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "password_hashes.json").read_text())
ONE_OF_EACH = {one["name"].split()[0] + one["name"].split()[-1]: one for one in VECTORS if len(one["password"]) < 72}


@pytest.mark.parametrize("vector", ONE_OF_EACH.values(), ids=lambda vector: str(vector["name"]))
async def test_a092_a_foreign_hash_is_replaced_at_the_first_right_sign_in(world: World, vector: dict[str, Any]) -> None:
    ada = await world.signed_up()
    await import_hash(ada, vector["hash"])
    assert (await ada.login()).json()["code"] == "invalid_credentials"
    assert await stored_hash(ada) == vector["hash"]

    ada.password = vector["password"]
    assert (await ada.login()).json()["status"] == "authenticated"
    anew = await stored_hash(ada)
    assert anew.startswith(OURS)
    assert (await ada.login()).status_code == 200
    assert await stored_hash(ada) == anew


async def test_a092_old_parameters_are_replaced_and_sessions_go_on(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    refresh = ada.refresh_token
    await import_hash(ada, by_passlib(PASSWORD, "argon2", type="ID", memory_cost=1024, time_cost=1, parallelism=1))
    assert (await ada.login()).status_code == 200
    assert (await stored_hash(ada)).startswith(OURS)
    assert (await ada.refresh(refresh)).status_code == 200, "the password is the same: its version is, too"


async def test_a_password_beyond_what_bcrypt_reads_keeps_its_meaning_until_it_is_changed(world: World) -> None:
    ada = await world.signed_up()
    stored = by_bcrypt(LONG)
    await import_hash(ada, stored)
    for typed in (LONG, LONG[:72], LONG + " or anything"):
        ada.password = typed
        assert (await ada.login()).status_code == 200
        assert await stored_hash(ada) == stored
    ada.password = LONG[:71]
    assert (await ada.login()).status_code == 401

    assert (await change(ada, LONG + ", anew", current=LONG)).status_code == 204
    assert (await stored_hash(ada)).startswith(OURS)
    ada.password = LONG
    assert (await ada.login()).status_code == 401, "from now on all of it counts"
    ada.password = LONG + ", anew"
    assert (await ada.login()).status_code == 200


async def test_a_hash_that_nobody_can_verify_lets_nobody_in_until_it_is_reset(world: World) -> None:
    ada = await world.signed_up()
    for hashed in ("!", "5f4dcc3b5aa765d61d8327deb882cf99", "$2b$31$" + "C" * 53):
        await import_hash(ada, hashed)
        assert (await ada.login()).json()["code"] == "invalid_credentials"
    assert (await reset(ada, await forgot(ada), NEW)).status_code == 204
    assert (await ada.login()).status_code == 200


async def test_the_schemes_in_use_are_found_one_of_each_cost(world: World) -> None:
    costs = [
        ("bcrypt", 4),
        ("bcrypt", 5),
        ("pbkdf2_sha256", 1000),
        ("django_pbkdf2_sha256", 2000),
        ("sha512_crypt", 1000),
    ]
    for scheme, rounds in costs:
        for _ in range(2):
            ada = await world.signed_up()
            hashed = (
                by_bcrypt(PASSWORD, rounds=rounds)
                if scheme == "bcrypt"
                else by_passlib(PASSWORD, scheme, rounds=rounds)
            )
            await import_hash(ada, hashed)
    await world.signed_up()
    tools = world.app.state.house.login
    found = await Schemes(tools.database, tools.pool, tools.passwords).examples()
    assert sorted(understand(one).cost for one in found) == [
        "bcrypt rounds=4",
        "bcrypt rounds=5",
        "pbkdf2-sha256 rounds=1000",
        "pbkdf2_sha256 rounds=2000",
        "sha512-crypt rounds=1000",
    ]


async def test_everybody_is_looked_at_some_at_a_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.flows.schemes._PAGE", 2)
    for scheme in ("bcrypt", "pbkdf2_sha256", "sha512_crypt"):
        await world.signed_up()
        hashed = by_bcrypt(PASSWORD) if scheme == "bcrypt" else by_passlib(PASSWORD, scheme, rounds=1000)
        await import_hash(await world.signed_up(), hashed)
    tools = world.app.state.house.login
    found = await Schemes(tools.database, tools.pool, tools.passwords).examples()
    assert len(found) == 3


async def test_the_slowest_scheme_in_use_sets_the_pace_before_anybody_signs_in(world: World) -> None:
    ada, tools = await world.signed_up(), world.app.state.house.login
    passwords = Passwords(PasswordSettings())
    schemes = Schemes(tools.database, tools.pool, passwords)
    await schemes.look()
    assert passwords.verify("wrong", None).rest == 0.0

    await import_hash(ada, by_bcrypt(PASSWORD, rounds=12))
    await schemes.look()
    assert passwords.verify("wrong", None).rest > 0.0

    await ada.login()
    assert (await stored_hash(ada)).startswith(OURS)
    await schemes.look()
    assert passwords.verify("wrong", None).rest == 0.0
