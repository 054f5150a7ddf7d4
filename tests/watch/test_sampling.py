"""What is a state is looked at: pools, queues, the outbox, the signing key."""

from datetime import timedelta
from uuid import uuid4

import pytest
from pydantic import SecretStr

from app.crypto.keys import KeyRing
from app.crypto.signing import SigningKey
from app.crypto.vault import Vault
from app.problems import DatabaseUnavailable
from app.senders.queue import MailQueue
from app.store import outbox, signing_keys
from app.store.database import Database
from app.store.outbox import Notice
from app.store.signing_keys import Role, StoredKey
from app.watch.audit_keys import AuditKeys
from app.watch.sampling import Sampling
from app.watch.standing import Standing
from tests.measures import sample
from tests.postgres import settings_for
from tests.standins.clock import ManualClock
from tests.world import KEY

VAULT = Vault(KeyRing([SecretStr(KEY)]))


class Mute:
    """A sender that is never asked."""

    async def close(self) -> None: ...


def sampling(database: Database, **more: object) -> Sampling:
    clock = ManualClock()
    standing = Standing("https://id.example", database, AuditKeys(database, vault=VAULT, clock=clock))
    given = {"rotate_every": timedelta(days=90), "ring": 2, "standing": standing, **more}
    return Sampling(database=database, clock=clock, mails=MailQueue(Mute(), size=1), **given)  # type: ignore[arg-type]


async def test_the_outbox_and_the_signing_key_are_read_from_the_database(database: Database) -> None:
    clock = ManualClock()
    day = timedelta(days=1)
    key = SigningKey.new()
    async with database.begin() as tx:
        for age in (1, 3):
            notice = Notice(uuid4(), "ada@example.test", "factor_locked", "en", {})
            await outbox.add(tx, notice, at=clock.now() - timedelta(seconds=age))
        stored = StoredKey(key.kid, Role.ACCESS, key.alg, b"sealed", clock.now() - 9 * day, clock.now() - 8 * day)
        await signing_keys.add(tx, stored)
        await signing_keys.add(tx, StoredKey("next", Role.ACCESS, key.alg, b"sealed", clock.now()))

    await sampling(database).look_into_database()

    assert (sample("gatehouse_outbox_notices"), sample("gatehouse_outbox_oldest_seconds")) == (2, 3)
    since = (clock.now() - 8 * day).timestamp()
    assert sample("gatehouse_signing_key_activated_timestamp_seconds") == since
    assert sample("gatehouse_signing_key_rotation_timestamp_seconds") == since + 90 * 86_400

    async with database.begin() as tx:
        await outbox.claim(tx, lease=day, most=9, at=clock.now())
    await sampling(database, rotate_every="never").look_into_database()
    assert sample("gatehouse_signing_key_rotation_timestamp_seconds") == float("inf")
    assert sample("gatehouse_outbox_notices") == 2  # claimed is not sent


async def test_an_empty_outbox_has_no_age(database: Database) -> None:
    await sampling(database).look_into_database()
    assert (sample("gatehouse_outbox_notices"), sample("gatehouse_outbox_oldest_seconds")) == (0, 0)


async def test_connections_in_use_and_the_ring_are_looked_at(database: Database) -> None:
    async with database.begin():
        sampling(database).look()
        assert sample("gatehouse_database_connections_in_use") == 1
    sampling(database).look()
    assert sample("gatehouse_database_connections_in_use") == 0
    assert sample("gatehouse_database_connections_limit") == 11
    assert sample("gatehouse_secret_keys") == 2


async def test_failures_are_counted_once_and_the_rest_stays_as_it_was() -> None:
    gone = Database(settings_for("postgresql+asyncpg://nobody@127.0.0.1:1/nothing"))
    watching = sampling(gone)
    with pytest.raises(DatabaseUnavailable):
        await gone.ping()
    name = next(iter(gone.failures))
    before, seen = sample("gatehouse_database_failures_total", error=name), sample("gatehouse_outbox_notices")
    watching.look()
    watching.look()
    assert sample("gatehouse_database_failures_total", error=name) == before + 1
    await watching.look_into_database()
    assert sample("gatehouse_outbox_notices") == seen
    await gone.close()
