"""Provides in development what production must configure: a database, a secret key, the service's own address."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from app.cli.environment import read_settings, refuse
from app.crypto.keys import KeyRing, new_secret_key
from app.settings import Settings
from app.store.binaries import NoPostgres
from app.store.embedded import EmbeddedPostgres

_NAMED = (
    "GATEHOUSE_DATABASE__URL",
    "GATEHOUSE_DATABASE__TLS",
    "GATEHOUSE_HTTP__PUBLIC_URL",
    "GATEHOUSE_TOKENS__ISSUER",
    "GATEHOUSE_SECRET_KEYS",
)


@contextmanager
def furnished() -> Iterator[Settings]:
    """Yield complete settings; development makes what is missing, and sets it in the environment, for workers too."""
    settings = read_settings()
    if not settings.in_development:
        yield _checked(settings)
        return
    with _given_back(), _database(settings):
        _name_addresses(settings)
        _give_key(settings)
        yield _checked(read_settings())


@contextmanager
def _given_back() -> Iterator[None]:
    """Restore the environment variables that are set here to what they were before."""
    before = {name: os.environ.get(name) for name in _NAMED}
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            os.environ |= {name: value} if value is not None else {}


def _checked(settings: Settings) -> Settings:
    try:
        KeyRing(settings.secret_keys)
    except ValueError as fault:
        refuse(str(fault))
    return settings


@contextmanager
def _database(settings: Settings) -> Iterator[None]:
    if settings.database.url is not None:
        yield
        return
    try:
        server = EmbeddedPostgres(Path(settings.data_dir) / "postgres")
        os.environ |= {"GATEHOUSE_DATABASE__URL": server.start(), "GATEHOUSE_DATABASE__TLS": "disable"}
    except NoPostgres as reason:
        refuse(str(reason))
    except OSError as reason:
        refuse(f"GATEHOUSE_DATA_DIR: {settings.data_dir} cannot be used ({reason.strerror}).")
    try:
        yield
    finally:
        server.stop()


def _name_addresses(settings: Settings) -> None:
    here = f"http://127.0.0.1:{settings.http.port}"
    os.environ.setdefault("GATEHOUSE_HTTP__PUBLIC_URL", here)
    os.environ.setdefault("GATEHOUSE_TOKENS__ISSUER", here)


def _give_key(settings: Settings) -> None:
    """Make a key if there is none, aside, and hard-link it into place, so that two starts at once agree on one."""
    if settings.secret_keys:
        return
    kept = Path(settings.data_dir) / "secret_keys"
    if not kept.exists():
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = kept.with_name(f"secret_keys.{os.getpid()}")
        aside.touch(mode=0o600)
        aside.write_text(new_secret_key())
        with suppress(FileExistsError):
            kept.hardlink_to(aside)
        aside.unlink()
    os.environ["GATEHOUSE_SECRET_KEYS"] = kept.read_text().strip()
