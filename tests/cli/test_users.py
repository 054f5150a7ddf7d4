"""`gatehouse users` as an operator runs it: what it prints, what it asks, and how it refuses."""

import json
import os
import pwd
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import asyncpg
import pytest

from app.crypto.chance import new_id
from tests import postgres
from tests.cli.noted import noted
from tests.verbs import aside

ADA = "Ada@example.test"
USER = """INSERT INTO users (id, email, email_folded, password_hash, locale, created_at)
    VALUES ($1, $2, lower($2), '', 'en', '2026-01-02 03:04Z')"""
SESSION = """INSERT INTO sessions (id, user_id, credential_version, key_id, amr, acr, auth_time, created_at, rotated_at, expires_at)
    VALUES ($1, $2, 1, '', '{pwd}', '', now(), now(), now(), now() + interval '1 day')"""


pytestmark = pytest.mark.usefixtures("beside_the_service")


@pytest.fixture
async def ada(sweeper: asyncpg.Connection, database_url: str) -> UUID:  # noqa: ARG001  swept before
    """Somebody with two sessions."""
    user = new_id(datetime.now(UTC))
    await sweeper.execute(USER, user, ADA)
    for _ in range(2):
        await sweeper.execute(SESSION, new_id(datetime.now(UTC)), user)
    return user


users = partial(aside, "users")


async def test_show_tells_what_is_known(ada: UUID) -> None:
    told = (await users("show", ADA)).stdout.splitlines()
    sessions = [line for line in told if line.startswith("sessions")]
    assert [" ".join(line.split()) for line in told if line not in sessions] == [
        f"id {ada}",
        f"email {ADA}",
        "display_name -",
        "active yes",
        "password_expired no",
        "email_proof_due -",
        "claims -",
        "locale en",
        "created_at 2026-01-02 03:04 UTC",
        "last_login_at -",
        "factors -",
        "devices -",
        "locks -",
        "addresses_left -",
    ]
    assert len(sessions) == 2
    as_json = json.loads((await users("show", str(ada), "--json")).stdout)
    assert [one["acr"] for one in as_json.pop("sessions")] == ["", ""]
    assert as_json == {
        "id": str(ada),
        "email": ADA,
        "display_name": None,
        "active": True,
        "password_expired": False,
        "email_proof_due": None,
        "claims": {},
        "locale": "en",
        "created_at": "2026-01-02T03:04:00+00:00",
        "last_login_at": None,
        "factors": [],
        "devices": [],
        "locks": [],
        "addresses_left": [],
    }


async def test_show_lets_nobodys_name_move_the_cursor(ada: UUID, sweeper: asyncpg.Connection) -> None:
    await sweeper.execute("UPDATE users SET display_name = E'A\x1b[2J\nemail  eve@b.test' WHERE id = $1", ada)
    told = (await users("show", ADA)).stdout
    assert "display_name     A\\x1b[2J\\nemail  eve@b.test\n" in told
    assert "\x1b" not in told


async def test_disable_and_enable_say_what_became_of_whom(ada: UUID, sweeper: asyncpg.Connection) -> None:
    disabled = await users("disable", ADA, "--reason", "lost laptop")
    assert (disabled.exit_code, disabled.stdout) == (0, f"{ADA} ({ada}) is disabled; sessions ended: 2.\n")
    event = noted(disabled, "user.disabled")
    assert (event["user_id"], event["reason"], event["by"]) == (
        str(ada),
        "lost laptop",
        pwd.getpwuid(os.getuid()).pw_name,
    )
    assert await sweeper.fetchval("SELECT (active, credential_version) FROM users") == (False, 2)
    assert await sweeper.fetchval("SELECT user_id FROM cut_offs") == ada
    enabled = await users("enable", str(ada), "--json")
    assert json.loads(enabled.stdout) == {"id": str(ada), "email": ADA, "done": "enabled", "sessions_ended": 0}
    assert await sweeper.fetchval("SELECT active FROM users") is True


async def test_end_sessions_ends_them_all_and_lets_them_sign_in_again(ada: UUID, sweeper: asyncpg.Connection) -> None:
    done = await users("end-sessions", ADA, "--json")
    assert json.loads(done.stdout) == {"id": str(ada), "email": ADA, "done": "signed out", "sessions_ended": 2}
    assert await sweeper.fetchval("SELECT array_agg(end_reason) FROM sessions") == ["operator", "operator"]
    assert await sweeper.fetchval("SELECT (active, credential_version) FROM users") == (True, 2)


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
async def test_delete_asks_first_and_no_answer_is_no(ada: UUID, sweeper: asyncpg.Connection, answer: str) -> None:
    asked = await users("delete", ADA, answer=answer)
    assert (asked.exit_code, asked.stdout) == (2, "")
    assert asked.stderr.endswith(f"Delete {ADA} ({ada}) and everything that is theirs? [y/N]: Nothing was changed.\n")
    assert await sweeper.fetchval("SELECT count(*) FROM users") == 1


@pytest.mark.parametrize(("option", "answer"), [("--yes", ""), ("--reason=left", "y\n")])
async def test_delete_removes_the_user_and_leaves_the_cut_off(
    ada: UUID, sweeper: asyncpg.Connection, option: str, answer: str
) -> None:
    done = await users("delete", ADA, option, answer=answer)
    assert (done.exit_code, done.stdout) == (0, f"{ADA} ({ada}) is deleted.\n")
    assert await sweeper.fetchval("SELECT count(*) FROM sessions") == 0
    assert await sweeper.fetchval("SELECT user_id FROM cut_offs") == ada


@pytest.mark.parametrize("verb", ["show", "disable", "enable", "end-sessions", "unlock", "delete"])
async def test_an_unknown_user_is_one_sentence(verb: str) -> None:
    for who in ("nobody@example.test", str(new_id(datetime.now(UTC))), "nonsense"):
        refused = await users(verb, who)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert refused.stderr.endswith("Nobody has this address or id.\n")


async def test_an_older_schema_or_a_database_that_does_not_answer_is_one_sentence(postgres_url: str) -> None:
    url = await postgres.create(postgres_url, "unmigrated_users")
    os.environ["GATEHOUSE_DATABASE__URL"] = url
    assert (await users("show", ADA)).stderr == (
        "The database's schema is older than this code: run `gatehouse migrate` first.\n"
    )
    await postgres.drop(postgres_url, "unmigrated_users")
    refused = await users("disable", ADA)
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
    assert "GATEHOUSE_DATABASE__URL" in refused.stderr


async def test_a_user_who_is_held_too_long_is_left_as_they_were(ada: UUID, sweeper: asyncpg.Connection) -> None:
    """Somebody's transaction holds the row: the verb gives up and says that nothing was changed."""
    os.environ["GATEHOUSE_DATABASE__STATEMENT_LIMIT"] = "0.3"
    async with sweeper.transaction():
        await sweeper.execute("SELECT 1 FROM users WHERE id = $1 FOR UPDATE", ada)
        refused = await users("disable", ADA)
    assert refused.exit_code == 2
    assert (
        refused.stderr.splitlines()[-1]
        == "The database does not answer: `gatehouse users show` will tell whether anything was done."
    )
    assert await sweeper.fetchval("SELECT active FROM users") is True
