"""The operator's verbs, in this process: what they print, and how they refuse."""

import json
import os
import re
import subprocess
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cli.development import furnished
from app.store import embedded
from app.store.migrate import head
from tests import postgres
from tests.cli.service import GATEHOUSE
from tests.verbs import environment, run
from tests.world import KEY


@pytest.fixture(autouse=True)
def development(tmp_path: Path) -> Iterator[None]:
    with environment(tmp_path):
        yield


def refusals(*arguments: str, **variables: str) -> list[str]:
    """The sentences of a refusal."""
    result = run(*arguments, **variables)
    assert result.exit_code == 2, result.output
    assert not result.stdout
    return result.stderr.splitlines()


def test_a_new_key_is_32_bytes_and_never_the_same() -> None:
    first, second = run("keys", "new").stdout.strip(), run("keys", "new").stdout.strip()
    assert first != second
    assert re.fullmatch(r"[\w-]{43}", first, re.ASCII)
    assert len(urlsafe_b64decode(first + "=")) == 32


def test_the_openapi_document_is_printed_as_json(database_url: str) -> None:
    result = run("openapi", DATABASE__URL=database_url, DATABASE__TLS="disable")
    assert "/login" in json.loads(result.stdout)["paths"]


def test_migrate_brings_the_embedded_database_up_and_stops_it_again(tmp_path: Path) -> None:
    assert run("migrate").stdout == f"The schema is at revision {head()}.\n"
    assert run("migrate").stdout == f"The schema is at revision {head()}.\n"
    assert not (tmp_path / "postgres" / "data" / "postmaster.pid").exists()


def test_development_makes_one_key_and_keeps_it(tmp_path: Path, database_url: str) -> None:
    kept = tmp_path / "not there yet" / "secret_keys"
    made = set()
    for _ in range(2):
        run("migrate", DATABASE__URL=database_url, DATABASE__TLS="disable", DATA_DIR=str(kept.parent))
        with furnished():
            assert os.environ["GATEHOUSE_SECRET_KEYS"] == kept.read_text()
        made.add(kept.read_text())
    assert len(made) == 1
    assert kept.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in kept.parent.iterdir()] == ["secret_keys"]


def test_what_development_makes_for_itself_is_its_own_alone(tmp_path: Path, database_url: str) -> None:
    """The environment is as it was, so that what comes next finds nothing of it."""
    before = dict(os.environ)
    with furnished() as settings:
        assert settings.database.url
        assert os.environ["GATEHOUSE_DATABASE__TLS"] == "disable"
    assert dict(os.environ) == before
    os.environ |= {"GATEHOUSE_DATABASE__URL": database_url, "GATEHOUSE_DATABASE__TLS": "disable"}
    given = dict(os.environ)
    with furnished():
        assert os.environ["GATEHOUSE_SECRET_KEYS"] == (tmp_path / "secret_keys").read_text()
    assert dict(os.environ) == given


@pytest.mark.parametrize(
    "verb", [("users", "list", "--query", b"\xff"), ("users", "set-claims", "a@b.test", b"a=\xff")]
)
def test_an_argument_that_is_not_utf_8_is_one_sentence(verb: tuple[str | bytes, ...]) -> None:
    refused = subprocess.run([*GATEHOUSE, *verb], check=False, capture_output=True, text=True)
    assert (refused.returncode, refused.stdout, refused.stderr) == (2, "", "Arguments must be UTF-8.\n")


def test_the_demo_asks_where_the_service_is_served() -> None:
    refused = run("demo", HTTP__PORT="1")
    assert (refused.exit_code, "No answer from http://127.0.0.1:1 (" in refused.stderr) == (1, True)


def test_each_fault_of_the_settings_is_one_sentence() -> None:
    assert refusals("migrate", HTTP__PORT="http", HTTP__PROT="1", LOGS__LEVEL="loud") == [
        "GATEHOUSE_HTTP__PORT: Input should be a valid integer, unable to parse string as an integer.",
        "GATEHOUSE_HTTP__PROT: there is no such setting.",
        "GATEHOUSE_LOGS__LEVEL: Input should be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'.",
    ]


def test_each_unsafe_combination_is_one_sentence() -> None:
    assert refusals("migrate", HTTP__CORS_ORIGINS="*,https://app.example.com", SMS__PLIVO_AUTH_ID="MA") == [
        "GATEHOUSE_HTTP__CORS_ORIGINS: each is an origin such as https://app.example.com, and nothing more.",
        "GATEHOUSE_SMS__PLIVO_AUTH_ID and GATEHOUSE_SMS__PLIVO_AUTH_TOKEN go together: set both.",
        "GATEHOUSE_SMS__PLIVO_AUTH_ID is not an auth id: copy the 20 characters that begin with MA or SA.",
        "GATEHOUSE_SMS__PLIVO_SRC is missing: set the number or name that messages come from.",
    ]


def test_a_group_given_as_broken_json_is_one_sentence() -> None:
    (sentence,) = refusals("migrate", DATABASE="{")
    assert sentence.startswith("GATEHOUSE_…: error parsing value for field")


def test_a_secret_key_that_is_none_is_refused_and_not_shown() -> None:
    (sentence,) = refusals("migrate", SECRET_KEYS="hunter2", DATABASE__URL="postgresql+asyncpg://nowhere")
    assert "`gatehouse keys new`" in sentence
    assert "hunter2" not in sentence


def test_production_lists_everything_it_misses() -> None:
    sentences = refusals("serve", ENVIRONMENT="production")
    assert len(sentences) > 5
    assert all(sentence.startswith("GATEHOUSE_") and sentence.endswith(".") for sentence in sentences)


@pytest.mark.parametrize("url", ["postgres://host/name", "sqlite:///x", "not a url"])
def test_a_database_url_of_another_kind_is_refused(url: str) -> None:
    assert refusals("migrate", DATABASE__URL=url) == ["GATEHOUSE_DATABASE__URL must begin with postgresql+asyncpg://."]


@pytest.mark.parametrize("place", ["host:port/name", "host:/name:/", "[::1/name"])
def test_a_database_url_that_names_no_place_is_one_sentence(place: str) -> None:
    assert refusals("migrate", DATABASE__URL=f"postgresql+asyncpg://hunter2@{place}", SECRET_KEYS=KEY) == [
        "GATEHOUSE_DATABASE__URL is not an address such as postgresql+asyncpg://user:password@host:5432/name."
    ]


def test_a_database_that_does_not_answer_is_one_sentence(postgres_url: str) -> None:
    nobody = "postgresql+asyncpg://127.0.0.1:1/nobody"
    assert refusals("migrate", DATABASE__URL=nobody, SECRET_KEYS=KEY) == [
        "GATEHOUSE_DATABASE__URL: the database does not answer."
    ]
    (sentence,) = refusals("migrate", DATABASE__URL="postgresql+asyncpg://0.0.0.0:1/nobody", SECRET_KEYS=KEY)
    assert sentence.endswith("see GATEHOUSE_DATABASE__TLS_CA and GATEHOUSE_DATABASE__TLS.")
    missing = postgres.named(postgres_url, "missing")
    assert refusals("migrate", DATABASE__URL=missing, DATABASE__TLS="disable") == [
        "GATEHOUSE_DATABASE__URL: The database refuses: InvalidCatalogNameError."
    ]


def test_a_machine_that_cannot_have_the_embedded_server_is_told_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "START_PATIENCE", 0)
    (tmp_path / "postgres" / "data").mkdir(parents=True)
    (tmp_path / "postgres" / "data" / "PG_VERSION").write_text("9")
    (sentence,) = refusals("migrate")
    assert sentence.startswith("The embedded PostgreSQL could not start:")
