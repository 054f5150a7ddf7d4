"""The operator's verbs, one file each: this one only lists them."""

import typer

from app.cli import demo, env_example, keys, migrate, openapi, serve, sms, users

commands = typer.Typer(
    help="Run and look after Gatehouse.", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
commands.command("serve")(serve.serve)
commands.command("migrate")(migrate.migrate)
commands.command("demo")(demo.demo)
commands.add_typer(keys.commands, name="keys")
commands.add_typer(users.commands, name="users")
commands.add_typer(sms.commands, name="sms")
commands.command("openapi")(openapi.openapi)
commands.command("env-example")(env_example.env_example)


def main() -> None:
    commands(prog_name="gatehouse")
