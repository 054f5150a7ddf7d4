"""How a verb ends: the exit codes that several verbs share, and the one for an audit log that lacks what was done."""

import os
import signal
from contextvars import ContextVar

import typer

UNRECORDED = 3
INTERRUPTED = 130
TERMINATED = 143
_NO_RECORD = "Done, but the audit log has no record of it."
_lacks_record: ContextVar[bool] = ContextVar("whether the audit log lacks what this verb did", default=False)


def end_by_sigterm() -> None:
    """The first process of a container hears no signal that it has no handler for: end as any other would."""
    if os.getpid() == 1:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(TERMINATED))


def begin() -> None:
    _lacks_record.set(False)


def tell_unrecorded() -> None:
    typer.echo(_NO_RECORD, err=True)
    _lacks_record.set(True)


def end(_: object) -> None:
    """Exit with UNRECORDED if the audit log lacks what was done. Typer calls it after the verb's own output."""
    if _lacks_record.get():
        raise typer.Exit(UNRECORDED)
