"""`gatehouse keys`: the keys that everything secret hangs on."""

import typer

from app.crypto.keys import new_secret_key

commands = typer.Typer(help="Make the keys that everything secret hangs on.", no_args_is_help=True)


@commands.callback()
def keys() -> None:
    """Keep `new` a verb of its own: a lone command would otherwise swallow its name."""


@commands.command()
def new() -> None:
    """Print a new key for GATEHOUSE_SECRET_KEYS: 32 random bytes, base64url without padding."""
    print(new_secret_key())
