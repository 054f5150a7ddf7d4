"""The operator's verbs, one file each: this one only lists them."""

import typer

from app.cli import (
    audit,
    configuration,
    demo,
    doctor,
    env_example,
    keys,
    migrate,
    openapi,
    prune,
    serve,
    sms,
    users,
    users_everybody,
)

commands = typer.Typer(
    help="Run and look after Gatehouse.", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
commands.command("serve")(serve.serve)
commands.command("migrate")(migrate.migrate)
commands.command("demo")(demo.demo)
commands.add_typer(keys.commands, name="keys")
users.commands.command("end-all-sessions")(users_everybody.end_all_sessions)
commands.add_typer(users.commands, name="users")
commands.add_typer(sms.commands, name="sms")
commands.add_typer(audit.commands, name="audit")
commands.command("prune")(prune.prune)
commands.command("doctor")(doctor.doctor)
commands.command("calibrate")(doctor.calibrate)
commands.command("openapi")(openapi.openapi)
commands.command("env-example")(env_example.env_example)
commands.command("configuration")(configuration.configuration)


def main() -> None:
    commands(prog_name="gatehouse")
