"""People who change their e-mail address: they ask for it, read the new mailbox, and perhaps undo it from the old one."""

import asyncio

import httpx

from tests.world import Person, World


def another(person: Person) -> str:
    """An address that nobody has."""
    return person.world.person().email


async def ask(person: Person, email: str) -> httpx.Response:
    return await person.call("PUT", "/me/email", {"email": email})


async def code_at(world: World, email: str, *, beyond: int = 0) -> str:
    """The newest code in that mailbox."""
    code = (await world.message(email, "verify_email", beyond=beyond)).code
    assert code
    return code


async def confirm(person: Person, code: str) -> httpx.Response:
    return await person.call("POST", "/me/email/confirm", {"code": code})


async def move(person: Person, email: str = "") -> str:
    """Change it all the way, and say which address was left."""
    email, old = email or another(person), person.email
    asked = await ask(person, email)
    assert asked.status_code == 202, asked.text
    done = await confirm(person, await code_at(person.world, email))
    assert done.status_code == 204, done.text
    person.email = email
    return old


async def undo_token(world: World, old: str, *, beyond: int = 0) -> str:
    """What the link in the newest mail to the address that was left carries, once there are more than *beyond*."""
    for _ in range(300):
        tokens = [entry.code for entry in world.inbox(old) if entry.purpose == "notice" and entry.code]
        if len(tokens) > beyond:
            return tokens[0]
        await asyncio.sleep(0.01)
    raise AssertionError("no link came that undoes the change")


async def undo(world: World, token: str) -> httpx.Response:
    return await world.client.post("/email/undo", json={"token": token})
