"""Secrets as their managers mount them: a folder of files, each named as its variable. What is in one is never told."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError
from pydantic_settings import SettingsError

from app.cli.environment import BETWEEN_SENTENCES, try_settings
from tests.ground.conftest import PRODUCTION, SECRET, Environment

SECRETS = ("SECRET_KEYS", "DATABASE__URL", "EMAIL__SMTP_URL", "SMS__PLIVO_AUTH_TOKEN")


def mount(folder: Path, files: dict[str, str]) -> str:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return str(folder)


def moved() -> dict[str, str | None]:
    """The secrets, as variables that are not set."""
    return dict.fromkeys(SECRETS)


def files() -> dict[str, str]:
    return {f"GATEHOUSE_{name}": PRODUCTION[name] + "\n" for name in SECRETS}


def test_production_starts_with_every_secret_in_a_file(environment: Environment, tmp_path: Path) -> None:
    folder = mount(tmp_path / "secrets", {**files(), "tls.crt": "of somebody else", ".hidden": "too"})
    read = environment.production(**moved(), SECRETS_DIR=folder)
    assert read.database.url
    assert read.database.url.get_secret_value() == PRODUCTION["DATABASE__URL"]
    assert [key.get_secret_value() for key in read.secret_keys] == [PRODUCTION["SECRET_KEYS"]]
    assert read.sms.auth_tokens == (SECRET,)
    assert read.sms.regions == ("US", "DE"), "what is in no file is a variable as before"


def test_as_kubernetes_mounts_them_behind_links(environment: Environment, tmp_path: Path) -> None:
    """Each file is a link to `..data/…`, itself a link to a folder that is exchanged as a whole."""
    mount(tmp_path / "..2031", files())
    (tmp_path / "..data").symlink_to("..2031")
    for name in files():
        (tmp_path / name).symlink_to(f"..data/{name}")
    assert environment.production(**moved(), SECRETS_DIR=str(tmp_path)).email.smtp_url


def test_a_variable_goes_before_the_file(environment: Environment, tmp_path: Path) -> None:
    folder = mount(tmp_path / "secrets", {"GATEHOUSE_SMS__PLIVO_AUTH_TOKEN": "of the file"})
    assert environment.production(SECRETS_DIR=folder).sms.auth_tokens == (SECRET,)


@pytest.mark.parametrize("name", ["GATEHOUSE_DATABASE__PASSWORD", "GATEHOUSE_DATABSE__URL"])
def test_a_file_that_is_no_setting_of_its_group_is_named(environment: Environment, tmp_path: Path, name: str) -> None:
    folder = mount(tmp_path / "secrets", {name: SECRET})
    with pytest.raises(ValidationError):
        environment.production(SECRETS_DIR=folder)
    assert try_settings()[1] == [f"{name}: there is no such setting."]


def test_a_folder_that_is_not_there_stops_the_start(environment: Environment, tmp_path: Path) -> None:
    nothing = str(tmp_path / "nothing")
    with pytest.raises(SettingsError):
        environment.production(SECRETS_DIR=nothing)
    assert try_settings()[1] == [f"GATEHOUSE_SECRETS_DIR: {nothing} cannot be read (No such file or directory)."]


def test_a_file_that_is_no_text_stops_the_start_and_is_not_shown(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "GATEHOUSE_SECRET_KEYS").write_bytes(b"\xff\xfe" + SECRET.encode())
    with pytest.raises(SettingsError) as refusal:
        environment.production(SECRETS_DIR=str(tmp_path))
    assert refusal.value.__cause__ is None
    assert try_settings()[1] == ["GATEHOUSE_SECRETS_DIR: each file is UTF-8 text, and one is not."]


@pytest.fixture
def nobody() -> Iterator[None]:
    """Root may read everything."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65_534)
    yield
    os.seteuid(before)


@pytest.mark.usefixtures("nobody")
@pytest.mark.parametrize("closed", ["file", "folder"])
def test_what_may_not_be_read_stops_the_start(environment: Environment, closed: str) -> None:
    folder = Path(tempfile.mkdtemp())
    file = folder / "GATEHOUSE_SECRET_KEYS"
    file.touch()
    {"file": file, "folder": folder}[closed].chmod(0o000)
    with pytest.raises(SettingsError):
        environment.production(SECRETS_DIR=str(folder))
    (told,) = try_settings()[1]
    assert told.startswith("GATEHOUSE_SECRETS_DIR: ")
    assert told.endswith("cannot be read (Permission denied).")
    folder.chmod(0o700)
    file.unlink()
    folder.rmdir()


def test_no_fault_tells_what_was_in_a_file(environment: Environment, tmp_path: Path) -> None:
    values = {"GATEHOUSE_SECRET_KEYS": f'["{SECRET}"', "GATEHOUSE_DATABASE__URL": "", "GATEHOUSE_WORKERS": SECRET}
    with pytest.raises((ValidationError, SettingsError)) as refusal:
        environment.production(**moved(), SECRETS_DIR=mount(tmp_path / "secrets", values))
    told = " ".join(try_settings()[1])
    assert SECRET not in told + str(refusal.value)
    assert BETWEEN_SENTENCES.split(told)[0].startswith("GATEHOUSE_")
