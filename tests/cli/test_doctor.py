"""`gatehouse doctor` finds what is wrong and says what to do; `calibrate` prints settings that the service takes."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.crypto import builds
from app.crypto.keys import new_secret_key
from app.flows import hashing
from app.flows.checkup import of_settings
from app.settings import Settings
from app.settings.email import EmailSettings
from app.settings.groups import DatabaseSettings
from app.settings.people import PasswordSettings
from app.store.migrate import head
from tests import postgres
from tests.cli.test_serving import PRODUCTION
from tests.standins.plivo import AUTH_ID, AUTH_TOKEN, PlivoStandIn
from tests.verbs import environment, run
from tests.world import KEY, running, settings_for

Checks = dict[str, tuple[str, str]]
YIELDS = r"\d+\.\d verified a second on one thread(, \d+\.\d on \d+)?\. "


@pytest.fixture(autouse=True)
def development(tmp_path: Path) -> Iterator[None]:
    with environment(tmp_path):
        yield


def doctor(*arguments: str, **variables: str) -> tuple[int, Checks]:
    """Its exit code, and what it says by the name of the check; the worst where there are several."""
    result = run("doctor", "--json", *arguments, **variables)
    items: list[dict[str, Any]] = json.loads(result.stdout)["items"]
    rank = ["ok", "warn", "fail"]
    return result.exit_code, {
        item["name"]: (item["state"], item["says"])
        for item in sorted(items, key=lambda item: rank.index(item["state"]))
    }


@pytest.fixture
async def served(database_url: str, tmp_path: Path) -> str:
    """A database that a service ran on, with its signing keys."""
    async with running(settings_for(database_url, tmp_path)):
        pass
    return database_url


def test_a_healthy_development_is_told_that_it_is_one(served: str) -> None:
    code, checks = doctor(DATABASE__URL=served, DATABASE__TLS="disable", SECRET_KEYS=KEY)
    assert code == 0
    assert {name for name, (state, _) in checks.items() if state != "ok"} <= {"settings", "signing keys", "clock"}
    assert checks["settings"][1].startswith("GATEHOUSE_ENVIRONMENT=development")
    assert checks["schema"] == ("ok", f"Revision {head()}; this code's is {head()}.")
    assert checks["pooler"] == ("ok", "None.")
    assert re.match(rf"\d+ ms a password; {YIELDS}", checks["hashing"][1])
    assert checks["hashing"][1].endswith(built())


def test_for_the_eye_it_is_a_line_a_check(served: str) -> None:
    result = run("doctor", DATABASE__URL=served, DATABASE__TLS="disable", SECRET_KEYS=KEY)
    lines = result.stdout.splitlines()
    assert all(line.startswith(("ok ", "warn ", "fail ")) for line in lines)
    assert KEY not in result.output


def test_a_name_without_a_group_that_sets_nothing_is_told_of_unless_kubernetes_gave_it(served: str) -> None:
    given = {"DATABASE__URL": served, "DATABASE__TLS": "disable", "SECRET_KEYS": KEY}
    pod = dict.fromkeys(("SERVICE_HOST", "PORT", "PORT_80_TCP_ADDR", "DB_SERVICE_HOST", "DB_SERVICE_PORT"), "10.0.0.1")
    result = run("doctor", **given, **pod, HTTP_PORT="hunter2", SECRETKEYS="hunter2")
    told = [line.split()[2] for line in result.stdout.splitlines() if "is no setting" in line]
    assert (result.exit_code, told) == (0, ["GATEHOUSE_HTTP_PORT", "GATEHOUSE_SECRETKEYS"])
    assert "hunter2" not in result.output


def test_settings_that_do_not_load_are_the_only_thing_that_is_told() -> None:
    code, checks = doctor(WORKERS="0", ENVIRONMENT="production")
    assert (code, list(checks)) == (1, ["settings"])
    result = run("doctor")
    assert "fail  settings" in result.stdout
    assert result.stdout.count("GATEHOUSE_") >= 1


def test_a_malformed_limit_fails() -> None:
    code, checks = doctor(LIMITS__LOGIN_FAILURES="100")
    assert (code, list(checks)) == (1, ["settings"])
    assert checks["settings"][1].startswith("GATEHOUSE_LIMITS__LOGIN_FAILURES: ")


def test_what_the_rooms_cannot_work_with_fails_beside_other_faults() -> None:
    result = run("doctor", "--json", WORKERS="0", SMS__REGIONS="UK", MFA__FACTORS="fax")
    items = [(item["state"], item["says"].partition(":")[0]) for item in json.loads(result.stdout)["items"]]
    assert items == [("fail", f"GATEHOUSE_{name}") for name in ("WORKERS", "SMS__REGIONS", "MFA__FACTORS")]
    assert result.exit_code == 1


def test_a_database_that_does_not_answer_fails() -> None:
    code, checks = doctor(DATABASE__URL="postgresql+asyncpg://nobody@127.0.0.1:1/nothing", SECRET_KEYS=KEY)
    assert (code, checks["database"][0]) == (1, "fail")
    assert "DATABASE__URL" in checks["database"][1]


@pytest.fixture
async def unmigrated(postgres_url: str) -> AsyncIterator[str]:
    yield await postgres.create(postgres_url, "doctor_unmigrated")
    await postgres.drop(postgres_url, "doctor_unmigrated")


def test_a_schema_that_is_behind_fails_and_says_what_to_do(unmigrated: str) -> None:
    code, checks = doctor(DATABASE__URL=unmigrated, DATABASE__TLS="disable", SECRET_KEYS=KEY)
    assert (code, checks["schema"]) == (1, ("fail", "It is older than this code: run `gatehouse migrate`."))


def test_signing_keys_that_cannot_be_opened_fail(served: str) -> None:
    code, checks = doctor(DATABASE__URL=served, DATABASE__TLS="disable", SECRET_KEYS=new_secret_key())
    assert (code, checks["signing keys"][0]) == (1, "fail")
    assert "put the key that sealed them back" in checks["signing keys"][1]


def test_a_turn_of_the_ring_that_was_not_finished_is_a_warning(served: str) -> None:
    _, checks = doctor(DATABASE__URL=served, DATABASE__TLS="disable", SECRET_KEYS=f"{new_secret_key()},{KEY}")
    assert checks["ring"][0] == "warn"
    assert checks["signing keys"][0] != "fail"


def test_no_signing_keys_yet_are_a_warning(database_url: str) -> None:
    _, checks = doctor(DATABASE__URL=database_url, DATABASE__TLS="disable", SECRET_KEYS=KEY)
    assert checks["signing keys"][0] == "warn"


@pytest.fixture
async def without_next_month(postgres_url: str) -> AsyncIterator[str]:
    url = await postgres.create_migrated(postgres_url, "doctor_partitions")
    connection = await postgres.connect(url)
    month = await connection.fetchval("SELECT to_char(now() + interval '1 month', '_YYYYMM')")
    await connection.execute(f"DROP TABLE audit_events{month}")
    await connection.close()
    yield url
    await postgres.drop(postgres_url, "doctor_partitions")


def test_a_month_without_a_partition_fails_and_says_what_to_do(without_next_month: str) -> None:
    code, checks = doctor(DATABASE__URL=without_next_month, DATABASE__TLS="disable", SECRET_KEYS=KEY)
    assert (code, checks["audit partitions"][0]) == (1, "fail")
    assert checks["audit partitions"][1].startswith("audit_events: next month has no partition")
    assert "audit_make_partitions(current_date, 24)" in checks["audit partitions"][1]


def test_production_is_told_what_is_unsafe(served: str) -> None:
    given = {**PRODUCTION, "ENVIRONMENT": "production", "DATABASE__URL": served, "WORKERS": "64"}
    unsafe = {
        "LOGS__LEVEL": "DEBUG",
        "HTTP__DOCS": "true",
        "LIMITS__LOGIN": "record_only",
        "METRICS__PORT": "9100",
        "METRICS__HOST": "10.0.0.1",
        "SMS__TEST_NUMBERS": '[{"number": "+12025550199", "code": "123456", "until": "2026-12-01T00:00:00Z"}]',
    }
    result = run("doctor", "--json", **given, **unsafe)
    items = json.loads(result.stdout)["items"]
    told = " ".join(item["says"] for item in items if item["name"] == "settings")
    for name in ("LOGS__LEVEL", "HTTP__DOCS", "LIMITS__LOGIN", "METRICS__HOST", "SMS__TEST_NUMBERS", "SMS__BUDGET"):
        assert f"GATEHOUSE_{name}" in told, name
    checks = {item["name"]: item["state"] for item in items}
    assert (checks["workers"], checks["proxies"], checks["role"]) == ("warn", "warn", "warn")
    assert "123456" not in result.output


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql+asyncpg://gatehouse@db.example/gatehouse", True),
        ("postgresql+asyncpg://gatehouse@/gatehouse?host=db1:5432&host=db2:5432", True),
        ("postgresql+asyncpg://gatehouse@localhost/gatehouse", False),
    ],
)
def test_a_database_elsewhere_that_is_not_verified_is_told(url: str, *, told: bool) -> None:
    for mode, unsafe in (("disable", told), ("prefer", told), ("require", told), ("verify-full", False)):
        database = DatabaseSettings.model_validate({"url": url, "tls": mode})
        checks = of_settings(Settings.model_construct(environment="production", database=database))
        assert any("GATEHOUSE_DATABASE__TLS" in check.says for check in checks) is unsafe


@pytest.mark.parametrize(
    ("url", "told"), [("smtp://mail.example", False), ("smtp://mail.example?starttls=optional", True), (None, False)]
)
def test_mail_that_may_be_read_on_its_way_is_told(url: str | None, *, told: bool) -> None:
    email = EmailSettings.model_validate({"smtp_url": url})
    checks = of_settings(Settings.model_construct(environment="production", email=email))
    assert any(check.says.startswith("GATEHOUSE_EMAIL__SMTP_URL has starttls=optional") for check in checks) is told


def test_what_is_safe_is_said_too(served: str) -> None:
    given = {**PRODUCTION, "ENVIRONMENT": "production", "DATABASE__URL": served}
    given |= {"HTTP__TRUSTED_PROXIES": "10.0.0.0/8", "SMS__BUDGET": "50/hour", "SMS__PRICES": '{"US": 0.008, "*": 0.1}'}
    code, checks = doctor(**given)
    assert checks["settings"] == ("ok", "They load, and none of them is unsafe.")
    assert checks["proxies"] == ("ok", "X-Forwarded-For is believed from 10.0.0.0/8.")
    assert code == (checks["clock"][0] == "fail")


def test_a_pgbouncer_that_is_not_there_is_a_warning(served: str) -> None:
    given = {"DATABASE__URL": served, "DATABASE__TLS": "disable", "SECRET_KEYS": KEY}
    _, checks = doctor(**given, DATABASE__PGBOUNCER="true")
    assert checks["pooler"][0] == "warn"


def test_nobody_is_asked_unless_online_is_said(served: str) -> None:
    with PlivoStandIn() as plivo:
        given = {"DATABASE__URL": served, "DATABASE__TLS": "disable", "SECRET_KEYS": KEY}
        given |= {"SMS__PLIVO_AUTH_ID": AUTH_ID, "SMS__PLIVO_AUTH_TOKEN": AUTH_TOKEN, "SMS__PLIVO_SRC": "Gatehouse"}
        given |= {"SMS__PLIVO_BASE_URL": plivo.url, "EMAIL__SMTP_URL": "smtp://127.0.0.1:1"}
        _, checks = doctor(**given)
        assert not {"sms", "mail"} & set(checks)
        assert plivo.connections == 0
        code, checks = doctor("--online", **given)
        assert plivo.connections == 1
    assert (code, checks["sms"][0], checks["mail"][0]) == (1, "fail", "fail")
    assert "http_501" in checks["sms"][1]  # the stand-in knows no GET
    assert not plivo.requests


def test_plivo_that_cannot_be_asked_is_not_said_to_know_nobody(served: str) -> None:
    given = {"DATABASE__URL": served, "DATABASE__TLS": "disable", "SECRET_KEYS": KEY}
    given |= {"SMS__PLIVO_AUTH_ID": AUTH_ID, "SMS__PLIVO_AUTH_TOKEN": AUTH_TOKEN, "SMS__PLIVO_SRC": "Gatehouse"}
    code, checks = doctor("--online", **given, SMS__PLIVO_BASE_URL="http://127.0.0.1:1")
    assert (code, checks["sms"][0]) == (1, "fail")
    assert checks["sms"][1].startswith("Plivo cannot be asked (ConnectError): see GATEHOUSE_SMS__PLIVO_BASE_URL")


@pytest.mark.parametrize("target", ["10", "120"])
def test_calibrate_prints_settings_that_the_service_takes(target: str) -> None:
    result = run("calibrate", "--target", target)
    named = dict(line.split("=") for line in result.stdout.splitlines())
    rules = PasswordSettings(
        memory_kib=int(named["GATEHOUSE_PASSWORDS__MEMORY_KIB"]), time_cost=int(named["GATEHOUSE_PASSWORDS__TIME_COST"])
    )
    assert rules.memory_kib >= 19_456
    said, yields = result.stderr.splitlines()
    assert " ms here, alone; " in said
    assert re.match(YIELDS, yields)
    assert yields.endswith(built())
    if target == "10":
        assert (rules.memory_kib, rules.time_cost) == (19_456, 2)


def built() -> str:
    """The sentence about the build that is installed here."""
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    return hashing.says(builds.build(), avx2=bool(re.search(r"\bavx2\b", flags)))


@pytest.mark.parametrize(
    ("build", "avx2", "said"),
    [
        ("avx2", True, "Argon2 is built for AVX2."),
        ("avx512", True, "Argon2 is built for AVX-512."),
        ("portable", True, "`make fast-hash` builds it, and the image has it."),
        ("portable", False, "Argon2 is built without AVX2, which this processor does not have either."),
        ("unknown", False, "How Argon2 is built cannot be told here."),
    ],
)
def test_it_is_told_which_build_hashes_and_how_to_get_a_faster_where_there_is_one(
    build: builds.Build, avx2: bool, said: str
) -> None:
    told = hashing.says(build, avx2=avx2)
    assert told.endswith(said)
    assert ("make fast-hash" in told) == (build == "portable" and avx2)
