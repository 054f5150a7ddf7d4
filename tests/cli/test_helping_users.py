"""`gatehouse users create | list | unlock | reset-factors` as an operator runs them."""

import json
import os
import pwd
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from app.cli import users_create, users_desk
from app.crypto.chance import new_id
from tests.cli.noted import noted
from tests.verbs import aside
from tests.world import PASSWORD

pytestmark = pytest.mark.usefixtures("beside_the_service")

ADA = "ada@example.test"
SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


users = partial(aside, "users")


@pytest.fixture
async def ada(tmp_path: Path) -> None:
    """Somebody with an app and a phone."""
    user = {"email": ADA, "email_verified": True, "totp": {"secret": SEED}, "phone": "+12025550123"}
    file = tmp_path / "ada.jsonl"
    file.write_text(json.dumps(user))
    assert (await users("import", str(file))).exit_code == 0


async def test_a_user_is_made_with_a_password_that_was_piped(sweeper: asyncpg.Connection) -> None:
    made = await users("create", "Ada@example.test", "--password-stdin", "--reason", "new here", answer=f"{PASSWORD}\n")
    assert made.exit_code == 0, made.stderr
    (row,) = await sweeper.fetch("SELECT * FROM users")
    assert (row["email"], row["email_folded"], row["active"]) == ("Ada@example.test", ADA, True)
    assert row["password_hash"].startswith("$argon2id$")
    assert (row["password_expired"], row["email_proof_due"]) == (False, "elsewhere")
    assert made.stdout == f"Ada@example.test ({row['id']}) is created.\n"
    event = noted(made, "user.created")
    assert (event["by"], event["reason"]) == (pwd.getpwuid(os.getuid()).pw_name, "new here")
    assert PASSWORD not in made.stdout + made.stderr
    again = await users("create", ADA, "--no-password")
    assert again.exit_code == 2
    assert again.stderr.endswith("Somebody has this address already.\n")


async def test_a_user_without_a_password_is_mailed_how_to_set_one(sweeper: asyncpg.Connection) -> None:
    made = await users("create", ADA, "--no-password", "--locale", "de", "--json")
    assert json.loads(made.stdout)["done"] == "created"
    assert await sweeper.fetchval("SELECT (password_hash, password_expired) FROM users") == ("", True)
    (mail,) = await sweeper.fetch("SELECT recipient, template, locale FROM outbox")
    assert tuple(mail) == (ADA, "account_created", "de")


@pytest.mark.parametrize(
    ("arguments", "answer", "sentence"),
    [
        (("nobody", "--no-password"), "", "This is not an e-mail address."),
        ((ADA, "--password-stdin"), "short\n", "Use at least 15 characters."),
        ((ADA, "--password-stdin"), "password password\n", "It is on a list of common passwords, or repeats one."),
        ((ADA, "--password-stdin"), b"pass w\xf6rd of some length\n", "The password is not UTF-8."),
        ((ADA,), "", users_create.ASKED),
        ((ADA, "--no-password", "--password-stdin"), "", users_create.ASKED),
        (
            (ADA, "--no-password", "--locale", "English!"),
            "",
            "--locale: Must be a language tag (BCP 47), such as en or de-AT.",
        ),
        ((ADA, "--no-password", "--display-name", "A\x1b[2J"), "", "--display-name: Must not hold control characters."),
        (
            (ADA, "--no-password", "--display-name", "A" * 101),
            "",
            "--display-name: String should have at most 100 characters",
        ),
    ],
)
async def test_what_cannot_be_made_is_one_sentence(
    arguments: tuple[str, ...], answer: str | bytes, sentence: str
) -> None:
    refused = await users("create", *arguments, answer=answer)
    assert refused.exit_code == 2
    assert refused.stderr.endswith(f"{sentence}\n")


async def test_users_are_listed_a_page_at_a_time(sweeper: asyncpg.Connection) -> None:
    for name in ("ada", "bob", "eve_x", "evely"):
        await users("create", f"{name}@example.test", "--no-password")
    await sweeper.execute("UPDATE users SET active = false WHERE email_folded LIKE 'bob%'")
    first = json.loads((await users("list", "--limit", "3", "--json")).stdout)
    assert [one["email"].partition("@")[0] for one in first["items"]] == ["ada", "bob", "eve_x"]
    rest = json.loads((await users("list", "--cursor", first["next_cursor"], "--json")).stdout)
    assert ([one["email"].partition("@")[0] for one in rest["items"]], rest["next_cursor"]) == (["evely"], None)
    found = json.loads((await users("list", "--query", "EVE_", "--json")).stdout)
    assert len(found["items"]) == 1
    table = (await users("list", "--disabled", "--limit", "1")).stdout.splitlines()
    assert [line.split()[1:3] for line in table] == [["email", "created"], ["bob@example.test", "disabled"]]
    assert (await users("list", "--limit", "1")).stdout.splitlines()[-1].startswith("More: --cursor ")


async def test_an_unlocked_user_has_failed_at_nothing(ada: None, sweeper: asyncpg.Connection) -> None:  # noqa: ARG001
    user: UUID = await sweeper.fetchval("SELECT id FROM users")
    await sweeper.execute("INSERT INTO budgets VALUES ($1, 'totp', 10, now() + interval '1 hour')", user)
    await sweeper.execute("INSERT INTO cooldowns VALUES ($1, 'sms', 3, now() + interval '1 hour')", user)
    shown = (await users("show", ADA)).stdout
    assert "totp  wrong 10  locked_until" in shown
    done = await users("unlock", ADA, "--network", "::ffff:192.0.2.7", "--reason", "called us", "--json")
    assert json.loads(done.stdout)["done"] == "unlocked"
    for table in ("budgets", "cooldowns"):
        assert await sweeper.fetchval(f"SELECT count(*) FROM {table}") == 0  # noqa: S608  our own names
    assert (await users("unlock", ADA, "--network", "here")).stderr.endswith("--network takes an IP address.\n")


async def test_reset_factors_takes_all_and_wants_a_reason(ada: None, sweeper: asyncpg.Connection) -> None:  # noqa: ARG001
    assert (await users("reset-factors", ADA)).exit_code == 2
    unsaid = await users("reset-factors", ADA, "--reason", " ")
    assert (unsaid.exit_code, unsaid.stderr) == (2, "--reason: say why.\n")
    done = await users("reset-factors", ADA, "--reason", "lost the phone")
    assert done.stdout.startswith(f"{ADA} (")
    event = noted(done, "user.factors_reset")
    assert (event["factors"], event["reason"]) == ("sms,totp", "lost the phone")
    assert await sweeper.fetchval("SELECT count(*) FROM enrollments") == 0
    assert await sweeper.fetchval("SELECT (email_proof_due, credential_version) FROM users") == ("factors_reset", 2)
    assert await sweeper.fetchval("SELECT template FROM outbox") == "factors_reset"
    nobody = await users("reset-factors", str(new_id(datetime.now(UTC))), "--reason", "x")
    assert nobody.stderr.endswith("Nobody has this address or id.\n")


async def test_reset_factors_waits_while_a_change_of_address_may_be_undone(
    ada: None,  # noqa: ARG001
    sweeper: asyncpg.Connection,
) -> None:
    """`show` says which address was left, and until when."""
    await sweeper.execute(
        """INSERT INTO email_undos (id, user_id, credential_version, email, email_folded, digest, created_at, expires_at)
        SELECT gen_random_uuid(), id, 2, 'old@b.test', 'old@b.test', '\\x01', now(), now() + interval '1 day' FROM users"""
    )
    refused = await users("reset-factors", ADA, "--reason", "lost the phone")
    assert refused.exit_code == 2
    assert refused.stderr.endswith("Once you are sure whose it is: --after-email-change.\n")
    assert await sweeper.fetchval("SELECT count(*) FROM enrollments") == 2
    shown = (await users("show", ADA)).stdout
    assert "addresses_left   old@b.test  may_be_undone_until 20" in shown
    done = await users("reset-factors", ADA, "--reason", "seen their passport", "--after-email-change")
    assert done.exit_code == 0
    assert await sweeper.fetchval("SELECT array_agg(recipient) FROM outbox") == [ADA, "old@b.test"]


async def test_expire_password_wants_a_reason_and_mails_the_owner(ada: None, sweeper: asyncpg.Connection) -> None:  # noqa: ARG001
    assert (await users("expire-password", ADA)).exit_code == 2
    done = await users("expire-password", ADA, "--reason", "INC-104233, as 123456")
    assert done.stdout.endswith(") is without a password.\n")
    event = noted(done, "password.expired")
    assert (event["by"], event["reason"]) == (users_desk.whoami(), "INC-104233, as [hidden]")
    assert await sweeper.fetchval("SELECT (password_expired, credential_version) FROM users") == (True, 2)
    assert await sweeper.fetchval("SELECT template FROM outbox") == "password_expired_by_operator"


def test_an_operator_is_whom_the_system_says_and_not_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(variable, "somebody-else")
    assert users_desk.whoami() == pwd.getpwuid(os.getuid()).pw_name


def test_an_operator_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)
    assert users_desk.whoami() == "uid:4000000000"


async def test_claims_are_typed_as_they_are_written(ada: None, sweeper: asyncpg.Connection) -> None:  # noqa: ARG001
    pairs = ("role=editor", "level=3", "beta=true", "share=0.5", 'code="7"', "huge=1e999", "none=null", "list=[1]")
    done = await users("set-claims", ADA, *pairs, "old=", "--reason", "promoted")
    assert done.exit_code == 0, done.stderr
    event = noted(done, "user.claims_set")
    assert (event["names"].split(",")[0], event["reason"]) == ("beta", "promoted")
    assert json.loads(await sweeper.fetchval("SELECT claims FROM users")) == {
        "role": "editor",
        "level": 3,
        "beta": True,
        "share": 0.5,
        "code": "7",
        "huge": "1e999",
        "none": "null",
        "list": "[1]",
    }
    assert "role=editor" in (await users("show", ADA)).stdout
    assert (await users("set-claims", ADA, "role")).stderr.endswith("Write claims as KEY=VALUE.\n")
    assert (await users("set-claims", ADA, "sub=eve")).stderr.endswith("cannot be given.\n")
    await users("set-claims", ADA, *(f"{pair.partition('=')[0]}=" for pair in pairs))
    assert await sweeper.fetchval("SELECT claims FROM users") == "{}"
