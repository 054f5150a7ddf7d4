"""A real PostgreSQL for development and tests, started by its first user and stopped by its last.

Two file locks in the folder say who is there: `start.lock` around starting and stopping, `users.lock` shared by all
users. A lock dies with its process, so a killed owner leaves nothing that the next start cannot put right.
"""

import fcntl
import hashlib
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO
from urllib.parse import quote

from app.store.binaries import Account, NoPostgres, find_account, find_programs

DATABASE = "gatehouse"
SOCKET = ".s.PGSQL.5432"
SOCKET_PATH_BYTES = 103 if sys.platform == "darwin" else 107
PLAIN_PATH = re.compile(r"[\w/.@+-]+", re.ASCII)
TELLING = re.compile("FATAL|DETAIL|error")
STILL_STARTING = 1
START_PATIENCE, RECOVERY_PATIENCE, PAUSE = 5.0, 60.0, 0.05
SETTINGS = "-p 5432 -c listen_addresses= -c max_connections=200"
THROWAWAY = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"
INITDB = ("-U", "postgres", "-E", "UTF8", "--auth=trust", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")


class EmbeddedPostgres:
    """One user of the server that lives in *folder*. *throwaway*: speed before durability, for tests.

    Making one and starting it raise NoPostgres, with a sentence that says what to do.
    """

    def __init__(self, folder: Path, *, throwaway: bool = False) -> None:
        self.folder = folder.absolute()
        self._data = self.folder / "data"
        self._throwaway = throwaway
        self._programs = find_programs()
        self._account = Account()
        self._sockets = self.folder
        self._users: IO[bytes] | None = None

    def start(self) -> str:
        """Attach to the server, starting it when nobody has, and return its database's URL."""
        try:
            self._attach()
        except PermissionError as refused:
            raise NoPostgres(
                f"{self.folder} belongs to another user: remove it, or set GATEHOUSE_DATA_DIR."
            ) from refused
        except BaseException:
            self.stop()
            raise
        return f"postgresql+asyncpg://postgres@/{DATABASE}?host={quote(str(self._sockets))}&port=5432"

    def stop(self) -> None:
        """Detach from the server; its last user stops it."""
        if self._users is None:
            return
        with _locked(self.folder / "start.lock"):
            if _is_last(self._users):
                self._pg_ctl("-m", "fast", "stop")
                self._leave_no_socket_folder()
            self._users.close()
            self._users = None

    def __enter__(self) -> str:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _leave_no_socket_folder(self) -> None:
        if self._sockets != self.folder:
            shutil.rmtree(self._sockets, ignore_errors=True)

    def _attach(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        self._account = find_account(self.folder, self._programs)
        self._sockets = _socket_folder(self.folder, self._account)
        with _locked(self.folder / "start.lock"):
            self._users = _share(self.folder / "users.lock")
            if not self._answers():
                self._launch()
            if self._ask("psql", "-X", "-d", DATABASE, "-c", "") != 0 and self._ask("createdb", DATABASE) != 0:
                raise self._failure("create its database")

    def _answers(self) -> bool:
        deadline = time.monotonic() + RECOVERY_PATIENCE
        while (code := self._ask("pg_isready", "-q")) == STILL_STARTING:
            if time.monotonic() > deadline:
                raise self._failure("recover in time")
            time.sleep(PAUSE)
        return code == 0

    def _launch(self) -> None:
        (self.folder / "log").unlink(missing_ok=True)
        self._forget_the_dead()
        if not self._data.exists():
            self._initialize()
        settings = f"-k {self._sockets} {SETTINGS} {THROWAWAY if self._throwaway else ''}"
        deadline = time.monotonic() + START_PATIENCE
        # After a kill -9 of the server its children hold the shared memory for a moment.
        while self._pg_ctl("-o", settings, "start") != 0:
            if time.monotonic() > deadline:
                raise self._failure("start")
            time.sleep(PAUSE)

    def _forget_the_dead(self) -> None:
        """Delete stale lock files: nobody answered, and PostgreSQL itself would trust a recycled process id in them."""
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        (self._sockets / f"{SOCKET}.lock").unlink(missing_ok=True)

    def _initialize(self) -> None:
        """Build the cluster in another folder, then rename that: a killed initdb leaves no incomplete folder in use."""
        unfinished = self.folder / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        sync = ("--no-sync",) if self._throwaway else ()
        if self._run("initdb", "-D", unfinished, *INITDB, *sync) != 0:
            raise self._failure("be initialized")
        unfinished.rename(self._data)

    def _failure(self, verb: str) -> NoPostgres:
        log = self.folder / "log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        told = [line for line in lines if TELLING.search(line)] or lines
        return NoPostgres(f"The embedded PostgreSQL could not {verb}: {' '.join(told[-2:])} (more in {log})")

    def _pg_ctl(self, *arguments: str | Path) -> int:
        return self._run("pg_ctl", "-D", self._data, "-w", *arguments)

    def _run(self, program: str, *arguments: str | Path) -> int:
        with (self.folder / "log").open("ab") as log:
            return self._account.run(self._programs / program, *arguments, folder=self.folder, output=log)

    def _ask(self, program: str, *arguments: str) -> int:
        where = ("-h", self._sockets, "-p", "5432", "-U", "postgres")
        return Account().run(self._programs / program, *where, *arguments, folder=self.folder)


def _socket_folder(folder: Path, account: Account) -> Path:
    """Where the socket lives: *folder*, unless its path is too long for one or would need quoting on the way."""
    path = str(folder)
    if len(os.fsencode(f"{path}/{SOCKET}")) <= SOCKET_PATH_BYTES and PLAIN_PATH.fullmatch(path):
        return folder
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    aside = Path(tempfile.gettempdir()).resolve() / f"gatehouse-{os.geteuid()}-{digest}"
    with suppress(FileExistsError):
        aside.mkdir(mode=0o700)
        account.take(aside)
    if not account.owns(aside):
        raise NoPostgres(f"{aside} is not a private folder of this user: remove it.")
    return aside


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _share(path: Path) -> IO[bytes]:
    file = path.open("ab")
    fcntl.flock(file, fcntl.LOCK_SH)
    return file


def _is_last(users: IO[bytes]) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
