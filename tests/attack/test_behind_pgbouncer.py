"""Two workers behind a real PgBouncer in transaction mode: nothing needs a session, and nobody meets a prepared statement."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg
import pytest

from tests.app import AuthenticatorApp
from tests.attack.cluster import postgres, sql
from tests.attack.halves import refuse_halves
from tests.attack.lines import Request, at_once, lines
from tests.attack.measured import measured
from tests.attack.people import expect, newcomer, refreshing, with_phone
from tests.attack.pgbouncer import PGBOUNCER, SHARED, PgBouncer, pgbouncer
from tests.attack.processes import until
from tests.attack.service import Service, serving
from tests.attack.test_how_soon_an_end_is_known import BOUND, lag

pytestmark = [
    pytest.mark.attack,
    pytest.mark.skipif(PGBOUNCER is None, reason="no pgbouncer on this machine: apt-get install pgbouncer"),
]

CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"


@dataclass(frozen=True)
class Bounced:
    """A service, what stands before its database, and that database itself."""

    service: Service
    bouncer: PgBouncer
    sql: asyncpg.Connection


@pytest.fixture(scope="module")
async def bounced() -> AsyncIterator[Bounced]:
    async with (
        postgres() as cluster,
        pgbouncer(cluster) as bouncer,
        serving(workers=2, database=bouncer.url, GATEHOUSE_DATABASE__PGBOUNCER="true") as service,
        sql(cluster.url) as connection,
    ):
        yield Bounced(service, bouncer, connection)
        await refuse_halves(connection)


async def test_the_whole_journey(bounced: Bounced) -> None:
    """The schema was migrated through it, too."""
    ada = await with_phone(bounced.service)
    await ada.sign_in()
    begun = expect(await ada.call("POST", "/me/factors", {"factor": "totp"}, token=ada.access_token), 201).json()
    app = AuthenticatorApp(begun["setup"]["secret"])
    confirmed = {"code": app.code(datetime.now(UTC))}
    expect(await ada.call("POST", f"/me/factors/{begun['id']}/confirm", confirmed, token=ada.access_token), 200)
    expect(await ada.refresh(), 200)
    expect(await ada.call("POST", "/step-up/challenge", {"factor": "sms"}, token=ada.access_token), 200)
    proof = {"factor": "sms", "code": await ada.code("step_up")}
    expect(await ada.call("POST", "/step-up", proof, token=ada.access_token), 200)
    assert len(expect(await ada.call("GET", "/me/factors", token=ada.access_token), 200).json()["items"]) >= 2
    expect(await ada.call("POST", "/logout", {"refresh_token": ada.refresh_token}), 204)
    expect(await ada.refresh(), 401)


async def test_an_end_is_honoured_by_the_other_worker_within_a_second(bounced: Bounced) -> None:
    lags = []
    for _ in range(5):
        ada = await newcomer(bounced.service)
        async with lines(bounced.service, 2) as (here, there):
            assert (await there.ask("GET", "/session", token=ada.access_token)).status == 200
            assert (await here.ask("POST", "/logout", {}, token=ada.access_token)).status == 204
            lags.append(await lag(there, ada.access_token))
    measured(f"behind pgbouncer: a logout was honoured after {max(lags):.3f} s at most")
    assert max(lags) <= BOUND


async def test_two_hundred_requests_at_once_share_a_handful_of_connections(bounced: Bounced) -> None:
    """Reads and writes; and every one-time token is good once all the same."""
    people = [await newcomer(bounced.service) for _ in range(10)]
    ada = await with_phone(bounced.service)
    await ada.ask_code()
    asked = [Request("GET", "/me", token=person.access_token) for person in people for _ in range(10)]
    asked += [refreshing(person.refresh_token) for person in people for _ in range(5)]
    asked += [ada.guess(code) for code in await ada.wrong_codes(50)]

    replies = await at_once(bounced.service, asked)

    assert Counter(reply.told for reply in replies[:150]) == {(200, ""): 150}
    assert Counter(reply.told for reply in replies[150:]) == {
        (401, "invalid_mfa_code"): 5,
        (429, "mfa_attempts_exhausted"): 45,
    }
    successors = [{reply.body["refresh_token"] for reply in replies[n : n + 5]} for n in range(100, 150, 5)]
    assert [len(each) for each in successors] == [1] * 10
    assert await bounced.sql.fetchval(CONNECTIONS) <= SHARED


async def test_it_survives_a_restart_of_pgbouncer(bounced: Bounced) -> None:
    ada = await newcomer(bounced.service)
    bounced.bouncer.stop()
    refused = expect(await ada.refresh(), 503)
    assert (refused.json()["code"], int(refused.headers["retry-after"]) >= 1) == ("database_unavailable", True)
    await bounced.bouncer.start()

    async def works() -> bool:
        return (await ada.refresh()).status_code == 200

    seconds = await until(works, "it works again", within=5)
    await asyncio.sleep(1)
    expect(await ada.session(), 200)
    measured(f"pgbouncer restarted: {seconds:.2f} s until it works again")


def test_nothing_was_ever_refused_for_a_prepared_statement(bounced: Bounced) -> None:
    """After all of the above."""
    told = bounced.service.log.read_text() + (bounced.bouncer.folder / "log").read_text()
    assert "prepared statement" not in told
    assert '"status": 500' not in told.replace('"status":500', '"status": 500')
    assert "unsupported startup parameter" not in told
