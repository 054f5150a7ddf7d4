"""Users of an embedded server, and what they see of it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests import postgres

ROOT = Path(__file__).parents[2]
USER = """
import sys
from pathlib import Path
from app.store.binaries import NoPostgres
from app.store.embedded import EmbeddedPostgres
try:
    with EmbeddedPostgres(Path(sys.argv[1]), throwaway=True) as url:
        print(url, flush=True)
        sys.stdin.read()
except NoPostgres as reason:
    print(reason, flush=True)
"""


@contextmanager
def another_process(folder: Path, *prefix: str) -> Iterator[subprocess.Popen[str]]:
    """A user of *folder* in a process of its own, who stays until its input ends; its first line is its URL or its sorrow."""
    command = [*prefix, sys.executable, "-c", USER, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def is_running(folder: Path) -> bool:
    return (folder / "data" / "postmaster.pid").exists()


def server_pid(folder: Path) -> int:
    return int((folder / "data" / "postmaster.pid").read_text().split()[0])


def socket_folder(url: str) -> Path:
    return Path(parse_qs(urlsplit(url).query)["host"][0])


async def ask(url: str, question: str) -> object:
    connection = await postgres.connect(url)
    answer: object = await connection.fetchval(question)
    await connection.close()
    return answer
