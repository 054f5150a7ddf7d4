"""`gatehouse users import` as an operator runs it: what it takes, what it refuses with which words, and how it goes on."""

import asyncio
import json
import os
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from passlib.hash import bcrypt
from typer.testing import Result

from app.cli import users_import
from tests import postgres
from tests.cli.noted import noted
from tests.cli.service import GATEHOUSE
from tests.verbs import aside
from tests.world import PASSWORD

pytestmark = pytest.mark.usefixtures("beside_the_service")

BCRYPT = bcrypt.using(rounds=4).hash(PASSWORD)
SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
BARRED = """INSERT INTO users (id, email, email_folded, password_hash, locale, created_at)
    VALUES (gen_random_uuid(), '', 'p3@example.test', '', 'en', now())"""
ADA = {"email": "Ada@Example.test", "email_verified": True, "password_hash": BCRYPT}


users = partial(aside, "users")


async def bring(file: Path, *options: str) -> Result:
    return await users("import", str(file), *options)


def lines(folder: Path, *users: Any) -> Path:
    file = folder / "users.jsonl"
    file.write_text("".join(one if isinstance(one, str) else json.dumps(one) + "\n" for one in users))
    return file


def numbers(done: Result) -> tuple[int, int, int, int]:
    told = json.loads(done.stdout)
    return told["lines"], told["imported"], told["skipped"], told["refused"]


async def test_everything_that_a_line_says_is_there_afterwards(tmp_path: Path) -> None:
    user = {
        **ADA,
        "display_name": "Ada L.",
        "locale": "de-AT",
        "created_at": "2020-05-06T07:08:09Z",
        "totp": {"secret": "gezd gnbv gy3t qojq gezd gnbv gy3t qojq", "algorithm": "SHA1", "digits": 6, "period": 30},
        "phone": "+12025550123",
        "disabled": True,
        "claims": {"auth0_id": "auth0|5f7c8ec7c33c6c004bbafe82", "level": 3, "beta": False, "share": 0.5},
    }
    done = await bring(lines(tmp_path, user), "--reason", "the old system goes")
    assert (done.exit_code, done.stdout) == (0, "1 lines: 1 imported, 0 passed over, 0 refused.\n")
    event = noted(done, "users.imported")
    assert (event["users"], event["reason"]) == ("1", "the old system goes")
    assert event["by"]
    shown = json.loads((await users("show", "ada@example.test", "--json")).stdout)
    assert (shown["email"], shown["display_name"], shown["locale"]) == ("Ada@example.test", "Ada L.", "de-AT")
    assert (shown["active"], shown["created_at"]) == (False, "2020-05-06T07:08:09+00:00")
    assert {one["kind"]: one["destination"] for one in shown["factors"]} == {"totp": None, "sms": "+1 ••• ••• 0123"}
    exported = [json.loads(line) for line in (await users("export")).stdout.splitlines()]
    kept = {"email": "Ada@example.test", "created_at": "2020-05-06T07:08:09+00:00"}
    told = {name: value for name, value in user.items() if name not in {"password_hash", "totp"}} | kept
    assert exported == [told]
    whole = json.loads((await users("export", "--with-hashes")).stdout)
    assert whole == told | {"password_hash": BCRYPT, "totp": {"secret": SEED}}


async def test_what_was_exported_is_taken_again(tmp_path: Path, sweeper: asyncpg.Connection) -> None:
    """A name may hold what joins letters (U+200C); a password that expired, and factors that were taken, do not come back."""
    await bring(lines(tmp_path, {**ADA, "display_name": "نمی\u200cدانم"}))
    await sweeper.execute("UPDATE users SET password_expired = true, email_proof_due = 'factors_reset'")
    exported = (await users("export", "--with-hashes")).stdout
    assert "password_hash" not in json.loads(exported)
    await sweeper.execute("DELETE FROM users")
    assert (await bring(lines(tmp_path, exported))).exit_code == 0
    (row,) = await sweeper.fetch("SELECT display_name, password_expired, password_hash, email_proof_due FROM users")
    assert tuple(row) == ("نمی\u200cدانم", True, "", "factors_reset")


async def test_an_export_without_seeds_brings_nobody_back_without_their_second_factor(
    tmp_path: Path, sweeper: asyncpg.Connection
) -> None:
    """Law 10: who has the mailbox, and sets a password by it, only gets as far as to a new factor."""
    app, phone = {"totp": {"secret": SEED}}, {"phone": "+12025550123"}
    people = [{**ADA, **app}, {**ADA, **app, **phone, "email": "b@example.test"}, {**ADA, "email": "c@example.test"}]
    await bring(lines(tmp_path, *people))
    exported = (await users("export")).stdout
    told = {one["email"]: one for one in map(json.loads, exported.splitlines())}
    assert {email: one.get("factors_reset") for email, one in told.items()} == {
        "Ada@example.test": True,
        "b@example.test": None,
        "c@example.test": None,
    }
    assert "factors_reset" not in (await users("export", "--with-hashes")).stdout
    await sweeper.execute("DELETE FROM users")
    assert (await bring(lines(tmp_path, exported))).exit_code == 0
    due = "SELECT email_proof_due FROM users WHERE email_folded = 'ada@example.test'"
    assert await sweeper.fetchval(due) == "factors_reset"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ({"email": "nobody", "email_verified": True}, "`email` is not an e-mail address."),
        ({"email": "a@example.test"}, "`email_verified` is missing."),
        ({**ADA, "email_verified": "yes"}, "`email_verified` is neither true nor false."),
        ({**ADA, "role": "admin"}, "`role` is no field that is known here."),
        ({**ADA, "hunter2 hunter2": 1}, "`…` is no field that is known here."),
        ({**ADA, "password_hash": "5f4dcc3b5aa765d61d8327deb882cf99"}, "It is no hash of a scheme that is known here."),
        ({**ADA, "password_hash": BCRYPT.replace("$04$", "$15$")}, "costs too much to be computed at every sign-in"),
        ({**ADA, "totp": {"secret": SEED, "digits": 8}}, "`totp.digits` is not of the form that it must have."),
        ({**ADA, "totp": {"secret": SEED, "algorithm": "SHA256"}}, "`totp.algorithm` is not of the form"),
        ({**ADA, "totp": {"secret": SEED[:16]}}, "`totp`: The seed has less than 128 bits"),
        ({**ADA, "totp": {"secret": "1189"}}, "`totp`: The seed is not base32."),
        ({**ADA, "phone": "0123 456"}, "`phone` is not of the form that it must have."),
        ({**ADA, "phone": "+9990000000"}, "`phone`: The number's country or kind is not served"),
        ({**ADA, "created_at": "2020-05-06T07:08:09"}, "`created_at` says no time zone."),
        ({**ADA, "created_at": "9999-05-06T07:08:09Z"}, "`created_at` lies in the future."),
        ({**ADA, "claims": ["editor"]}, "`claims` is not an object."),
        ({**ADA, "claims": {"sub": "5f4dcc3b"}}, "`claims`: A name that tokens have by themselves"),
        ({**ADA, "claims": {"hunter2 hunter2": 1}}, "`claims`: A name has a letter first"),
        ({**ADA, "claims": {"role": None}}, "`claims`: A claim is a text, a number, true or false."),
        ({**ADA, "claims": {"role": ["editor"]}}, "`claims`: A claim is a text, a number, true or false."),
        ({**ADA, "claims": {"level": 2**53}}, "`claims`: A number that not every reader can hold"),
        ({**ADA, "claims": {"about": "x" * 1024}}, "`claims`: All claims of a user together take at most 1024 bytes"),
        ({**ADA, "email_verified": False, "phone": "+12025550123"}, "an address that was not verified are not taken"),
        ([], "It is not an object."),
        ('{"email": "ada@example.test", "email": 1}\n', "a name stands twice in one object"),
        ("nonsense\n", "no strict JSON: not JSON at character 1."),
        ('{"email": "\\ud800"}\n', "lone surrogate"),
        ('"' + "x" * 40_000 + '"\n', "The line is longer than 16384 bytes."),
    ],
)
async def test_a_line_is_refused_with_a_sentence_that_holds_nothing_of_it(
    tmp_path: Path, sweeper: asyncpg.Connection, line: Any, sentence: str
) -> None:
    before, after = ({**ADA, "email": f"{name}@example.test"} for name in ("before", "after"))
    sink = tmp_path / "errors"
    done = await bring(lines(tmp_path, before, line, after), "--json", "--errors", str(sink))
    assert (done.exit_code, numbers(done)) == (1, (3, 2, 0, 1))
    (told,) = [json.loads(text) for text in sink.read_text().splitlines()]
    assert told["line"] == 2
    assert sentence in told["detail"]
    assert not any(value in told["detail"] for value in (BCRYPT, SEED, "hunter2", "nobody", "5f4dcc3b", "+999"))
    assert await sweeper.fetchval("SELECT count(*) FROM users") == 2


async def test_a_second_run_passes_over_who_is_here_and_finishes(tmp_path: Path, sweeper: asyncpg.Connection) -> None:
    people = [{**ADA, "email": f"p{number}@example.test"} for number in range(5)]
    await bring(lines(tmp_path, *people[:3]))
    upper = {**people[0], "email": "P0@EXAMPLE.TEST"}
    plain = await bring(lines(tmp_path, *people, upper))
    assert (plain.exit_code, plain.stderr.count("Somebody has this address already")) == (1, 4)
    again = await bring(lines(tmp_path, *people, upper), "--resume", "--json")
    assert (again.exit_code, numbers(again)) == (0, (6, 0, 6, 0))
    assert await sweeper.fetchval("SELECT count(*) FROM users") == 5


async def test_a_run_that_dies_in_the_middle_loses_nothing(
    tmp_path: Path, sweeper: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second batch cannot be written; the first one stays, and another run brings the rest."""
    monkeypatch.setattr(users_import, "BATCH", 2)
    file = lines(tmp_path, *({**ADA, "email": f"p{number}@example.test"} for number in range(5)))
    os.environ["GATEHOUSE_DATABASE__STATEMENT_LIMIT"] = "0.3"
    async with sweeper.transaction():
        await sweeper.execute(BARRED)
        died = await bring(file)
        assert died.exit_code == 2
        assert died.stderr.splitlines()[-1].endswith("What is done is kept: run this again with --resume.")
        assert await sweeper.fetchval("SELECT count(*) FROM users") == 3
        await sweeper.execute("DELETE FROM users WHERE email_folded = 'p3@example.test'")
    del os.environ["GATEHOUSE_DATABASE__STATEMENT_LIMIT"]
    assert numbers(await bring(file, "--resume", "--json")) == (5, 3, 2, 0)


async def test_a_phone_has_one_owner(tmp_path: Path) -> None:
    await bring(lines(tmp_path, {**ADA, "phone": "+12025550100"}))
    people = [{**ADA, "email": f"p{number}@example.test", "phone": "+12025550100"} for number in range(2)]
    twins = [{**ADA, "email": f"t{number}@example.test", "phone": "+12025550199"} for number in range(2)]
    done = await bring(lines(tmp_path, *people, *twins), "--json")
    assert numbers(done) == (4, 1, 0, 3)
    assert done.stderr.count("`phone`: it is another user's second factor.") == 3
    again = await bring(lines(tmp_path, *twins), "--json", "--resume")
    assert numbers(again) == (2, 0, 1, 1)


async def test_a_dry_run_judges_and_writes_nothing(tmp_path: Path, sweeper: asyncpg.Connection) -> None:
    done = await bring(lines(tmp_path, ADA, {}), "--dry-run")
    assert (done.exit_code, done.stdout) == (1, "2 lines: 1 would be imported, 0 passed over, 1 refused.\n")
    assert "users.imported" not in done.stderr
    assert await sweeper.fetchval("SELECT count(*) FROM users") == 0


CSV = f"""\ufeffemail,email_verified,password_hash,display_name,totp_secret,totp_digits,phone,disabled
ada@example.test,true,{BCRYPT},"Lovelace, Ada",{SEED},6,+12025550123,
bob@example.test,TRUE,,,,,,1
short@example.test,true
eve@example.test,perhaps,,,,,,
"""


async def test_a_table_with_a_header_is_taken_as_well(tmp_path: Path) -> None:
    file = tmp_path / "users.csv"
    file.write_bytes(CSV.encode() + b"bad\xff@example.test,true,,,,,,\n" + b"x" * 20_000 + b"\n")
    done = await bring(file, "--json")
    assert numbers(done) == (6, 2, 0, 4)
    refused = [line for line in done.stderr.splitlines() if line.startswith("line ")]
    assert refused == [
        "line 4: The line has 2 values, the header 8.",
        "line 5: `email_verified` is neither true nor false.",
        "line 6: The line is not UTF-8, or longer than 16384 bytes.",
        "line 7: The line has 1 values, the header 8.",
    ]
    exported = [json.loads(line) for line in (await users("export")).stdout.splitlines()]
    ada, bob = sorted(exported, key=lambda one: str(one["email"]))
    assert (ada["display_name"], ada["phone"], bob["disabled"]) == ("Lovelace, Ada", "+12025550123", True)


async def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    file = tmp_path / "users.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps(ADA).encode() + b"\r\n\r\n")
    assert numbers(await bring(file, "--json")) == (1, 1, 0, 0)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("users.txt", "", "The file's name ends neither in .jsonl nor in .csv."),
        ("users.csv", "mail,hash\n", "The first line names columns, each once, among: "),
        ("users.csv", "email,email\n", "The first line names columns, each once, among: "),
        ("users.csv", '"email\n', "The first line names columns, each once, among: "),
        ("users.csv", "", "The first line names columns, each once, among: "),
    ],
)
async def test_a_file_that_is_none_of_users_is_one_sentence(
    tmp_path: Path, name: str, text: str, sentence: str
) -> None:
    (tmp_path / name).write_text(text)
    refused = await bring(tmp_path / name)
    assert (refused.exit_code, sentence in refused.stderr) == (2, True)


async def test_a_factor_that_is_switched_off_is_not_brought(tmp_path: Path) -> None:
    os.environ["GATEHOUSE_MFA__FACTORS"] = "totp"
    refused = await bring(lines(tmp_path, {**ADA, "phone": "+12025550123"}))
    assert refused.stderr.splitlines()[-1] + "\n" == "line 1: `phone`: GATEHOUSE_MFA__FACTORS leaves sms out.\n"


async def test_what_was_imported_is_in_the_audit_log_though_the_run_is_killed(
    tmp_path: Path, sweeper: asyncpg.Connection, worker_database: str
) -> None:
    """The second batch waits for an address that somebody else is just taking; then comes kill -9."""
    people = [{**ADA, "email": f"p{nth}@example.test"} for nth in range(users_import.BATCH + 1)]
    file = lines(tmp_path, *people)
    other = await asyncpg.connect(worker_database.replace("+asyncpg", ""))
    taking = other.transaction()
    await taking.start()
    await other.execute(BARRED.replace("p3@", f"p{users_import.BATCH}@"))
    run = [*GATEHOUSE, "users", "import", str(file), "--reason", "a move"]
    process = subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: ASYNC220
    try:
        async with asyncio.timeout(60):
            while await sweeper.fetchval(postgres.WAITING) == 0:
                assert process.poll() is None
                await asyncio.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    await taking.rollback()
    await other.close()
    facts = [json.loads(row["facts"]) for row in await sweeper.fetch("SELECT facts FROM audit_events")]
    assert [(one["users"], one["reason"]) for one in facts] == [(str(users_import.BATCH), "a move")]
    assert await sweeper.fetchval("SELECT count(*) FROM users") == users_import.BATCH


async def test_refused_lines_never_go_into_the_file_of_users_itself(tmp_path: Path) -> None:
    file = lines(tmp_path, ADA)
    before, link = file.read_text(), tmp_path / "link"
    link.symlink_to(file)
    for errors in (file, link):
        refused = await bring(file, "--errors", str(errors))
        assert (refused.exit_code, refused.stderr) == (
            2,
            "--errors: this is the file of users itself. Nothing was done.\n",
        )
    assert file.read_text() == before


async def test_errors_of_before_are_kept_when_the_file_is_none_of_users(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("mail,hash\n")
    kept = tmp_path / "errors"
    kept.write_text("of before")
    assert (await bring(tmp_path / "users.csv", "--errors", str(kept))).exit_code == 2
    assert kept.read_text() == "of before"


async def test_errors_that_can_go_nowhere_are_one_sentence(tmp_path: Path, sweeper: asyncpg.Connection) -> None:
    refused = await bring(lines(tmp_path, ADA), "--errors", str(tmp_path / "nope" / "x"))
    assert refused.exit_code == 2
    assert refused.stderr.endswith("x cannot be written (No such file or directory). Nothing was done.\n")
    assert await sweeper.fetchval("SELECT count(*) FROM users") == 0


async def test_users_may_come_through_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "users.jsonl"
    os.mkfifo(pipe)
    writing = asyncio.create_task(asyncio.to_thread(pipe.write_text, json.dumps(ADA) + "\n"))
    done = await bring(pipe, "--json")
    await writing
    assert numbers(done) == (1, 1, 0, 0)
