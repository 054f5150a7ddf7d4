"""A database elsewhere is spoken to over TLS that is verified, unless the operator names another mode."""

import ssl
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from app.problems import DatabaseUnavailable
from app.settings.groups import DatabaseSettings
from app.settings.near import hosts_of
from app.store.database import Database
from tests.standins.certificate import certificate, server_context
from tests.standins.tls_to_postgres import ADDRESS, door


async def answers(url: str, **settings: Any) -> bool:
    database = Database(DatabaseSettings.model_validate({"url": url, **settings}))
    try:
        async with database.read() as tx:
            return bool(await tx.scalar(text("SELECT true")))
    except DatabaseUnavailable:
        return False
    finally:
        await database.close()


def pem(folder: Path, name: str, address: str = ADDRESS) -> Path:
    path = folder / f"{name}.pem"
    path.write_bytes(certificate(address))
    return path


async def test_plain_text_over_a_network_has_to_be_asked_for(database_url: str) -> None:
    async with door(database_url, None) as plain:
        assert not await answers(plain.url(database_url))
        assert not await answers(plain.url(database_url), tls="require")
        assert await answers(plain.url(database_url), tls="prefer")
        assert await answers(plain.url(database_url, "127.0.0.1")), "on this machine nobody is in between"
        assert await answers(plain.url(database_url, "localhost"))


async def test_whoever_poses_as_the_database_is_not_spoken_to(database_url: str, tmp_path: Path) -> None:
    ours, named_otherwise = pem(tmp_path, "ours"), pem(tmp_path, "otherwise", "10.0.0.1")
    async with door(database_url, server_context(ours)) as served:
        url = served.url(database_url)
        assert not await answers(url), "signed by nobody whom the system trusts"
        assert not await answers(url, tls_ca=pem(tmp_path, "others")), "nor by whom we name"
        assert served.spoken == []
        assert await answers(url, tls_ca=ours)
        assert served.spoken == ["tls"]
        served.tls = server_context(named_otherwise)
        assert not await answers(url, tls_ca=named_otherwise), "the certificate is another server's"


async def test_a_unix_socket_is_never_tls_and_needs_none(database_url: str) -> None:
    assert await answers(database_url)
    assert await answers(database_url, tls="verify-full")


def wants(server: Path, guest: Path) -> ssl.SSLContext:
    context = server_context(server)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(guest)
    return context


async def test_the_service_shows_its_own_certificate_and_the_next_one_without_a_restart(
    database_url: str, tmp_path: Path
) -> None:
    server, first, second = (pem(tmp_path, name) for name in ("server", "first", "second"))
    shown = tmp_path / "shown.pem"
    shown.write_bytes(first.read_bytes())
    async with door(database_url, wants(server, first)) as served:
        url = served.url(database_url)
        assert not await answers(url, tls_ca=server)
        own = {"url": url, "tls_ca": server, "tls_certificate": shown, "tls_key": shown}
        database = Database(DatabaseSettings.model_validate(own))
        await database.ping()
        served.tls = wants(server, second)
        shown.write_bytes(second.read_bytes())
        async with database.read(), database.spare() as tx:
            assert await tx.scalar(text("SELECT true"))
        served.tls = wants(server, first)
        async with database.read():
            with pytest.raises(DatabaseUnavailable):
                async with database.read():
                    pass
        await database.close()


async def test_a_certificate_that_cannot_be_read_is_a_database_that_does_not_answer(
    database_url: str, tmp_path: Path
) -> None:
    server, broken = pem(tmp_path, "server"), tmp_path / "broken.pem"
    broken.write_text("half of a file that is just being written")
    async with door(database_url, server_context(server)) as served:
        own = {"tls_ca": server, "tls_certificate": broken, "tls_key": broken}
        assert not await answers(served.url(database_url), **own)
        assert served.spoken == []


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+asyncpg://gatehouse:secret@db.example/gatehouse",
        "postgresql+asyncpg://gatehouse:p/a?s#s@db.example:5432/gatehouse",
        "postgresql+asyncpg://localhost:pass/word@db.example/gatehouse",
        "postgresql+asyncpg://gatehouse@[2001:db8::1]:5432/gatehouse",
        "postgresql+asyncpg://gatehouse@[::1]/gatehouse",
        "postgresql+asyncpg://gatehouse@/gatehouse?host=db1:5432&host=db2:5432&target_session_attrs=read-write",
        "postgresql+asyncpg://gatehouse@/gatehouse?host=localhost,db2&port=5432,5433",
        "postgresql+asyncpg://gatehouse@/gatehouse?host=/run/postgresql",
        "postgresql+asyncpg://gatehouse@/gatehouse?host=%2Frun%2Fpostgresql&port=5432",
        "postgresql+asyncpg://127.0.0.1",
    ],
)
def test_the_hosts_are_those_that_the_driver_goes_to(url: str) -> None:
    parsed = make_url(url)
    _, given = parsed.get_dialect()().create_connect_args(parsed)
    hosts = given["host"]
    assert hosts_of(url) == ([hosts] if isinstance(hosts, str) else hosts)
