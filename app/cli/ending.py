"""How a verb ends: the exit codes that several verbs share, and the one for an audit log that lacks what was done."""

from contextvars import ContextVar

import typer

UNRECORDED = 3
INTERRUPTED = 130
_NO_RECORD = "Done, but the audit log has no record of it."
_lacks_record: ContextVar[bool] = ContextVar("whether the audit log lacks what this verb did", default=False)


def begin() -> None:
    _lacks_record.set(False)


def tell_unrecorded() -> None:
    typer.echo(_NO_RECORD, err=True)
    _lacks_record.set(True)


def end(_: object) -> None:
    """Exit with UNRECORDED if the audit log lacks what was done. Typer calls it after the verb's own output."""
    if _lacks_record.get():
        raise typer.Exit(UNRECORDED)
