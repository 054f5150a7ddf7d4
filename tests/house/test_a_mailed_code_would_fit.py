"""A factor that mails its code is one file too: the words are a mail's, and it shares the method of an app."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from string import Template

import pytest

from app.factors import KINDS
from app.factors.base import AnyFactor
from app.messages import Channel
from app.senders.inbox import Entry
from app.texts import ours
from tests.house.toy.code_by_mail import Mailed
from tests.world import Person, World, running, settings_for


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    kinds: tuple[type[AnyFactor], ...] = (*KINDS, Mailed)
    settings = settings_for(database_url, tmp_path, mfa={"factors": ["sms", "totp", "mailed"]})
    async with running(settings, kinds=kinds) as world:
        yield world


async def mailed(ada: Person, purpose: str) -> str:
    """The code of the newest mail of *purpose*, which is one, in English."""
    entry: Entry = await ada.world.message(f"second.{ada.email}", purpose)
    code, template = str(entry.code), ours("en")[f"{purpose}_mail"]
    said = Template(template["body"]).substitute(code=code, brand="Gatehouse")
    assert (entry.channel, entry.text) == (Channel.EMAIL, said.strip())
    return code


async def enrolled(world: World) -> Person:
    ada = await world.signed_up()
    await ada.sign_in()
    begun = await ada.call("POST", "/me/factors", {"factor": "mailed", "address": f"second.{ada.email}"})
    assert (begun.status_code, begun.json()["challenge"]["delivery"]) == (201, "accepted")
    assert (await ada.confirm(begun.json()["id"], await mailed(ada, "confirm"))).status_code == 200
    return ada


async def test_it_is_enrolled_asked_and_accepted_by_mails_that_say_what_they_are_for(world: World) -> None:
    ada = await enrolled(world)
    world.clock.forward(timedelta(minutes=1))
    asked = (await ada.login()).json()
    assert (asked["challenge"]["factor"], asked["challenge"]["delivery"]) == ("mailed", "accepted")
    assert (await ada.verify(await mailed(ada, "sign_in"))).status_code == 200
    assert (await ada.call("GET", "/session")).json()["amr"] == ["pwd", "otp", "mfa"]
    world.clock.forward(timedelta(minutes=1))
    asked_again = await ada.call("POST", "/step-up/challenge", {"factor": "mailed"})
    assert asked_again.status_code == 200
    assert (await ada.step_up(await mailed(ada, "step_up"), "mailed")).status_code == 200
