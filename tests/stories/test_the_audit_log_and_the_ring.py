"""Turning the ring of secret keys: the log's keys go under the newest one, no row changes, and everything still verifies."""

from pydantic import SecretStr

from app.crypto.keys import KeyRing, new_secret_key
from app.crypto.vault import Vault
from app.flows.reseal_audit import ResealAudit, Turned
from tests.audit import Log
from tests.world import KEY


def vault(*keys: str) -> Vault:
    return Vault(KeyRing([SecretStr(key) for key in keys]))


async def test_the_logs_keys_are_turned_and_open_the_same(log: Log) -> None:
    new, ada = new_secret_key(), await log.world.signed_up()
    await ada.login()
    row, keys = await log.named("sign_in.completed"), await log.rows.fetchval("SELECT count(*) FROM audit_keys")
    told = await log.personal(row)
    turning = ResealAudit(log.database, vault(new, KEY), batch=1)
    assert await turning() == Turned(resealed=keys)
    assert await turning() == Turned()
    stored = await log.rows.fetch("SELECT key FROM audit_keys")
    assert {one["key"][:5] for one in stored} == {vault(new).head}
    back = ResealAudit(log.database, vault(KEY, new), batch=500)
    assert await back() == Turned(resealed=keys)
    assert await log.personal(row) == told
    await log.seal()
    assert await log.found() == []


async def test_a_key_that_cannot_be_opened_is_named_and_left_alone(log: Log) -> None:
    await log.world.signed_up()
    before = await log.rows.fetch("SELECT id, key FROM audit_keys ORDER BY id")
    turned = await ResealAudit(log.database, vault(new_secret_key()), batch=500)()
    assert turned == Turned(cannot_open=frozenset(str(row["id"]) for row in before))
    assert await log.rows.fetch("SELECT id, key FROM audit_keys ORDER BY id") == before
