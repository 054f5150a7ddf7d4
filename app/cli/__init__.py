"""The operator's verbs: `gatehouse serve | migrate | keys | openapi | env-example`. One file each; this one lists them."""

import typer

from app.cli import env_example, keys, migrate, openapi, serve

commands = typer.Typer(
    help=__doc__.splitlines()[0], no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
commands.command("serve")(serve.serve)
commands.command("migrate")(migrate.migrate)
commands.add_typer(keys.commands, name="keys")
commands.command("openapi")(openapi.openapi)
commands.command("env-example")(env_example.env_example)


def main() -> None:
    commands(prog_name="gatehouse")
