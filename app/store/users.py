"""People, by the folded form of their address. `credential_version` rises whenever a password or a factor changes."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from app.store.database import Tx
from app.store.held_addresses import held
from app.store.prepared import Prepared
from app.store.records import columns, read
from app.store.schema import Moment
from app.store.tables import users


class ProofDue(StrEnum):
    """Why the enrolment of a first factor needs a code mailed to the address."""

    ELSEWHERE = "elsewhere"
    """They were imported with a password, and policy demands a factor."""
    FACTORS_RESET = "factors_reset"
    """An operator removed their factors: they cannot sign in without a new one."""


@dataclass(frozen=True, slots=True)
class User:
    id: UUID
    email: str
    password_hash: str
    active: bool
    password_expired: bool
    credential_version: int
    locale: str
    display_name: str | None
    email_proof_due: str | None
    claims: dict[str, Any]
    created_at: datetime
    last_login_at: datetime | None


_COLUMNS = columns(users, User)


async def by_email(tx: Tx, email_folded: str) -> User | None:
    return read(User, (await tx.execute(select(*_COLUMNS).where(users.c.email_folded == email_folded))).one_or_none())


async def by_id(tx: Tx, user_id: UUID) -> User | None:
    return read(User, (await tx.execute(select(*_COLUMNS).where(users.c.id == user_id))).one_or_none())


async def add(
    tx: Tx, user_id: UUID, *, email: str, email_folded: str, password_hash: str, locale: str, at: datetime
) -> bool:
    """Insert a user; False when the address is taken, or held for whoever left it."""
    statement = insert(users).values(
        id=user_id, email=email, email_folded=email_folded, password_hash=password_hash, locale=locale, created_at=at
    )
    added = await tx.execute(statement.on_conflict_do_nothing().returning(users.c.id))
    if added.one_or_none() is None:
        return False
    taken_back = delete(users).where(users.c.id == user_id, held(email_folded, at=at))
    return (await tx.execute(taken_back)).rowcount == 0


async def lock(tx: Tx, user_id: UUID) -> User | None:
    """The user, locked to the end of the transaction: whoever changes their factors or credentials meanwhile waits."""
    statement = select(*_COLUMNS).where(users.c.id == user_id).with_for_update(key_share=True)
    return read(User, (await tx.execute(statement)).one_or_none())


ADMITTING = (
    update(users)
    .where(
        users.c.id == bindparam("of_user"),
        users.c.active,
        ~users.c.password_expired,
        users.c.credential_version == bindparam("of_version"),
    )
    .values(last_login_at=func.greatest(users.c.last_login_at, bindparam("at", type_=Moment)))
)
_ADMIT = Prepared(ADMITTING)


async def admit(tx: Tx, user_id: UUID, *, credential_version: int, at: datetime) -> bool:
    """Admit a user who proved their credentials, if these are unchanged, the password unexpired, and the user active.

    The row stays locked to the end of the transaction, so that no disabling or password change slips in (law 2).
    """
    given = {"of_user": user_id, "of_version": credential_version, "at": at}
    return await _ADMIT.count(tx, given) == 1


async def hold(tx: Tx, user_id: UUID, *, credential_version: int) -> bool:
    """As `admit`, for those who are signed in already: share-lock the row to the end of the transaction (law 2)."""
    statement = select(users.c.id).where(
        users.c.id == user_id, users.c.active, users.c.credential_version == credential_version
    )
    return (await tx.execute(statement.with_for_update(read=True))).one_or_none() is not None


async def renew_credentials(tx: Tx, user_id: UUID, *, credential_version: int) -> int | None:
    """Raise the version by one, so that nothing proved before counts any more; None when it was not *credential_version*."""
    return await _renew(tx, user_id, users.c.active, credential_version=credential_version)


async def change_password(tx: Tx, user_id: UUID, *, credential_version: int, password_hash: str) -> int | None:
    """As `renew_credentials`, with the password; None also while it has expired, when only a reset gives another one."""
    proved = (users.c.active, ~users.c.password_expired)
    return await _renew(tx, user_id, *proved, credential_version=credential_version, password_hash=password_hash)


async def expire_password(tx: Tx, user_id: UUID, *, credential_version: int) -> int | None:
    """Expire the password until it is reset; return the new version, or None if it had expired or the version differs."""
    expires = ~users.c.password_expired
    return await _renew(tx, user_id, expires, credential_version=credential_version, password_expired=True)


async def _renew(
    tx: Tx, user_id: UUID, *conditions: ColumnElement[bool], credential_version: int, **values: object
) -> int | None:
    """Write *values* and the next version, and return that, if *credential_version* and *conditions* still hold."""
    statement = (
        update(users)
        .where(users.c.id == user_id, users.c.credential_version == credential_version, *conditions)
        .values(credential_version=users.c.credential_version + 1, **values)
        .returning(users.c.credential_version)
    )
    version: int | None = (await tx.execute(statement)).scalar_one_or_none()
    return version


async def reset_factors(tx: Tx, user_id: UUID) -> None:
    """Let the user sign in only to enrol a new first factor; what was proved before counts no more."""
    changes = {"credential_version": users.c.credential_version + 1, "email_proof_due": ProofDue.FACTORS_RESET.value}
    await tx.execute(update(users).where(users.c.id == user_id).values(**changes))


async def proved(tx: Tx, user_id: UUID) -> None:
    """Clear `email_proof_due`: a factor was confirmed, so no code need be mailed any more."""
    due = update(users).where(users.c.id == user_id, users.c.email_proof_due.is_not(None))
    await tx.execute(due.values(email_proof_due=None))


async def describe(tx: Tx, user_id: UUID, **changes: str | None) -> None:
    """Give the user another locale or display name; these are no credentials."""
    await tx.execute(update(users).where(users.c.id == user_id).values(**changes))


async def disable(tx: Tx, user_id: UUID) -> None:
    """Disable the user; what was proved before counts no more, even after `enable`."""
    statement = update(users).where(users.c.id == user_id)
    await tx.execute(statement.values(active=False, credential_version=users.c.credential_version + 1))


async def enable(tx: Tx, user_id: UUID) -> None:
    await tx.execute(update(users).where(users.c.id == user_id).values(active=True))


async def remove(tx: Tx, user_id: UUID, *, credential_version: int | None = None) -> bool:
    """Delete the user and all their rows; if *credential_version* is given, only while they are active under it."""
    still = (users.c.active, users.c.credential_version == credential_version) if credential_version else ()
    return (await tx.execute(delete(users).where(users.c.id == user_id, *still))).rowcount == 1


async def rehash(tx: Tx, user_id: UUID, *, old_hash: str, new_hash: str) -> None:
    """Store the same password under better parameters, unless it changed meanwhile."""
    statement = update(users).where(users.c.id == user_id, users.c.password_hash == old_hash)
    await tx.execute(statement.values(password_hash=new_hash))
