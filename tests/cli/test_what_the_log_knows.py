"""An operator's verbs and the audit log: each is told of, or says that it is not, and none works where it cannot be opened."""

import asyncio
import json
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from app.cli.ending import INTERRUPTED, UNRECORDED
from app.crypto.keys import new_secret_key
from tests import postgres
from tests.cli.service import GATEHOUSE
from tests.verbs import aside

pytestmark = pytest.mark.usefixtures("beside_the_service")

ADA = "ada@example.test"
SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
UNREADABLE = (
    "The key of the audit log was sealed under another key: put the key that sealed it back into GATEHOUSE_SECRET_KEYS."
)
CROWD = """INSERT INTO users (id, email, email_folded, password_hash, locale, created_at)
    SELECT lpad(to_hex(n), 32, '0')::uuid, 'p' || n, 'p' || n, '', 'en', now() FROM generate_series(1, 501) AS n"""
SWALLOW = """CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
    CREATE TRIGGER s BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION swallow()"""

users = partial(aside, "users")


@pytest.fixture
async def ada(tmp_path: Path, sweeper: asyncpg.Connection, database_url: str) -> Path:  # noqa: ARG001  swept before
    """Somebody with an app, in a file and in the database; so the log has its key."""
    file = tmp_path / "ada.jsonl"
    file.write_text(json.dumps({"email": ADA, "email_verified": True, "totp": {"secret": SEED}}))
    assert (await users("import", str(file))).exit_code == 0
    return file


@pytest.fixture
async def swallowed(sweeper: asyncpg.Connection) -> AsyncIterator[None]:
    await sweeper.execute(SWALLOW)
    yield
    await sweeper.execute("DROP FUNCTION swallow CASCADE")


@pytest.fixture
async def other(worker_database: str) -> AsyncIterator[asyncpg.Connection]:
    """Somebody who is in the way."""
    async with postgres.connections(worker_database, 1) as [connection]:
        yield connection


@contextmanager
def running(*verb: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([*GATEHOUSE, *verb], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


async def facts(rows: asyncpg.Connection, event: str) -> list[dict[str, str]]:
    found = await rows.fetch("SELECT facts FROM audit_events WHERE event = $1", event)
    return [json.loads(row["facts"]) for row in found]


async def test_an_export_is_in_the_audit_log_before_the_first_line_though_it_is_killed(
    ada: Path,  # noqa: ARG001
    sweeper: asyncpg.Connection,
    other: asyncpg.Connection,
) -> None:
    held = other.transaction()
    await held.start()
    await other.execute("LOCK TABLE users")
    with running("users", "export", "--with-hashes", "--reason", "moving") as process:
        await postgres.somebody_waits(sweeper, about="users")
        process.kill()
        assert process.communicate()[0] == ""
    await held.rollback()
    (told,) = await facts(sweeper, "users.exported")
    assert (told["with_hashes"], told["reason"]) == ("True", "moving")


async def test_an_export_that_the_audit_log_does_not_take_is_refused(ada: Path, swallowed: None) -> None:  # noqa: ARG001
    refused = await users("export", "--with-hashes")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert (
        "The audit log cannot be written, so nothing was done: see `gatehouse doctor`." in refused.stderr.splitlines()
    )


async def test_an_export_without_factors_that_cannot_be_opened_says_so(ada: Path, sweeper: asyncpg.Connection) -> None:  # noqa: ARG001
    await sweeper.execute("UPDATE enrollments SET state = '\\x00'")
    done = await users("export")
    assert (done.exit_code, json.loads(done.stdout)["email"]) == (1, ADA)
    assert done.stderr.splitlines()[-1].startswith("1 factors cannot be opened and were left out: put the key")


async def test_what_the_audit_log_does_not_take_is_done_and_said_with_a_code_of_its_own(
    ada: Path,  # noqa: ARG001
    sweeper: asyncpg.Connection,
    swallowed: None,  # noqa: ARG001
) -> None:
    done = await users("disable", ADA, "--reason", "left")
    assert (done.exit_code, done.stdout.endswith(" is disabled.\n")) == (UNRECORDED, True)
    assert done.stderr.endswith("Done, but the audit log has no record of it.\n")
    assert await sweeper.fetchval("SELECT active FROM users") is False
    assert (await users("list")).exit_code == 0


@pytest.mark.parametrize(
    "verb",
    [
        ("users", "list"),
        ("users", "export"),
        ("users", "disable", ADA),
        ("sms", "block", "JM"),
        ("keys", "list"),
        ("prune",),
        ("audit", "verify"),
        ("audit", "tail"),
    ],
    ids=" ".join,
)
async def test_under_a_ring_that_is_not_the_services_nothing_is_begun(
    ada: Path,  # noqa: ARG001
    verb: tuple[str, ...],
) -> None:
    refused = await aside(*verb, SECRET_KEYS=new_secret_key())
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.splitlines()[-1] == UNREADABLE


async def test_nobody_is_imported_under_such_a_ring(ada: Path, sweeper: asyncpg.Connection) -> None:
    refused = await users("import", str(ada), "--resume", SECRET_KEYS=new_secret_key())
    assert (refused.exit_code, refused.stderr.splitlines()[-1]) == (2, UNREADABLE)
    assert await sweeper.fetchval("SELECT count(*) FROM users") == 1


async def test_who_was_signed_out_before_it_was_stopped_is_in_the_audit_log(
    sweeper: asyncpg.Connection, other: asyncpg.Connection, database_url: str
) -> None:
    """The second batch waits for somebody whom another transaction holds; then comes Ctrl-C."""
    assert database_url
    await sweeper.execute(CROWD)
    held = other.transaction()
    await held.start()
    await other.execute("SELECT 1 FROM users WHERE email = 'p501' FOR UPDATE")
    with running("users", "end-all-sessions", "--yes", "--reason", "restored") as process:
        await postgres.somebody_waits(sweeper)
        process.send_signal(signal.SIGINT)
        _, said = await asyncio.to_thread(process.communicate)
    await held.rollback()
    assert process.returncode == INTERRUPTED
    assert said.endswith("Stopped: run it again, what was done already stays done.\n")
    (told,) = await facts(sweeper, "user.sessions_ended")
    assert (told["users"], told["reason"]) == ("500", "restored")
    assert told["by"]


async def test_to_sign_everybody_out_is_not_done_without_an_answer(sweeper: asyncpg.Connection) -> None:
    await sweeper.execute(CROWD.replace("501", "1"))
    refused = await users("end-all-sessions", answer="no\n")
    assert (refused.exit_code, refused.stderr.splitlines()[-1][-20:]) == (2, "Nothing was changed.")
    assert await sweeper.fetchval("SELECT credential_version FROM users") == 1
