"""A rolling upgrade, really done: the code of the last older schema and this one serve the same people at the same time."""

import io
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.store.migrate import head, upgrade
from tests import postgres as databases
from tests.attack.cluster import postgres, sql
from tests.attack.halves import refuse_halves
from tests.attack.people import Person, expect, with_phone
from tests.attack.service import ROOT, Service, serving_from
from tests.world import KEY

pytestmark = pytest.mark.attack

VERSIONS = "migrations/versions/"
SHARED = {"GATEHOUSE_SECRET_KEYS": KEY, "GATEHOUSE_TOKENS__ISSUER": "http://127.0.0.1:1"}


def git(*arguments: str) -> bytes:
    """What git says; nothing where there is no git, or no history."""
    program = shutil.which("git")
    if program is None:
        return b""
    return subprocess.run([program, *arguments], check=False, cwd=ROOT, capture_output=True).stdout


def newest(commit: str) -> str:
    files = git("ls-tree", "--name-only", commit, VERSIONS).decode().split()
    return max((Path(file).name[:4] for file in files if file.endswith(".py")), default="")


def last_older() -> str | None:
    """The last commit whose schema is older than this one's."""
    commits = git("log", "--format=%H", "--max-count=300").decode().split()
    return next((commit for commit in commits if "" < newest(commit) < head()), None)


@pytest.fixture
def old_code() -> Iterator[Path]:
    commit = last_older()
    if commit is None:
        pytest.skip("no older schema in this clone's history: git fetch --unshallow")
    folder = Path(tempfile.mkdtemp(prefix="gho-"))
    with tarfile.open(fileobj=io.BytesIO(git("archive", commit))) as archive:
        archive.extractall(folder, filter="data")
    yield folder
    shutil.rmtree(folder)


def at(service: Service, person: Person) -> Person:
    """The same person, whose next request goes to *service*."""
    person.service = service
    return person


async def test_old_and_new_replicas_serve_the_same_people(old_code: Path) -> None:
    async with postgres() as cluster:
        await upgrade(databases.settings_for(cluster.url))
        inbox = {"GATEHOUSE_DATA_DIR": tempfile.mkdtemp(prefix="ghi-")}
        given = SHARED | inbox
        async with (
            serving_from(old_code, given, workers=1, database=cluster.url) as old,
            serving_from(ROOT, given, workers=1, database=cluster.url) as new,
            sql(cluster.url) as connection,
        ):
            for first, second in ((old, new), (new, old)):
                ada = await with_phone(first)
                expect(await at(second, ada).session(), 200)
                expect(await ada.refresh(), 200)
                pending = await ada.ask_code()
                expect(await at(first, ada).verify(pending), 200)
                expect(await at(second, ada).call("GET", "/me/factors", token=ada.access_token), 200)
                expect(await ada.call("POST", "/logout", {"refresh_token": ada.refresh_token}), 204)
                expect(await at(first, ada).refresh(), 401)
                expect(await at(first, ada).login(), 200)
            await refuse_halves(connection)
        shutil.rmtree(inbox["GATEHOUSE_DATA_DIR"])
