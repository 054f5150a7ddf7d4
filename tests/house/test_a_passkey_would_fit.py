"""A factor of a passkey's shape runs the whole journey on the contract as it is."""

from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.factors import KINDS
from app.factors.base import AnyFactor
from tests.house.toy.passkey_shaped import Passkey
from tests.world import Person, World, running, settings_for


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    kinds: tuple[type[AnyFactor], ...] = (*KINDS, Passkey)
    settings = settings_for(database_url, tmp_path, mfa={"factors": ["sms", "totp", "passkey"]})
    async with running(settings, kinds=kinds) as world:
        yield world


def signed(key: Ed25519PrivateKey, shown: dict[str, Any], *, with_key: bool = False) -> dict[str, Any]:
    challenge = b64decode(shown["challenge"])
    credential = {"challenge": shown["challenge"], "signature": b64encode(key.sign(challenge)).decode()}
    if with_key:
        credential["public_key"] = b64encode(key.public_key().public_bytes_raw()).decode()
    return {"credential": credential}


async def enrolled(world: World, key: Ed25519PrivateKey) -> Person:
    ada = await world.signed_up()
    await ada.sign_in()
    begun = (await ada.call("POST", "/me/factors", {"factor": "passkey"})).json()
    assert begun["setup"] == {"factor": "passkey", "account": ada.email}
    proof = signed(key, begun["challenge"]["shown"], with_key=True)
    done = await ada.call("POST", f"/me/factors/{begun['id']}/confirm", proof)
    assert done.status_code == 200, done.text
    ada.keep(done.json())
    return ada


async def test_it_is_enrolled_asked_and_accepted(world: World) -> None:
    key = Ed25519PrivateKey.generate()
    ada = await enrolled(world, key)
    asked = (await ada.login()).json()
    shown = asked["challenge"]["shown"]
    assert shown["origin"] == "https://example.com"

    stranger = await ada.call("POST", "/verify-otp", signed(Ed25519PrivateKey.generate(), shown), token=ada.mfa_token)
    right = await ada.call("POST", "/verify-otp", signed(key, shown), token=ada.mfa_token)

    assert (stranger.status_code, right.status_code) == (401, 200)
    ada.keep(right.json())
    session = (await ada.call("GET", "/session")).json()
    assert (session["acr"], session["amr"]) == ("urn:gatehouse:phr", ["pwd", "hwk", "mfa"])


async def test_the_answer_to_another_challenge_is_refused(world: World) -> None:
    key = Ed25519PrivateKey.generate()
    ada = await enrolled(world, key)
    first = (await ada.login()).json()["challenge"]["shown"]
    await ada.login()
    replayed = await ada.call("POST", "/verify-otp", signed(key, first), token=ada.mfa_token)
    assert replayed.json()["code"] == "invalid_mfa_code"


async def test_it_is_the_strongest_so_an_app_removes_it_no_more(world: World) -> None:
    key = Ed25519PrivateKey.generate()
    ada = await enrolled(world, key)
    await ada.enrol_app()
    await ada.login(code=ada.app_code())
    refused = await ada.call("DELETE", f"/me/factors/{await ada.factor_id('passkey')}")
    assert refused.json()["code"] == "stronger_factor_required"

    asked = await ada.call("POST", "/step-up/challenge", {"factor": "passkey"})
    stepped = await ada.call("POST", "/step-up", signed(key, asked.json()["shown"]))
    ada.keep(stepped.json())
    assert (await ada.call("DELETE", f"/me/factors/{await ada.factor_id('passkey')}")).status_code == 204
