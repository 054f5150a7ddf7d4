"""The development stand-in for phone and mailbox: one file of JSON lines that all workers share. Never for production."""

import fcntl
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from app.clock import Clock
from app.messages import Channel, Delivery, Message, Purpose
from app.senders.base import Sent

KEPT = 1000
LIMIT_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    channel: Channel
    to: str
    purpose: Purpose
    text: str
    code: str | None
    sent_at: datetime


class Inbox:
    """The inbox file and its sender. Writes are short and local: they are not worth a thread."""

    def __init__(self, path: Path, *, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    async def send(self, message: Message) -> Sent:
        entry = Entry(
            message.channel, message.to, message.purpose, message.text, message.code, sent_at=self._clock.now()
        )
        try:
            self._append(entry)
        except OSError:
            return Sent(Delivery.FAILED, "inbox")
        _show(entry)
        return Sent(Delivery.ACCEPTED, "inbox")

    async def close(self) -> None:
        """Do nothing: no file is held open between messages."""

    def read(self, to: str | None = None) -> list[Entry]:
        """Return the entries, newest first. A leading blank in `to` means `+`, which a query string makes a blank."""
        with self._opened(fcntl.LOCK_SH) as file:
            entries = [entry for line in _lines(file) for entry in _entry(line)]
        wanted = f"+{to[1:]}" if to and to.startswith(" ") else to
        return [entry for entry in reversed(entries) if wanted is None or entry.to.casefold() == wanted.casefold()]

    def clear(self) -> None:
        with self._opened(fcntl.LOCK_EX) as file:
            os.ftruncate(file, 0)

    def _append(self, entry: Entry) -> None:
        line = json.dumps(asdict(entry) | {"sent_at": entry.sent_at.isoformat()})
        with self._opened(fcntl.LOCK_EX) as file:
            os.write(file, f"{line}\n".encode())
            if os.fstat(file).st_size > LIMIT_BYTES:
                _trim(file)

    @contextmanager
    def _opened(self, lock: int) -> Iterator[int]:
        """Open and lock the file. It is truncated, never replaced: so a lock means the same to every worker."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        try:
            os.fchmod(file, 0o600)
            fcntl.flock(file, lock)
            yield file
        finally:
            os.close(file)


def _lines(file: int) -> list[bytes]:
    return os.pread(file, os.fstat(file).st_size, 0).splitlines(keepends=True)


def _trim(file: int) -> None:
    kept = _lines(file)[-KEPT:]
    os.ftruncate(file, 0)
    os.write(file, b"".join(kept))


def _entry(line: bytes) -> Iterator[Entry]:
    """Yield the line's entry, or nothing: a worker killed while writing may have left half a line."""
    with suppress(ValueError, TypeError, KeyError):
        found = json.loads(line)
        found["channel"] = Channel(found["channel"])
        found["purpose"] = Purpose(found["purpose"])
        found["sent_at"] = datetime.fromisoformat(found["sent_at"])
        yield Entry(**found)


def _show(entry: Entry) -> None:
    line = f"inbox: {entry.channel} to {entry.to}, {entry.purpose}: {entry.code or 'no code'}"
    sys.stdout.write("".join(letter if letter.isprintable() else "?" for letter in line) + "\n")
    sys.stdout.flush()
