"""A new factor is one file and one line: here they are, and the whole journey runs on them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.factors import KINDS
from app.factors.base import AnyFactor
from tests.house.toy.word_of_the_day import Word
from tests.world import Person, World, running, settings_for


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    kinds: tuple[type[AnyFactor], ...] = (*KINDS, Word)
    async with running(settings_for(database_url, tmp_path, mfa={"factors": ["sms", "word"]}), kinds=kinds) as world:
        yield world


async def _with_a_word(world: World) -> Person:
    ada = await world.signed_up()
    await ada.sign_in()
    begun = await ada.call("POST", "/me/factors", {"factor": "word", "word": "heron"})
    assert begun.status_code == 201
    assert begun.json()["setup"] == {"factor": "word", "letters": 5}
    assert begun.json()["challenge"]["delivery"] == "none"
    path = f"/me/factors/{begun.json()['id']}/confirm"
    assert (await ada.call("POST", path, {"word": "stork"})).json()["code"] == "invalid_mfa_code"
    confirmed = await ada.call("POST", path, {"word": "heron"})
    assert confirmed.status_code == 200
    ada.keep(confirmed.json())
    return ada


async def test_it_is_enrolled_asked_and_accepted(world: World) -> None:
    ada = await _with_a_word(world)
    asked = (await ada.login()).json()
    assert asked["status"] == "mfa_required"
    assert [choice["kind"] for choice in asked["factors"]] == ["word", "recovery_code"]
    assert asked["challenge"]["delivery"] == "none"
    assert asked["challenge"]["shown"] == {"letters": 5}
    assert (await ada.call("GET", "/verify-otp", token=ada.mfa_token)).json()["shown"] == {"letters": 5}

    wrong = await ada.call("POST", "/verify-otp", {"word": "stork"}, token=ada.mfa_token)
    other_shape = await ada.call("POST", "/verify-otp", {"code": "123456"}, token=ada.mfa_token)
    right = await ada.call("POST", "/verify-otp", {"word": "heron"}, token=ada.mfa_token)

    assert [wrong.json()["attempts_left"], other_shape.json()["attempts_left"]] == [4, 3]
    assert right.status_code == 200
    ada.keep(right.json())
    assert (await ada.call("GET", "/session")).json()["amr"] == ["pwd", "kba", "mfa"]


async def test_it_stands_beside_the_phone_and_the_stronger_one_is_asked_first(world: World) -> None:
    ada = await _with_a_word(world)
    await ada.enrol_phone()
    asked = (await ada.login()).json()
    assert {choice["kind"]: choice["default"] for choice in asked["factors"]} == {
        "word": True,
        "sms": False,
        "recovery_code": False,
    }
    switched = await ada.call("POST", "/verify-otp/challenge", {"factor": "sms"}, token=ada.mfa_token)
    assert switched.json()["factor"] == "sms"
    assert (await ada.verify(ada.code("sign_in"))).status_code == 200


async def test_the_document_shows_its_shapes(world: World) -> None:
    schemas = world.app.openapi()["components"]["schemas"]
    assert {"EnrollWord", "WordAnswer", "EnrollSms", "SmsAnswer"} <= set(schemas)
    assert [name for name in schemas if name.startswith("EnrollmentBegun")] == ["EnrollmentBegun"]


async def test_what_is_wrong_with_its_answer_is_told_of_it_alone(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    digits = await ada.call("POST", "/step-up", {"factor": "word", "word": "1"})
    unknown = await ada.call("POST", "/step-up", {"factor": "fax", "word": "heron"})
    assert digits.json()["errors"] == [{"pointer": "#/word", "detail": "Must match ^[a-z]+$."}]
    assert unknown.json()["errors"] == [
        {"pointer": "#/factor", "detail": "Must be one of 'sms', 'word', 'recovery_code'."}
    ]


async def test_switched_off_it_still_counts(world: World, database_url: str, tmp_path: Path) -> None:
    """Law 10: a factor that cannot be asked is not "no factor"."""
    ada = await _with_a_word(world)
    settings = settings_for(database_url, tmp_path, mfa={"factors": ["sms"]})
    async with running(settings, kinds=(*KINDS, Word)) as later:
        bea = later.person()
        bea.email = ada.email
        asked = (await bea.login()).json()
        assert asked["status"] == "mfa_required"
        assert [choice["kind"] for choice in asked["factors"]] == ["recovery_code"]
        assert asked["challenge"] is None
        refused = await bea.call("POST", "/verify-otp", {"code": "123456"}, token=bea.mfa_token)
        assert refused.json()["code"] == "factor_not_enrolled"
