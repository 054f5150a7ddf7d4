"""`.env.example` is generated: it must be current, and what it says are the defaults must be the defaults."""

import os
import re
from pathlib import Path

import pytest

from app.cli.env_example import document
from app.settings import Settings

EXAMPLE = Path(__file__).parents[2] / ".env.example"


@pytest.fixture(autouse=True)
def _nobodys_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GATEHOUSE_")]:
        monkeypatch.delenv(name)


def test_the_example_is_current() -> None:
    assert EXAMPLE.read_text() == document(), "run: .venv/bin/python -m app.cli env-example > .env.example"


def test_every_setting_stands_in_it_once() -> None:
    names = [line[1:].partition("=")[0] for line in document().splitlines() if line.startswith("#GATEHOUSE_")]
    assert len(names) == len(set(names))
    assert {"GATEHOUSE_ENVIRONMENT", "GATEHOUSE_DATABASE__URL", "GATEHOUSE_EMAIL__FROM"} <= set(names)


def test_what_compose_wants_besides_stands_in_it_too() -> None:
    wanted = set(re.findall(r"\$\{(\w+)", (EXAMPLE.parent / "compose.yaml").read_text()))
    assert wanted == {"POSTGRES_PASSWORD"}
    assert "\n#POSTGRES_PASSWORD=\n" in document()


def test_a_file_named_env_is_left_to_compose_as_it_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("GATEHOUSE_ENVIRONMENT=development\nGATEHOUSE_HTTP__PORT=8019\n")
    monkeypatch.chdir(tmp_path)
    assert Settings(environment="development").http.port == Settings.model_fields["http"].default.port
    assert "for `docker compose`, which alone reads that file" in document()


def test_writing_every_default_out_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = Settings(environment="development")
    for line in document().splitlines():
        name, _, value = line.removeprefix("#").partition("=")
        if line.startswith("#GATEHOUSE_") and value:
            monkeypatch.setenv(name, value)
    read = Settings(environment="development")
    assert "pool_size" in read.database.model_fields_set
    assert read.model_dump() == defaults.model_dump()
