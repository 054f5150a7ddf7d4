"""Changes of e-mail under attack: a stolen session, guesses, enumeration, a race for an address, what is at rest."""

import asyncio
import secrets
from datetime import timedelta
from hashlib import sha256
from ipaddress import ip_address

import asyncpg
import pytest

from app.visitor import Visitor
from tests.emails import another, ask, code_at, confirm, move, undo, undo_token
from tests.security.test_nothing_secret_at_rest import dump_of, forms
from tests.security.test_password_resets import told
from tests.world import Person, World

RACERS = 10


async def signed_in(world: World) -> Person:
    ada = await world.signed_up()
    await ada.sign_in()
    return ada


@pytest.mark.parametrize("taken", [False, True])
async def test_a073_nothing_is_looked_up_about_the_address_before_the_answer(
    world: World, sweeper: asyncpg.Connection, taken: bool
) -> None:
    """With what could tell of it locked, the answer comes as ever."""
    ada = await signed_in(world)
    new = (await world.signed_up()).email if taken else another(ada)
    visitor = Visitor(ip_address("127.0.0.1"), "")
    buckets = world.app.state.house.change_email.limit.buckets(new, visitor)
    async with sweeper.transaction():
        await sweeper.execute("LOCK TABLE email_undos, registrations, outbox IN ACCESS EXCLUSIVE MODE")
        await sweeper.executemany("INSERT INTO limits VALUES ($1, now())", [(bucket.key,) for bucket in buckets])
        async with asyncio.timeout(2):
            assert (await ask(ada, new)).status_code == 202
    await world.message(new, "notice" if taken else "verify_email")


async def test_a074_a_free_a_taken_a_held_and_ones_own_address_get_the_same_bytes_and_headers(world: World) -> None:
    ada, bob, carol = await signed_in(world), await world.signed_up(), await signed_in(world)
    held = await move(carol)
    seen = {told(await ask(ada, email)) for email in (another(ada), bob.email, held, carol.email, ada.email)}
    assert len(seen) == 1


async def test_a074_a_code_for_a_taken_address_is_refused_as_for_a_free_one(world: World) -> None:
    ada, bob = await signed_in(world), await world.signed_up()
    seen = set()
    for email in (another(ada), bob.email):
        await ask(ada, email)
        await world.message(email, "notice" if email == bob.email else "verify_email")
        seen.add(told(await confirm(ada, "000000")))
    assert len(seen) == 1


async def test_of_two_who_prove_the_same_address_exactly_one_gets_it(world: World) -> None:
    """The other one is refused as for a wrong code, and keeps the address they have."""
    ada, bob = await signed_in(world), await signed_in(world)
    wanted = another(ada)
    await ask(ada, wanted)
    first = await code_at(world, wanted)
    world.clock.forward(timedelta(minutes=1))
    await ask(bob, wanted)
    second = await code_at(world, wanted, beyond=1)

    answers = await asyncio.gather(confirm(ada, first), confirm(bob, second))

    assert sorted(answer.status_code for answer in answers) == [204, 400]
    winner, loser = (ada, bob) if answers[0].status_code == 204 else (bob, ada)
    assert (await winner.call("GET", "/me")).json()["email"] == wanted
    assert (await loser.call("GET", "/me")).json()["email"] == loser.email
    assert (await loser.login()).json()["status"] == "authenticated"


async def test_of_a_change_and_a_registration_of_an_address_one_gets_it(world: World) -> None:
    """A091, A100: each has proved the mailbox; nothing waits for itself, and the other one has nothing."""
    for _ in range(3):
        ada, carol = await signed_in(world), world.person()
        carol.password = "a phrase that only carol knows"
        registration = await carol.register()
        code = await code_at(world, carol.email)
        await ask(ada, carol.email)
        other = await code_at(world, carol.email, beyond=1)
        verify = world.client.post("/verify-email", json={"registration_id": registration, "code": code})
        answers = await asyncio.gather(confirm(ada, other), verify)
        assert sorted(answer.status_code for answer in answers) == [204, 400]
        assert (await carol.login()).is_success == (answers[1].status_code == 204)


async def test_a035_of_parallel_guesses_five_are_judged(world: World) -> None:
    ada = await signed_in(world)
    new = another(ada)
    await ask(ada, new)
    code = await code_at(world, new)
    wrong = [f"{(int(code) + n) % 1_000_000:06}" for n in range(1, 30)]
    answers = await asyncio.gather(*(confirm(ada, guess) for guess in wrong))
    assert {answer.status_code for answer in answers} == {400}
    assert (await confirm(ada, code)).status_code == 400
    async with world.app.state.house.database.read() as tx:
        assert (await tx.exec_driver_sql("SELECT attempts FROM email_changes")).scalar_one() == 5


async def test_a040_of_parallel_uses_of_one_code_one_wins(world: World) -> None:
    ada = await signed_in(world)
    new = another(ada)
    await ask(ada, new)
    code = await code_at(world, new)
    answers = await asyncio.gather(*(confirm(ada, code) for _ in range(RACERS)))
    assert sorted(answer.status_code for answer in answers) == [204] + [400] * (RACERS - 1)


async def test_a088_of_parallel_uses_of_one_link_one_wins(world: World) -> None:
    ada = await signed_in(world)
    token = await undo_token(world, await move(ada))
    answers = await asyncio.gather(*(undo(world, token) for _ in range(RACERS)))
    assert sorted(answer.status_code for answer in answers) == [204] + [400] * (RACERS - 1)


async def test_a088_guesses_at_a_link_are_refused_alike(world: World) -> None:
    ada = await signed_in(world)
    token = await undo_token(world, await move(ada))
    guesses = [secrets.token_urlsafe(32) for _ in range(30)]
    spellings = [f"{token}=", f" {token}", token.swapcase(), "ü", sha256(token.encode()).hexdigest()]
    refused = {told(await undo(world, guess)) for guess in (*guesses, *spellings)}
    assert len(refused) == 1
    assert (await undo(world, token)).status_code == 204


async def test_a_link_opens_nothing_else(world: World) -> None:
    """A019."""
    ada = await signed_in(world)
    token = await undo_token(world, await move(ada))
    for method, path in (("GET", "/session"), ("GET", "/me"), ("PUT", "/me/email"), ("GET", "/verify-otp")):
        assert (await ada.call(method, path, token=token)).json()["code"] == "invalid_token"
    body = {"token": token, "password": "an altogether different phrase"}
    assert (await world.client.post("/password/reset", json=body)).json()["code"] == "invalid_reset_token"


async def test_neither_the_code_nor_the_token_is_at_rest_not_even_while_the_mail_waits(
    world: World, database_url: str
) -> None:
    """Law 6: the outbox names the undo, and the token is made when its mail is written."""
    ada = await signed_in(world)
    new, old = another(ada), ada.email
    await ask(ada, new)
    code = await code_at(world, new)
    before = await dump_of(database_url)
    assert code.encode() not in before.replace(b"-", b"").split()
    assert (await confirm(ada, code)).status_code == 204
    waiting = await dump_of(database_url)
    token = await undo_token(world, old)
    for dump in (waiting, await dump_of(database_url)):
        assert not [encoding for encoding, form in forms(token) if form in dump]
        assert sha256(token.encode()).digest() in dump


async def test_a089_the_link_is_made_of_the_settings_and_never_of_the_request(world: World) -> None:
    ada = await signed_in(world)
    new, old = another(ada), ada.email
    await ask(ada, new)
    poison = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Origin": "https://evil.example"}
    headers = {"Authorization": f"Bearer {ada.access_token}", **poison}
    code = await code_at(world, new)
    done = await world.client.post("http://evil.example:81/me/email/confirm", json={"code": code}, headers=headers)
    assert done.status_code == 204
    await undo_token(world, old)
    text = (await world.message(old, "notice")).text
    assert "evil" not in text
    assert "http://127.0.0.1:8000/undo-email#token=" in text
