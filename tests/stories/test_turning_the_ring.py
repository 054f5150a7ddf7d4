"""Turning the ring of secret keys: nobody notices, nothing is lost, and then the old key can leave."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.crypto.keys import new_secret_key
from app.flows.keys import KeysUnreadable
from app.flows.reseal import Progress
from app.store.database import Database
from app.store.tables import metadata
from tests.emails import another, ask, code_at
from tests.ring import Ring, elsewhere, vault
from tests.standins.clock import ManualClock
from tests.world import KEY as OLD
from tests.world import Person, settings_for

NEW = new_secret_key()


@pytest.fixture
async def ring(database_url: str, sweeper: asyncpg.Connection, tmp_path: Path) -> AsyncIterator[Ring]:
    database = Database(settings_for(database_url, tmp_path).database)
    yield Ring(database_url, tmp_path, database, sweeper)
    await database.close()


async def test_afterwards_the_old_key_can_leave_and_everything_opens(ring: Ring) -> None:
    async with ring.serving(OLD) as world:
        ada, bob, eve = await world.with_phone(), await world.signed_up(), await world.signed_up()
        await bob.sign_in()
        pending = (await bob.begin_phone()).json()["id"]
        new = another(bob)
        await ask(bob, new)
        await code_at(world, new)

    report = await ring.turn(NEW, OLD)

    assert report.complete
    assert (report.enrollments.resealed, report.signing_keys.resealed) == (3, 4)  # two phones, and recovery codes
    assert await ring.under(OLD) == {"enrollments": 0, "signing keys": 0, "sessions": 2}
    assert report.sessions.count == 2
    assert report.sessions.until == ManualClock().now() + timedelta(days=30)
    assert report.codes.count == 1  # bob's
    assert report.codes.until == ManualClock().now() + timedelta(minutes=5)
    assert report.verifications.count == 1  # bob's other address
    assert report.verifications.until == ManualClock().now() + timedelta(hours=1)
    async with ring.serving(NEW) as world:
        ada, bob, eve = (elsewhere(person, world) for person in (ada, bob, eve))
        assert (await ada.call("GET", "/session")).status_code == 200
        assert (await ada.refresh()).json()["code"] == "invalid_refresh_token"  # as the report said
        await ada.sign_in()
        assert (await ada.call("GET", "/session")).json()["acr"] == "urn:gatehouse:mfa"
        world.clock.forward(timedelta(seconds=31))
        await bob.call("POST", f"/me/factors/{pending}/resend")
        assert (await bob.confirm(pending, bob.code("confirm"))).status_code == 200
        await eve.sign_in()
        eve.phone = ada.phone
        begun = await eve.begin_phone()
        assert (await eve.confirm(begun.json()["id"], eve.code("confirm"))).json()["code"] == "phone_in_use"


async def test_a_second_turn_finds_nothing_to_do(ring: Ring) -> None:
    await ring.crowd(5, key=OLD)
    assert (await ring.turn(NEW, OLD)).enrollments.resealed == 5
    before = await ring.states()
    again = await ring.turn(NEW, OLD)
    assert again.complete
    assert again.enrollments.resealed == 0
    assert await ring.states() == before


async def test_with_one_key_on_the_ring_nothing_hangs_on_another(ring: Ring) -> None:
    async with ring.serving(OLD) as world:
        await world.with_phone()
    report = await ring.turn(OLD)
    assert report.complete
    assert (report.enrollments.resealed, report.sessions.count, report.codes.count) == (0, 0, 0)


async def test_from_the_moment_a_key_is_first_nothing_is_written_under_another(ring: Ring) -> None:
    async with ring.serving(OLD):
        pass  # the signing keys are made
    async with ring.serving(NEW, OLD) as world:
        ada = await world.with_phone()
        await ada.sign_in()
        await ada.refresh_session()
        await ada.begin_phone()
    assert await ring.under(OLD) == {"enrollments": 0, "signing keys": 4, "sessions": 0}
    assert (await ring.under(NEW))["enrollments"] == 3


async def test_a_turn_that_was_stopped_goes_on_where_it_was(ring: Ring) -> None:
    async with ring.serving(OLD) as world:
        ada = await world.with_phone()
    await ring.crowd(6, key=OLD)

    def stop(progress: Progress) -> None:
        if progress.looked == 4:
            stopped.cancel()

    stopped = asyncio.create_task(ring.turn(NEW, OLD, progress=stop))
    with suppress(asyncio.CancelledError):
        await stopped
    assert stopped.cancelled()
    assert (await ring.under(NEW))["enrollments"] == 4
    assert (await ring.under(OLD))["signing keys"] == 4

    with pytest.raises(KeysUnreadable):  # half turned, no service starts without the old key
        await ring.keys(NEW)()
    async with ring.serving(NEW, OLD) as world:
        await elsewhere(ada, world).sign_in()
    report = await ring.turn(NEW, OLD)
    assert report.complete
    assert report.enrollments.resealed == 4
    assert (await ring.under(OLD))["enrollments"] == 0
    async with ring.serving(NEW) as world:
        await elsewhere(ada, world).sign_in()


async def live(person: Person, rounds: list[int]) -> None:
    """Sign in and stay, and have a newcomer enrol a phone, on and on; every step must go well."""
    while True:
        await person.sign_in()
        await person.refresh_session()
        await person.world.with_phone()
        rounds.append(len(rounds))


async def test_nobody_notices_while_the_ring_turns(ring: Ring) -> None:
    async with ring.serving(OLD) as world:
        people = [await world.signed_up() for _ in range(3)]
        for number, person in enumerate(people):
            person.phone = f"+1202555{number}999"
            await person.sign_in()
            await person.enrol_phone()
    await ring.crowd(20, key=OLD)
    async with ring.serving(NEW, OLD) as world:
        people = [elsewhere(person, world) for person in people]
        rounds: list[list[int]] = [[] for _ in people]
        lives = [asyncio.create_task(live(person, done)) for person, done in zip(people, rounds, strict=True)]
        while min(map(len, rounds)) < 2 and not any(life.done() for life in lives):
            await ring.turn(OLD, NEW, batch=50)  # and back, so that there is something to do
            assert (await ring.turn(NEW, OLD)).complete
        for life in lives:
            life.cancel()
        assert {type(end) for end in await asyncio.gather(*lives, return_exceptions=True)} == {asyncio.CancelledError}
    assert (await ring.under(OLD))["enrollments"] == 0


async def take(person: Person, phone: str) -> dict[str, Any]:
    """What *person* is answered, who was sent a code to *phone* and gives it back."""
    person.phone = phone
    begun = await person.begin_phone()
    answer: dict[str, Any] = (await person.confirm(begun.json()["id"], person.code("confirm"))).json()
    return answer


async def test_a_number_stays_one_persons_while_rows_have_indexes_under_two_keys(ring: Ring) -> None:
    async with ring.serving(OLD) as world:
        ada = await world.with_phone()
    async with ring.serving(NEW, OLD) as world:
        bob, others = await world.with_phone(), [await world.signed_up() for _ in range(4)]
        for person in others:
            await person.sign_in()
        assert {state[:5] for state in (await ring.states()).values()} == {vault(OLD).head, vault(NEW).head}
        assert (await take(others[0], ada.phone))["code"] == "phone_in_use"
        assert (await take(others[1], bob.phone))["code"] == "phone_in_use"
        assert (await ring.turn(NEW, OLD)).complete
        assert (await take(others[2], ada.phone))["code"] == "phone_in_use"
        assert (await take(others[3], bob.phone))["code"] == "phone_in_use"
        ada = elsewhere(ada, world)
        await ada.sign_in()
        assert (await take(ada, ada.phone))["factor"]["kind"] == "sms"  # one's own may be confirmed anew


def test_whatever_is_sealed_is_turned() -> None:
    """A new sealed column fails here until app/store/reseal.py knows it."""
    columns = [column for table in metadata.sorted_tables for column in table.columns]
    sealed = {str(column) for column in columns if (column.comment or "").startswith("sealed")}
    assert sealed == {"enrollments.state", "signing_keys.private", "audit_keys.key"}


async def test_a_device_stays_known_when_the_key_of_its_token_has_left(ring: Ring) -> None:
    """At rest there is a digest; the next answer carries a token under the newest key."""
    async with ring.serving(OLD) as world:
        ada = await world.with_app()
        await ada.login(code=ada.app_code(), remember_device=True)
    await ring.turn(NEW, OLD)
    async with ring.serving(NEW) as world:
        away = elsewhere(ada, world)
        away.device_token = ada.device_token
        told = (await away.login(device_token=ada.device_token)).json()
        assert (told["status"], told["device_trust"]) == ("authenticated", "trusted")
        assert away.device_token != ada.device_token
        assert (await away.login(device_token=ada.device_token)).json()["status"] == "mfa_required"
        assert (await away.login(device_token=away.device_token)).json()["status"] == "authenticated"


async def test_a_refresh_after_the_key_has_left_does_not_end_the_trust_in_the_device(ring: Ring) -> None:
    """It does not tell the token of a trusted device, so none may take the place of the one that its owner has."""
    async with ring.serving(OLD) as world:
        ada = await world.with_app()
        await ada.login(code=ada.app_code(), remember_device=True)
    await ring.turn(NEW, OLD)
    async with ring.serving(NEW, OLD) as world:
        away = elsewhere(ada, world)
        assert (await away.login(device_token=ada.device_token)).json()["device_token"] == ada.device_token
    async with ring.serving(NEW) as world:
        away = elsewhere(away, world)
        assert (await away.refresh()).json()["device_trust"] == "trusted"
        assert (await away.login(device_token=ada.device_token)).json()["status"] == "authenticated"
