"""What an attacker's review of users, their help desk and their imports found, so that it stays found."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.cli.users_files import read_lines
from app.flows.help_desk import MayBeUndone
from app.flows.import_users import Line
from tests import emails
from tests.ring import hearing
from tests.stories.test_proving_the_mailbox_first import asked, begin, desk, finish, mailed
from tests.stories.test_users_from_elsewhere import bring
from tests.world import Person, World, running, settings_for

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


async def swapped(world: World) -> Person:
    """Whoever has the password and the SIM card of somebody who has an authenticator app as well."""
    ada = await world.with_app()
    await ada.enrol_phone()
    world.clock.forward(timedelta(days=30))
    thief = Person(world, email=ada.email, phone=ada.phone)
    await thief.login(factor="sms")
    assert (await thief.verify(thief.code("sign_in"))).status_code == 200
    thief.recovery_codes = ada.recovery_codes
    return thief


async def test_a_sim_card_neither_moves_the_address_nor_deletes_the_account_where_an_app_is_enrolled(
    world: World,
) -> None:
    thief = await swapped(world)
    for method, path, body in (("PUT", "/me/email", {"email": emails.another(thief)}), ("DELETE", "/me", None)):
        refused = await thief.call(method, path, body)
        assert (refused.status_code, refused.json()["code"]) == (403, "stronger_factor_required"), path
    assert (await thief.call("GET", "/me/export")).status_code == 200  # reading: it opens nothing
    await thief.step_up(thief.recovery_codes[0], "recovery_code")
    await emails.move(thief)
    assert (await thief.call("DELETE", "/me")).status_code == 204


async def test_a_number_that_was_replaced_lately_moves_no_address(world: World) -> None:
    ada = await world.with_phone()
    ada.phone = world.person().phone
    world.clock.forward(MINUTE)
    await ada.enrol_phone()
    assert (await emails.ask(ada, emails.another(ada))).json()["code"] == "stronger_factor_required"
    world.clock.forward(timedelta(hours=25))
    await ada.refresh_session()
    await ada.call("POST", "/step-up/challenge", {"factor": "sms"})
    await ada.step_up(ada.code("step_up"), "sms")
    assert (await emails.ask(ada, emails.another(ada))).status_code == 202


async def notices_at(world: World, address: str, words: str) -> int:
    """How many notices with *words* came there, once one did."""
    for _ in range(300):
        if found := [entry for entry in world.inbox(address) if words in entry.text]:
            return len(found)
        await asyncio.sleep(0.01)
    return 0


async def test_factors_are_not_reset_while_the_address_may_be_a_thiefs(world: World) -> None:
    """The code for new factors would be the thief's; and whatever happens, the owner's mailbox is told of it."""
    ada = await world.signed_up()
    await ada.sign_in()
    old = await emails.move(ada)
    with pytest.raises(MayBeUndone):
        await desk(world).reset_factors(ada.email, reason="a caller lost the phone")
    assert (await desk(world).reset_factors(ada.email, reason="seen", after_email_change=True)).sessions_ended == 1
    for address in (old, ada.email):
        assert await notices_at(world, address, "were removed by those who run") == 1
    world.clock.forward(timedelta(hours=73))
    await desk(world).reset_factors(ada.email, reason="a caller lost the phone")
    assert await notices_at(world, old, "were removed by those who run") == 1


async def test_a_thief_who_moved_the_address_keeps_no_warning_from_its_owner(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    old = await emails.move(ada)
    await ada.enrol_app()
    assert await notices_at(world, old, "second factor") == 1


@pytest.fixture
async def demanding(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with running(settings_for(database_url, tmp_path, mfa={"policy": "required"})) as world:
        yield world


async def test_whoever_has_only_the_password_keeps_nobody_from_the_mailed_code(demanding: World) -> None:
    """They have each mail sent for sign-ins of their own: the code in it is good at the owner's."""
    eve = await bring(demanding)
    thief = Person(demanding, email=eve.email, password=eve.password)
    for _ in range(30):
        demanding.clock.forward(timedelta(minutes=10))
        await asked(thief)
    demanding.clock.forward(MINUTE)
    assert (await asked(eve))["email_code"]["delivery"] == "none"
    done = await finish(eve, await begin(eve, await mailed(eve)))
    assert done.json()["status"] == "authenticated"
    assert (await begin(thief, await mailed(eve))).status_code == 401


async def test_the_code_opens_only_the_sign_in_that_gave_it(demanding: World) -> None:
    """The one that it was mailed for still waits, and an older code never comes back."""
    eve = await bring(demanding)
    thief = Person(demanding, email=eve.email, password=eve.password)
    await asked(eve)
    older = await mailed(eve)
    demanding.clock.forward(2 * MINUTE)
    await asked(thief)
    newer = await mailed(eve, beyond=1)
    assert (await begin(eve, newer)).status_code == 201
    for code in (newer, older):
        assert (await begin(thief, code)).json()["code"] == "invalid_mfa_code"
    assert (await begin(thief, None)).json()["code"] == "validation_failed"


async def test_a_session_writes_no_rows_without_end_about_another_address(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    with hearing() as lines:
        codes = [(await emails.confirm(ada, "123456")).status_code for _ in range(70)]
        begun = [(await emails.ask(ada, emails.another(ada))).status_code for _ in range(10)]
    assert (codes.count(400), codes.count(429), begun) == (60, 10, [429] * 10)
    assert len([line for line in lines if line["event"].startswith("email.")]) == 60
    world.clock.forward(HOUR)
    await ada.sign_in()
    assert (await emails.ask(ada, emails.another(ada))).status_code == 202


async def test_mails_that_are_held_back_are_told_together(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    wanted = emails.another(ada)
    with hearing() as lines:
        for _ in range(20):
            await emails.ask(ada, wanted)
        await world.message(wanted, "verify_email")
        await world.app.state.house.change_email.background.drain(within=timedelta(seconds=5))
        world.clock.forward(2 * MINUTE)
        await asyncio.sleep(1.5)
    assert [line["times"] for line in lines if line["event"] == "message.held_back"] == ["19"]


HEADER = "email,email_verified,display_name\n"


def told(folder: Path, text: str) -> dict[int, str]:
    """Of each line of a file, who is in it, or why nobody is."""
    file = folder / "users.csv"
    file.write_text(HEADER + text)
    with file.open("rb") as source:
        return {line.number: line.fault or who(line) for line in read_lines(file, source)}


def who(line: Line) -> str:
    return str(line.given["email"]) if isinstance(line.given, dict) else ""


def test_a_quote_that_is_never_closed_swallows_no_user_in_silence(tmp_path: Path) -> None:
    lines = told(tmp_path, 'ada@b.test,true,"Ada\n' + "".join(f"u{n}@b.test,true,U\n" for n in range(20_000)))
    *swallowed, last = lines.values()
    assert len(swallowed) > 1000
    assert [*lines] == [*range(2, len(lines) + 2)]
    assert all("several lines" in fault for fault in swallowed)
    assert last.endswith("nothing from here on was read.")


def test_a_name_of_several_lines_is_refused_alone_and_brings_nobody_along(tmp_path: Path) -> None:
    """Whoever chose it could have written a user into it, with an address that counts as verified."""
    name = "Ada\nroot@b.test,true,Root\n" + "x" * 20_000
    lines = told(tmp_path, f'ada@b.test,true,"{name}"\nbob@b.test,true,"Bob"\n')
    assert lines.pop(5) == "bob@b.test"
    assert {*lines} == {2, 3, 4}
    assert all("several lines" in fault for fault in lines.values())
