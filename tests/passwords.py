"""People who change their password; and hashes that another system left, put where an import puts them."""

from typing import Any

import bcrypt
import httpx
from passlib.context import CryptContext
from sqlalchemy import select, update

from app.store.tables import users
from tests.resets import NEW
from tests.world import Person


async def change(
    person: Person, new: str = NEW, *, current: str | None = None, token: str | None = None
) -> httpx.Response:
    body = {"current_password": person.password if current is None else current, "new_password": new}
    answer = await person.call("PUT", "/me/password", body, token=token)
    if answer.status_code == 204:
        person.password = new
    return answer


async def stored_hash(person: Person) -> str:
    async with person.world.app.state.house.database.read() as tx:
        return str((await tx.execute(select(users.c.password_hash).where(users.c.email == person.email))).scalar_one())


async def import_hash(person: Person, hashed: str) -> None:
    async with person.world.app.state.house.database.begin() as tx:
        await tx.execute(update(users).where(users.c.email == person.email).values(password_hash=hashed))


def by_bcrypt(password: str, *, rounds: int = 4) -> str:
    """As systems before bcrypt 5 did: what is beyond the 72nd byte was ignored without a word."""
    return bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(rounds)).decode()


def by_passlib(password: str, scheme: str, **costs: Any) -> str:
    return CryptContext([scheme], **{f"{scheme}__{name}": value for name, value in costs.items()}).hash(password)
