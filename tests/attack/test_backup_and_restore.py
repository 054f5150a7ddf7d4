"""The drill of docs/backup.md: dump, go on, lose the database, restore; what ended after the backup is not alive again."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.store.binaries import find_programs
from tests.attack.cluster import postgres, socket_folder, sql
from tests.attack.halves import refuse_halves
from tests.attack.lines import lines
from tests.attack.people import Person, expect, newcomer, with_phone
from tests.attack.service import ROOT, Service, serving

pytestmark = pytest.mark.attack


async def program(name: str, *arguments: str | Path, where: Path) -> None:
    """One of PostgreSQL's own."""
    command = [str(find_programs() / name), "-h", str(where), "-p", "5432", "-U", "postgres", *map(str, arguments)]
    done = await asyncio.to_thread(subprocess.run, command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


async def operate(service: Service, *verb: str) -> str:
    """`gatehouse …`, with the variables of *service*."""
    command = [sys.executable, "-m", "app.cli", *verb]
    done = await asyncio.to_thread(
        subprocess.run, command, check=False, cwd=ROOT, env=service._environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with postgres() as cluster, serving(workers=2, database=cluster.url) as running:
        yield running


def remembered(person: Person) -> Person:
    """What they hold now, for whoever copied it."""
    return Person(person.service, person.email, person.phone, "", "", "", person.access_token, person.refresh_token)


async def restore(service: Service, backup: Path) -> None:
    """Into an empty database, with nobody serving."""
    assert service.database
    where = socket_folder(service.database)
    await service.stop()
    await program("dropdb", "--force", "gatehouse", where=where)
    await program("createdb", "gatehouse", where=where)
    await program("pg_restore", "--exit-on-error", "-d", "gatehouse", backup, where=where)
    await service.start()


async def test_what_ended_after_the_backup_is_dead_after_the_documented_procedure(service: Service) -> None:
    assert service.database
    backup = service.folder / "gatehouse.dump"
    ada, bob = await with_phone(service), await newcomer(service)
    copied = remembered(ada)
    await program("pg_dump", "-Fc", "-f", backup, "gatehouse", where=socket_folder(service.database))

    expect(await ada.call("POST", "/logout", {"refresh_token": ada.refresh_token}), 204)
    bobs_first = bob.refresh_token
    for _ in range(2):
        expect(await bob.refresh(), 200)
    later = await newcomer_of(bob)
    await restore(service, backup)

    expect(await copied.refresh(), 200)  # why the procedure is needed: it was logged out, and lives again
    said = await operate(service, "users", "end-all-sessions", "--yes", "--reason", "restored a backup")
    assert said.startswith("2 users are signed out; sessions ended: ")
    await asyncio.sleep(1)  # every replica knows within a second

    for token in (copied.refresh_token, bobs_first, bob.refresh_token, later.refresh_token):
        expect(await bob.call("POST", "/token/refresh", {"refresh_token": token}), 401)
    async with lines(service, 2) as workers:
        for line in workers:
            for person in (copied, ada, bob, later):
                assert (await line.ask("GET", "/session", token=person.access_token)).status == 401
    await ada.sign_in()  # with the phone, whose number is still sealed under the same key
    await bob.sign_in()
    for person in (ada, bob):
        assert (await person.session()).status_code == httpx.codes.OK
    async with sql(service.database) as connection:
        await refuse_halves(connection)


async def test_only_the_documented_migration_takes_temporary_tables_away_again(service: Service) -> None:
    """A dump has the rights on tables, and none on the database itself."""
    assert service.database
    where, backup = socket_folder(service.database), service.folder / "gatehouse.dump"
    migrate = ("migrate", "--app-role", "drilled")

    async def may(right: str) -> bool:
        async with sql(service.database or "") as connection:
            return bool(await connection.fetchval(f"SELECT {right}"))

    temporary = "has_database_privilege('drilled', 'gatehouse', 'TEMPORARY')"
    async with sql(service.database) as connection:
        await connection.execute("CREATE ROLE drilled")
    await operate(service, *migrate)
    assert not await may(temporary)
    await program("pg_dump", "-Fc", "-f", backup, "gatehouse", where=where)
    await restore(service, backup)

    assert await may("has_table_privilege('drilled', 'audit_events', 'SELECT')")
    assert not await may("has_table_privilege('drilled', 'audit_events', 'UPDATE')")
    assert await may(temporary)  # why the procedure is needed
    await operate(service, *migrate)
    assert not await may(temporary)


async def newcomer_of(person: Person) -> Person:
    """The same person in a session of their own, which no backup has."""
    other = Person(person.service, person.email, person.phone)
    await other.sign_in()
    return other


async def test_to_sign_everybody_out_is_asked_for_first(service: Service) -> None:
    ada = await newcomer(service)
    refused = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "app.cli", "users", "end-all-sessions"],
        check=False,
        cwd=ROOT,
        env=service._environment(),
        input="no\n",
        capture_output=True,
        text=True,
    )
    assert (refused.returncode, "Nothing was changed." in refused.stderr) == (2, True)
    expect(await ada.refresh(), 200)
    assert (
        await operate(service, "users", "end-all-sessions", "--yes", "--json") == '{"users": 1, "sessions_ended": 1}\n'
    )
    expect(await ada.refresh(), 401)
