"""People who forgot their password: they ask for a link, read their mailbox and choose another one."""

import httpx
from sqlalchemy import update

from app.store.tables import users
from tests.world import Person

NEW = "an altogether different phrase"


async def forgot(person: Person) -> str:
    """Ask for a link and read its token from the mailbox."""
    before = sum(entry.purpose == "reset" for entry in person.world.inbox(person.email))
    answer = await person.call("POST", "/password/forgot", {"email": person.email}, token="")
    assert answer.status_code == 202, answer.text
    token = (await person.world.message(person.email, "reset", beyond=before)).code
    assert token
    return token


async def reset(person: Person, token: str, password: str = NEW) -> httpx.Response:
    answer = await person.call("POST", "/password/reset", {"token": token, "password": password}, token="")
    if answer.status_code == 204:
        person.password = password
    return answer


async def disable(person: Person) -> None:
    async with person.world.app.state.house.database.begin() as tx:
        await tx.execute(update(users).where(users.c.email == person.email).values(active=False))
