"""Reset links under attack: guessed, used twice, raced, poisoned; and what asking for one tells a stranger (A088, A089, A074)."""

import asyncio
import secrets
from base64 import urlsafe_b64decode
from datetime import timedelta
from hashlib import sha256

import asyncpg
import httpx
import pytest

from tests.resets import NEW, disable, forgot, reset
from tests.security.test_nothing_secret_at_rest import dump_of, forms
from tests.world import World

RACERS = 10


async def test_a088_of_parallel_uses_of_one_token_one_wins(world: World) -> None:
    ada = await world.signed_up()
    token = await forgot(ada)
    phrases = [f"{NEW} number {n}" for n in range(RACERS)]
    answers = await asyncio.gather(*(reset(ada, token, phrase) for phrase in phrases))
    statuses = [answer.status_code for answer in answers]
    assert sorted(statuses) == [204] + [400] * (RACERS - 1)
    ada.password = phrases[statuses.index(204)]
    assert (await ada.login()).status_code == 200


async def test_a088_of_parallel_uses_of_a_users_tokens_one_wins_and_nothing_waits_for_itself(world: World) -> None:
    ada = await world.signed_up()
    tokens = []
    for _ in range(4):
        tokens.append(await forgot(ada))
        world.clock.forward(timedelta(minutes=13))
    answers = await asyncio.gather(*(reset(ada, token) for token in tokens * 2))
    assert sorted(answer.status_code for answer in answers) == [204] + [400] * 7


async def test_a088_a_guess_a_second_spelling_and_a_used_token_are_refused_alike(world: World) -> None:
    ada = await world.signed_up()
    token = await forgot(ada)
    guesses = [secrets.token_urlsafe(32) for _ in range(50)]
    spellings = [f"{token}=", f" {token}", token.swapcase(), token[:-1], "\u00fc", sha256(token.encode()).hexdigest()]
    refused = [await reset(ada, wrong) for wrong in (*guesses, *spellings)]
    assert (await reset(ada, token)).status_code == 204
    refused.append(await reset(ada, token))
    assert {(answer.status_code, answer.content) for answer in refused} == {(400, refused[0].content)}
    assert refused[0].json()["code"] == "invalid_reset_token"


async def test_a088_a_token_changes_nobody_elses_password(world: World) -> None:
    ada, bob = await world.signed_up(), await world.signed_up()
    await bob.sign_in()
    kept = await forgot(bob)
    assert (await reset(ada, await forgot(ada))).status_code == 204
    assert (await bob.login()).status_code == 200
    await bob.refresh_session()
    assert (await reset(bob, kept)).status_code == 204


async def test_a_reset_token_opens_nothing_else(world: World) -> None:
    """A019."""
    ada = await world.with_app()
    token = await forgot(ada)
    for method, path in (("GET", "/session"), ("GET", "/me/factors"), ("GET", "/verify-otp")):
        assert (await ada.call(method, path, token=token)).json()["code"] == "invalid_token"
    assert (await ada.refresh(token)).json()["code"] == "invalid_refresh_token"
    for other in (ada.access_token[:256], ada.refresh_token):
        assert (await reset(ada, other)).json()["code"] == "invalid_reset_token"


async def test_only_a_digest_of_the_token_is_at_rest(world: World, database_url: str) -> None:
    """Law 6."""
    ada = await world.with_app()
    token = await forgot(ada)
    dump = await dump_of(database_url)
    assert not [encoding for encoding, form in forms(token) if form in dump]
    assert urlsafe_b64decode(f"{token}=") not in dump
    assert sha256(token.encode()).digest() in dump


async def test_a089_the_link_is_made_of_the_settings_and_never_of_the_request(world: World) -> None:
    ada = await world.signed_up()
    poison = {
        "Host": "evil.example",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "X-Host": "evil.example",
        "X-Original-URL": "https://evil.example/",
        "Forwarded": "host=evil.example;proto=https",
        "Origin": "https://evil.example",
        "Referer": "https://evil.example/",
    }
    answer = await world.client.post(
        "http://evil.example:81/password/forgot", json={"email": ada.email}, headers=poison
    )
    assert answer.status_code == 202
    text = (await world.message(ada.email, "reset")).text
    assert "evil" not in text
    assert "http://127.0.0.1:8000/reset#token=" in text


async def test_a074_every_address_gets_the_same_bytes_and_headers(world: World) -> None:
    """Known, with a factor, unknown, unverified, disabled, and beyond the limit."""
    ada, bob, disabled = await world.signed_up(), await world.with_app(), await world.signed_up()
    unverified, unknown = world.person(), world.person()
    await unverified.register()
    await disable(disabled)
    seen = set()
    for person in (ada, bob, disabled, unverified, unknown, ada):
        seen.add(told(await person.call("POST", "/password/forgot", {"email": person.email}, token="")))
    assert len(seen) == 1
    assert not {"retry-after", "set-cookie"} & {name for name, _ in seen.pop()[1]}


def told(answer: httpx.Response) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
    """All of an answer but its number."""
    headers = tuple(sorted((name, value) for name, value in answer.headers.items() if name != "x-request-id"))
    return answer.status_code, headers, answer.content


@pytest.mark.parametrize("known", [True, False])
async def test_a073_nothing_is_looked_up_before_the_answer(
    world: World, sweeper: asyncpg.Connection, known: bool
) -> None:
    """With every table it could look at locked, the answer comes as ever."""
    ada = await world.signed_up() if known else world.person()
    async with sweeper.transaction():
        await sweeper.execute("LOCK TABLE users, limits, resets, registrations IN ACCESS EXCLUSIVE MODE")
        async with asyncio.timeout(2):
            answer = await ada.call("POST", "/password/forgot", {"email": ada.email}, token="")
    assert answer.status_code == 202
    if known:
        await world.message(ada.email, "reset")
