"""The operator's commands ("verbs"), one file each: lists them, and loads only the one called (decisions/0012)."""

import sys
from collections.abc import Iterable
from pkgutil import resolve_name

import typer

from app.cli.ending import begin, end, end_by_sigterm
from app.cli.lasting import lasting

VERBS = {
    "serve": "app.cli.serve:serve",
    "migrate": "app.cli.migrate:migrate",
    "demo": "app.cli.demo:demo",
    "keys": "app.cli.keys:commands",
    "users": "app.cli.users:commands",
    "sms": "app.cli.sms:commands",
    "audit": "app.cli.audit:commands",
    "prune": "app.cli.prune:prune",
    "doctor": "app.cli.doctor:doctor",
    "calibrate": "app.cli.doctor:calibrate",
    "openapi": "app.cli.openapi:openapi",
    "env-example": "app.cli.env_example:env_example",
    "configuration": "app.cli.configuration:configuration",
}


def main() -> None:
    end_by_sigterm()
    if any("\ud800" <= character <= "\udfff" for character in "".join(sys.argv[1:])):
        typer.echo("Arguments must be UTF-8.", err=True)
        sys.exit(2)
    asked = [verb for verb in sys.argv[1:2] if verb in VERBS]
    with lasting():
        commands = load(asked or VERBS)
    commands(prog_name="gatehouse")


def load(verbs: Iterable[str]) -> typer.Typer:
    """Make the command line of these *verbs*; only their modules are loaded."""
    commands = typer.Typer(
        help="Run and look after Gatehouse.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        result_callback=end,
    )
    commands.callback()(_begin)
    for verb in verbs:
        found = resolve_name(VERBS[verb])
        if isinstance(found, typer.Typer):
            commands.add_typer(found, name=verb)
        else:
            commands.command(verb)(found)
    return commands


def _begin() -> None:
    # Without a callback, typer would take a single verb for the whole command, and its name for an argument.
    begin()
