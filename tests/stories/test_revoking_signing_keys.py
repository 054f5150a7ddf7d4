"""A signing key that leaked: at once nothing under it is good anywhere, and everybody goes on with the next one.

And what cannot be followed: a replica keeps the keys that it has, says so, and serves.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from app.crypto.keys import new_secret_key
from app.crypto.tokens import Tokens
from app.flows.following import Following
from app.flows.keys import KeysMissing, KeysUnreadable
from app.flows.rotation import Rotation, TooSoon, UnknownKey
from app.settings.groups import TokenSettings
from app.store.database import Database
from tests import postgres
from tests.ring import elsewhere, hearing
from tests.rotation import Installation, is_good, kid_of, published, reads_no_more, signs
from tests.world import KEY

AHEAD = timedelta(minutes=10)


async def test_nothing_under_a_revoked_key_is_good_anywhere_and_sessions_go_on_under_the_next(
    installation: Installation,
) -> None:
    async with installation.replica() as here, installation.replica() as there:
        ada = await here.with_phone()
        stolen, (leaked, following) = ada.access_token, await published(here)

        with hearing("signing_key.") as lines:
            await installation.operator().revoke(leaked)

        for world in (here, there):
            await reads_no_more(world, leaked)
            refused = await world.client.get("/session", headers={"Authorization": f"Bearer {stolen}"})
            assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")
            assert await published(world) == [following, await installation.one("next")]
        assert not await installation.has_private_half(leaked)
        await ada.refresh_session()
        assert kid_of(ada.access_token) == following
        assert await is_good(ada, there)
    assert [(line["event"], line["kid"]) for line in lines] == [
        ("signing_key.revoked", leaked[:8]),
        ("signing_key.activated", following[:8]),
        ("signing_key.made", (await installation.one("next"))[:8]),
    ]


async def test_the_next_key_takes_its_place_however_young_it_is(installation: Installation) -> None:
    operator = installation.operator()
    await operator.prepare()
    for _ in range(3):
        leaked, following = await installation.one("current"), await installation.one("next")
        await operator.revoke(leaked)
        assert await installation.one("current") == following
    assert sorted((await installation.states()).values()) == ["current", "next", *["revoked"] * 3]


async def test_a_next_key_that_leaked_is_replaced_and_waits_anew(installation: Installation) -> None:
    operator = installation.operator()
    await operator.prepare()
    installation.clock.forward(AHEAD)
    current, leaked = await installation.one("current"), await installation.one("next")
    await operator.revoke(leaked)
    assert await installation.one("current") == current
    assert await installation.one("next") != leaked
    with pytest.raises(TooSoon, match="Wait 10 min"):
        await operator.rotate()


async def test_a_retired_key_that_leaked_leaves_at_once(installation: Installation) -> None:
    async with installation.replica() as here:
        ada, leaked = await here.with_phone(), await installation.one("current")
        installation.clock.forward(AHEAD - timedelta(minutes=1))
        await ada.refresh_session()
        installation.clock.forward(timedelta(minutes=1))
        await installation.operator().rotate()
        await signs(here, await installation.one("current"))
        assert await is_good(ada, here)
        await installation.operator().revoke(leaked)
        await reads_no_more(here, leaked)
        assert not await is_good(ada, here)
        assert leaked not in await published(here)


async def test_pending_tokens_under_a_revoked_key_are_refused_and_signing_in_begins_anew(
    installation: Installation,
) -> None:
    async with installation.replica() as here:
        ada, leaked = await here.with_phone(), await installation.one("current", "internal")
        await ada.login()
        await installation.operator().revoke(leaked)
        await reads_no_more(here, leaked)
        assert (await ada.verify(ada.code("sign_in"))).json()["code"] == "invalid_token"
        assert await is_good(ada, here)  # another role's keys are no business of this one
        installation.clock.forward(timedelta(seconds=31))
        await ada.sign_in()


async def test_revoking_twice_changes_nothing_and_a_stranger_is_refused(installation: Installation) -> None:
    operator = installation.operator()
    await operator.prepare()
    leaked = await installation.one("current")
    await operator.revoke(leaked)
    before = await installation.states()
    await operator.revoke(leaked)
    await asyncio.gather(*(operator.revoke(leaked) for _ in range(5)))
    for stranger in ("", "nobody", leaked[:-1], leaked.lower()):
        with pytest.raises(UnknownKey):
            await operator.revoke(stranger)
    assert await installation.states() == before


async def test_two_operators_who_revoke_in_the_same_moment_leave_one_key_that_signs(installation: Installation) -> None:
    operators = [installation.operator() for _ in range(4)]
    await operators[0].prepare()
    leaked = await installation.one("current")
    await asyncio.gather(*(operator.revoke(leaked) for operator in operators))
    assert sorted((await installation.states()).values()) == ["current", "next", "revoked"]


async def rotate_under(foreign: str, installation: Installation, *, times: int) -> None:
    """An operator whose ring begins with a key that no replica has."""
    for _ in range(times):
        installation.clock.forward(AHEAD)
        await installation.operator(foreign, KEY).rotate()


async def test_a_next_key_that_cannot_be_opened_keeps_nobody_from_following(installation: Installation) -> None:
    async with installation.replica() as here:
        current, following = await published(here)
        await rotate_under(new_secret_key(), installation, times=1)
        await signs(here, following)
        assert await published(here) == [following, current]
        await installation.operator(new_secret_key(), KEY).revoke(current)
        await reads_no_more(here, current)


async def test_a_replica_that_cannot_open_the_key_that_signs_keeps_its_own_and_says_so(
    installation: Installation,
) -> None:
    async with installation.replica() as here:
        ada, foreign = await here.with_phone(), new_secret_key()
        with hearing() as lines:
            await rotate_under(foreign, installation, times=1)
            signing = await installation.one("current")
            await signs(here, signing)
            await rotate_under(foreign, installation, times=1)
            await asyncio.sleep(0.2)
            await ada.refresh_session()
            assert kid_of(ada.access_token) == signing
            assert await is_good(ada, here)
        assert {"vault.cannot_open", "signing keys are not followed: KeysUnreadable"} <= {one["event"] for one in lines}

        await installation.operator(foreign, KEY).revoke(signing)  # still, what leaked is good no more
        await reads_no_more(here, signing)
        assert not await is_good(ada, here)
        assert signing not in await published(here)
    with pytest.raises(KeysUnreadable, match="put the key that sealed them back into GATEHOUSE_SECRET_KEYS"):
        await installation.operator().prepare()
    with pytest.raises(KeysUnreadable):
        await installation.operator().rotate()


async def test_a_replica_that_finds_no_keys_keeps_those_it_has_until_there_are_some(
    installation: Installation,
) -> None:
    async with installation.replica() as here:
        ada, before = await here.with_phone(), await published(here)
        await installation.rows.execute("DELETE FROM signing_keys")
        with hearing() as lines:
            await asyncio.sleep(0.3)
        assert "signing keys are not followed: KeysMissing" in {line["event"] for line in lines}
        assert await published(here) == before
        assert await is_good(ada, here)
        with pytest.raises(KeysMissing, match="`gatehouse serve` makes them"):
            await installation.operator().rotate()
        async with installation.replica() as there:  # whoever starts makes new ones
            await signs(here, (await published(there))[0])
            await elsewhere(ada, there).refresh_session()


CUT = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""


async def test_connections_that_break_are_made_anew_and_followed_over(installation: Installation) -> None:
    async with installation.replica() as here:
        following = await installation.one("next")
        installation.clock.forward(AHEAD)
        await installation.operator().rotate()
        await installation.rows.execute(CUT)
        await signs(here, following)


async def test_a_database_that_is_gone_leaves_the_keys_as_they_are(installation: Installation) -> None:
    gone = Database(postgres.settings_for("postgresql+asyncpg://nobody@127.0.0.1:1/nowhere"))
    operator = installation.operator()
    await operator.prepare()
    known, tokens = await operator.keys(), Tokens(TokenSettings(), clock=installation.clock)
    tokens.keys = known
    cut_off = replace(operator.keys, database=gone)
    with hearing("signing keys") as lines:
        assert not await Following(AHEAD, cut_off, Rotation(cut_off), tokens).succeeds()
    assert tokens.keys is known
    assert lines[-1]["event"] == "signing keys are not followed: DatabaseUnavailable"
    assert await Following(AHEAD, operator.keys, operator, tokens).succeeds()
