"""Delete expired rows in batches that wait for no lock: a locked row is left for the next time.

Law: no live row matches a condition here, and each condition has an index. Times that the database's clock set are
compared with that clock.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Delete,
    Select,
    Table,
    delete,
    exists,
    func,
    literal_column,
    select,
    text,
)

from app.store.database import Tx
from app.store.tables import (
    budgets,
    challenges,
    cooldowns,
    cut_offs,
    devices,
    email_changes,
    email_undos,
    enrollments,
    limits,
    network_limits,
    outbox,
    receipt_nonces,
    registrations,
    resets,
    sends,
    sessions,
    sms_blocks,
    throttles,
)

BATCH = 1000
_LOCK = 0x7072756E65  # "prune": one number that nobody else in this database uses
_TRY = text("SELECT pg_try_advisory_xact_lock(:lock)")
_WAIT = text("SELECT pg_advisory_xact_lock(:lock)")


@dataclass(frozen=True, slots=True)
class Ago:
    """A moment in the past: by our clock (*before*), and as an *age*, for the database's clock."""

    before: datetime
    age: timedelta

    @property
    def by_database(self) -> ColumnElement[datetime]:
        """`statement_timestamp()`, because no index is used for a bound that may change from row to row."""
        return func.statement_timestamp() - self.age


@dataclass(frozen=True, slots=True)
class Over:
    """Which rows of *table* to prune: those that meet *when*."""

    table: Table
    when: Callable[[Ago], ColumnElement[bool]]


def _unused(ago: Ago) -> ColumnElement[bool]:
    """Match devices not seen since, no longer trusted then, and without a session that could go on after that."""
    at_it = exists().where(
        sessions.c.device_id == devices.c.id, sessions.c.ended_at.is_(None), sessions.c.expires_at > ago.before
    )
    untrusted = func.coalesce(devices.c.trusted_until < ago.before, True)
    return (devices.c.seen_at < ago.before) & untrusted & ~at_it


def _clear(_: Ago) -> ColumnElement[bool]:
    """Match budgets without failures. A literal, not a parameter: a generic plan could not use the partial index."""
    return (budgets.c.streak == literal_column("0")) & budgets.c.locked_until.is_(None)


OVER: dict[str, Over] = {
    "challenges": Over(challenges, lambda ago: challenges.c.expires_at < ago.before),
    "unconfirmed factors": Over(
        enrollments, lambda ago: enrollments.c.confirmed_at.is_(None) & (enrollments.c.created_at < ago.before)
    ),
    "registrations": Over(registrations, lambda ago: registrations.c.expires_at < ago.before),
    "password resets": Over(resets, lambda ago: resets.c.expires_at < ago.before),
    "e-mail changes": Over(email_changes, lambda ago: email_changes.c.expires_at < ago.before),
    "e-mail undos": Over(email_undos, lambda ago: email_undos.c.expires_at < ago.before),
    "ended sessions": Over(sessions, lambda ago: sessions.c.ended_at < ago.by_database),
    "expired sessions": Over(
        sessions, lambda ago: sessions.c.ended_at.is_(None) & (sessions.c.expires_at < ago.before)
    ),
    "devices": Over(devices, _unused),
    "cut-offs": Over(cut_offs, lambda ago: cut_offs.c.at < ago.by_database),
    "cool-downs": Over(cooldowns, lambda ago: cooldowns.c.next_at < ago.before),
    "clear budgets": Over(budgets, _clear),
    "throttles": Over(throttles, lambda ago: throttles.c.free_at < ago.before),
    "limits": Over(limits, lambda ago: limits.c.full_at < ago.before),
    "limits of networks": Over(network_limits, lambda ago: network_limits.c.full_at < ago.before),
    "receipt nonces": Over(receipt_nonces, lambda ago: receipt_nonces.c.used_at < ago.before),
    "SMS": Over(sends, lambda ago: sends.c.created_at < ago.before),
    "SMS blocks": Over(sms_blocks, lambda ago: sms_blocks.c.until < ago.before),
    "unsent notices": Over(outbox, lambda ago: outbox.c.created_at < ago.before),
}
"""By the names that an operator reads. Referring tables come before those that they refer to."""


async def begin(tx: Tx, *, wait: bool) -> bool:
    """Take the advisory lock of pruning until the transaction ends; without *wait* False while somebody else has it."""
    if wait:
        await tx.execute(_WAIT, {"lock": _LOCK})
        return True
    return bool((await tx.execute(_TRY, {"lock": _LOCK})).scalar_one())


async def batch(tx: Tx, name: str, ago: Ago) -> int:
    """Delete a batch of expired rows that nobody has locked; return how many: fewer than BATCH when that was all."""
    done: CursorResult[tuple[()]] = await tx.execute(deleting(name, ago))
    return done.rowcount


async def count(tx: Tx, name: str, ago: Ago) -> int:
    found: int = (await tx.execute(counting(name, ago))).scalar_one()
    return found


def deleting(name: str, ago: Ago) -> Delete:
    """Locking rechecks the newest version of a row: one that was renewed meanwhile is skipped."""
    table, keys = OVER[name].table, list(OVER[name].table.primary_key)
    found = select(*keys).where(OVER[name].when(ago)).limit(BATCH)
    mine = found.with_for_update(skip_locked=True, of=table).cte("mine").prefix_with("MATERIALIZED")
    return delete(table).where(*(key == mine.c[key.name] for key in keys))


def counting(name: str, ago: Ago) -> Select[int]:
    return select(func.count()).select_from(OVER[name].table).where(OVER[name].when(ago))
