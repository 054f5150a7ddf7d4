"""What is spoken with a database that the operator says nothing of: TLS that is verified, but on this very machine."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from app.settings.near import is_near
from tests.ground.conftest import SECRET, Environment

USER = f"postgresql+asyncpg://gatehouse:{SECRET}@"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "db.example/gatehouse",
        "10.0.0.7:5432/gatehouse",
        "localhost.example/gatehouse",
        "127.0.0.1.example/gatehouse",
        "[2001:db8::1]/gatehouse",
        "0.0.0.0/gatehouse",
        "/gatehouse?host=db1:5432&host=db2:5432",
        "/gatehouse?host=localhost,db2&port=5432,5433",
        "/gatehouse?host=/run/postgresql&host=db2:5432",
        "localhost/gatehouse?host=db.example",
        "/gatehouse",
    ],
)
@pytest.mark.parametrize("environment_", ["development", "production"])
def test_a146_a_database_elsewhere_is_verified(environment: Environment, environment_: str, elsewhere: str) -> None:
    database = environment.production(ENVIRONMENT=environment_, DATABASE__URL=USER + elsewhere).database
    assert (database.is_near, database.tls_mode) == (False, "verify-full")


@pytest.mark.parametrize(
    "here",
    [
        "localhost/gatehouse",
        "127.0.0.1:5432/gatehouse",
        "127.8.8.8/gatehouse",
        "[::1]:5432/gatehouse",
        "/gatehouse?host=/run/postgresql",
        "/gatehouse?host=%2Frun%2Fpostgresql&port=5432",
        "/gatehouse?host=localhost:5432&host=127.0.0.1:5433",
    ],
)
def test_on_this_machine_tls_is_used_where_it_is_offered(environment: Environment, here: str) -> None:
    database = environment.production(DATABASE__URL=USER + here).database
    assert (database.is_near, database.tls_mode) == (True, "prefer")


def test_what_is_no_url_is_nowhere_near() -> None:
    assert not is_near("localhost")
    assert not is_near("")


@pytest.mark.parametrize("mode", ["disable", "prefer", "require", "verify-full"])
def test_the_operators_word_goes_before(environment: Environment, mode: str) -> None:
    assert environment.production(DATABASE__TLS=mode).database.tls_mode == mode


def test_whoever_names_certificates_wants_them_used(environment: Environment, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.touch()
    near = USER + "localhost/gatehouse"
    assert environment.production(DATABASE__URL=near, DATABASE__TLS_CA=str(path)).database.tls_mode == "verify-full"
    with pytest.raises(ValidationError, match="need verify-full: leave GATEHOUSE_DATABASE__TLS unset"):
        environment.production(DATABASE__TLS="require")


@pytest.mark.parametrize("lacking", ["DATABASE__TLS_KEY", "DATABASE__TLS_CERTIFICATE"])
def test_a_certificate_and_its_key_go_together(environment: Environment, tmp_path: Path, lacking: str) -> None:
    path = tmp_path / "own.pem"
    path.touch()
    both: dict[str, str | None] = dict.fromkeys(("DATABASE__TLS_KEY", "DATABASE__TLS_CERTIFICATE"), str(path))
    with pytest.raises(ValidationError, match="go together: set both"):
        environment.production(**{**both, lacking: None})


@pytest.mark.parametrize("name", ["DATABASE__TLS_CA", "DATABASE__TLS_CERTIFICATE", "DATABASE__TLS_KEY"])
def test_a_file_that_is_not_there_stops_the_start(environment: Environment, tmp_path: Path, name: str) -> None:
    with pytest.raises(ValidationError, match=name.lower().replace("__", ".")):
        environment.production(**{name: str(tmp_path / "nothing.pem")})
