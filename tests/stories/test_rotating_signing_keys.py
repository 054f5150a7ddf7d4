"""Signing keys rotate while two replicas serve: nobody notices, and what signed before goes when nothing of it can live."""

import asyncio
from datetime import timedelta

import pytest

from app.crypto.algorithms import ALGORITHMS
from app.flows.rotation import TooSoon
from tests.ring import elsewhere, hearing
from tests.rotation import Installation, is_good, kid_of, published, reads_no_more, signs, until

AHEAD = timedelta(minutes=10)
LAST_TOKEN = timedelta(minutes=10)
CACHES = timedelta(seconds=300)


async def test_at_the_first_start_there_is_a_key_that_signs_and_a_next_one(installation: Installation) -> None:
    async with installation.replica() as here:
        assert sorted((await installation.states("access")).values()) == ["current", "next"]
        assert sorted((await installation.states("internal")).values()) == ["current", "next"]
        assert await published(here) == [await installation.one("current"), await installation.one("next")]


async def test_replicas_that_start_at_once_agree_on_their_keys(installation: Installation) -> None:
    await asyncio.gather(*(installation.operator().prepare() for _ in range(5)))
    assert sorted((await installation.states("access")).values()) == ["current", "next"]
    async with installation.replica() as here, installation.replica() as there:
        assert await published(here) == await published(there)


async def test_keys_from_before_there_was_a_next_one_stay_and_get_one(installation: Installation) -> None:
    await installation.operator().prepare()
    current = await installation.one("current")
    await installation.rows.execute("DELETE FROM signing_keys WHERE activated_at IS NULL")
    async with installation.replica() as here:
        assert await published(here) == [current, await installation.one("next")]


async def test_a_key_that_signs_no_more_without_a_successor_gets_the_next_one(installation: Installation) -> None:
    await installation.operator().prepare()
    following = await installation.one("next")
    await installation.rows.execute("DELETE FROM signing_keys WHERE activated_at IS NOT NULL")
    async with installation.replica() as here:
        assert await installation.one("current") == following
        assert len(await published(here)) == 2


async def test_a_rotation_is_followed_by_every_replica_and_no_token_is_refused(installation: Installation) -> None:
    async with installation.replica() as here, installation.replica() as there:
        ada = await here.with_phone()
        before, (current, following) = ada.access_token, await published(here)
        await ada.login()  # a pending token, under the internal key of before
        installation.clock.forward(AHEAD)
        await ada.refresh_session()
        before = ada.access_token

        with hearing("signing_key.") as lines:
            await installation.operator().rotate()

        await signs(here, following)
        await signs(there, following)
        for world in (here, there):
            assert await published(world) == [following, await installation.one("next"), current]
            assert await is_good(ada, world, before)
        assert (await installation.states())[current] == "retired"
        await elsewhere(ada, there).refresh_session()
        assert await is_good(ada, there, before)
    told = [(line["event"], line["role"], line["kid"]) for line in lines]
    assert ("signing_key.retired", "access", current[:8]) in told
    assert ("signing_key.activated", "access", following[:8]) in told
    assert sorted(event for event, role, _ in told if role == "internal") == [
        *("signing_key.activated", "signing_key.made", "signing_key.retired")
    ]


async def test_a_sign_in_begun_before_a_rotation_is_finished_after_it(installation: Installation) -> None:
    async with installation.replica() as here, installation.replica() as there:
        ada = await here.with_phone()
        installation.clock.forward(AHEAD)
        await ada.login()
        begun = kid_of(ada.mfa_token)
        assert begun == await installation.one("current", "internal")
        following = await installation.one("next", "internal")
        await installation.operator().rotate()
        await until(lambda: there.app.state.house.tokens.keys.internal.kid == following)
        done = await elsewhere(ada, there).verify(ada.code("sign_in"))
        assert done.status_code == 200
        assert kid_of(done.json()["access_token"]) == await installation.one("current")
        assert begun not in [*await published(here), *await published(there)]


async def test_rotating_again_waits_until_the_next_key_is_known(installation: Installation) -> None:
    operator = installation.operator()
    await operator.prepare()
    with pytest.raises(TooSoon, match=r"Wait 10 min\."):
        await operator.rotate()
    installation.clock.forward(AHEAD - timedelta(seconds=1))
    before = await installation.states()
    with pytest.raises(TooSoon, match=r"Wait 1 s\."):
        await operator.rotate()
    assert await installation.states() == before
    installation.clock.forward(timedelta(seconds=1))
    await operator.rotate()
    with pytest.raises(TooSoon):
        await operator.rotate()


async def test_a_retired_key_is_published_until_its_last_tokens_end_and_then_deleted(
    installation: Installation,
) -> None:
    async with installation.replica() as here:
        current, internal = await installation.one("current"), await installation.one("current", "internal")
        installation.clock.forward(AHEAD)
        ada = await here.signed_up()
        await ada.sign_in()
        await installation.operator().rotate()
        installation.clock.forward(LAST_TOKEN + CACHES - timedelta(seconds=1))
        await asyncio.sleep(0.2)
        assert current in await published(here)
        assert await installation.has_private_half(current)

        installation.clock.forward(timedelta(seconds=1))
        await reads_no_more(here, current)
        await reads_no_more(here, internal)
        assert current not in await published(here)
        for kid in (current, internal):
            await until_deleted(installation, kid)
        assert (await installation.states())[current] == "retired"


async def until_deleted(installation: Installation, kid: str) -> None:
    for _ in range(100):
        if not await installation.has_private_half(kid):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the private half is still there")


async def test_keys_rotate_by_themselves_and_only_once_among_many_replicas(installation: Installation) -> None:
    async with installation.replica() as here, installation.replica() as there, installation.replica():
        first, second = await published(here)
        installation.clock.forward(timedelta(days=90) - timedelta(seconds=1))
        await asyncio.sleep(0.2)
        assert (await published(here))[0] == first
        installation.clock.forward(timedelta(seconds=1))
        await signs(here, second)
        await signs(there, second)
        await asyncio.sleep(0.3)
        assert sorted((await installation.states()).values()) == ["current", "next", "retired"]
        assert sorted((await installation.states("internal")).values()) == ["current", "next", "retired"]


async def test_of_replicas_that_notice_in_the_same_moment_one_rotates(installation: Installation) -> None:
    operators = [installation.operator() for _ in range(5)]
    await operators[0].prepare()
    installation.clock.forward(timedelta(days=90))
    stored = await operators[0].keys.stored()
    await asyncio.gather(*(operator.tend(stored) for operator in operators))
    assert sorted((await installation.states()).values()) == ["current", "next", "retired"]


async def test_rotation_by_itself_can_be_switched_off(installation: Installation) -> None:
    async with installation.replica(rotate_every="never") as here:
        before = await published(here)
        installation.clock.forward(timedelta(days=4000))
        await asyncio.sleep(0.2)
        assert await published(here) == before
        await installation.operator().rotate()
        await signs(here, before[1])


async def test_another_algorithm_is_the_next_keys_and_a_rotation_brings_it_into_use(installation: Installation) -> None:
    async with installation.replica() as here:
        ada, given_up = await here.with_phone(), await installation.one("next")
    settings = {"algorithm": "EdDSA"}
    async with installation.replica(**settings) as here, installation.replica(**settings) as there:
        keys = (await here.client.get("/.well-known/jwks.json")).json()["keys"]
        assert [key["alg"] for key in keys] == ["ES256", "EdDSA"]
        assert not await installation.has_private_half(given_up)
        with pytest.raises(TooSoon):  # whoever caches the key set has not seen this one
            await installation.operator(**settings).rotate()
        installation.clock.forward(AHEAD)
        ada = elsewhere(ada, here)
        await ada.refresh_session()
        await installation.operator(**settings).rotate()
        await signs(here, keys[1]["kid"])
        await signs(there, keys[1]["kid"])
        assert await is_good(ada, there)  # under the old algorithm
        await ada.sign_in()
        assert kid_of(ada.access_token) == keys[1]["kid"]
        assert await is_good(ada, there)


async def test_keys_of_every_algorithm_stand_side_by_side(installation: Installation) -> None:
    for alg in ALGORITHMS:
        await installation.operator(algorithm=alg).prepare()
        installation.clock.forward(AHEAD)
        await installation.operator(algorithm=alg).rotate()
    keys = await installation.operator(algorithm="PS256").keys()
    assert [key.alg for key in keys.published] == ["PS256", "PS256", "EdDSA", "ES256"]
    assert {key.alg for key in keys.other_internal} == {"PS256", "EdDSA", "ES256"}


async def test_the_same_algorithm_again_leaves_the_next_key_alone(installation: Installation) -> None:
    await installation.operator(algorithm="EdDSA").prepare()
    before = await installation.states()
    await installation.operator(algorithm="EdDSA").prepare()
    assert await installation.states() == before
