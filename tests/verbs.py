"""The operator's whole command line, in this process: it completes the environment, which is given back as it was."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from typer.testing import CliRunner, Result

from app.cli import VERBS, load
from tests.world import KEY, own_logging

commands = load(VERBS)


def run(*arguments: str, **variables: str) -> Result:
    """A verb, with *variables* by the settings' names besides."""
    os.environ |= {f"GATEHOUSE_{name}": value for name, value in variables.items()}
    return CliRunner().invoke(commands, arguments)


@contextmanager
def environment(folder: Path, **given: str) -> Iterator[None]:
    """*given* by the settings' names, without their prefix."""
    before = dict(os.environ)
    given = {"ENVIRONMENT": "development", "DATA_DIR": str(folder), **given}
    os.environ |= {f"GATEHOUSE_{name}": value for name, value in given.items()}
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def on_database(url: str, folder: Path, **given: str) -> Iterator[None]:
    """Where a service may run as well, whose logs go on."""
    given = {"DATABASE__URL": url, "DATABASE__TLS": "disable", "SECRET_KEYS": KEY, "LOGS__FORMAT": "json", **given}
    with environment(folder, **given), own_logging():
        yield
