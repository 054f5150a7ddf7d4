"""`gatehouse keys`: the secret keys that protect everything at rest, and the keys that sign the tokens."""

import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any

import typer

from app.cli import keys_at_rest
from app.cli.beside import beside, run
from app.cli.environment import refuse
from app.cli.users_desk import AsJson, whoami
from app.clock import SystemClock
from app.crypto.keys import KeyRing, new_secret_key
from app.crypto.vault import Vault
from app.flows.keys import JWKS_MAX_AGE, Keys, KeysMissing, KeysUnreadable
from app.flows.rotation import Rotation, TooSoon, UnknownKey
from app.settings import Settings
from app.store.database import Database
from app.store.signing_keys import KeyState, Role, StoredKey

Verb = Callable[[Rotation], Awaitable[None]]

_BATCH = 500
_COLUMNS = ("kid", "role", "alg", "state", "since", "published until")
_LINE = "{:<45}{:<10}{:<7}{:<9}{:<22}{}"

commands = typer.Typer(help="Make, list, rotate and revoke keys.", no_args_is_help=True)


@commands.command()
def new() -> None:
    """Print a new key for GATEHOUSE_SECRET_KEYS: 32 random bytes, base64url without padding."""
    print(new_secret_key())


@commands.command("list")
def list_(as_json: AsJson = False) -> None:
    """Print the signing keys: which one signs, which one is next, and which ones did."""
    _report(_nothing, as_json=as_json)


@commands.command()
def rotate(
    at_rest: Annotated[
        bool, typer.Option("--at-rest", help="Put everything sealed under the newest of GATEHOUSE_SECRET_KEYS instead.")
    ] = False,
    batch: Annotated[
        int | None, typer.Option(min=1, max=10_000, help="Rows in one transaction of --at-rest; 500 if unset.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Sign tokens with the next keys from now on, beside the running service. No token is refused for it."""
    if at_rest:
        keys_at_rest.reseal(batch=batch or _BATCH, as_json=as_json)
        return
    if batch:
        refuse("--batch goes with --at-rest: signing keys are rotated at once.")
    _report(Rotation.rotate, as_json=as_json, then="Every worker follows within {follow} s; none needs a restart.")


@commands.command(context_settings={"ignore_unknown_options": True})  # a thumbprint may begin with a hyphen
def revoke(
    kid: Annotated[str, typer.Argument(metavar="KID", show_default=False, help="As `gatehouse keys list` shows it.")],
    as_json: AsJson = False,
) -> None:
    """Refuse everything under a signing key that leaked. If it was the one that signs, the next one does at once."""
    then = (
        "Every worker refuses what is under it within {follow} s. "
        "Services that verify tokens by themselves may keep the key in their cache for {cache} s."
    )
    _report(lambda rotation: rotation.revoke(kid), as_json=as_json, then=then)


async def _nothing(_: Rotation) -> None:
    """Change nothing: for the verb that only lists."""


def _report(verb: Verb, *, as_json: bool, then: str = "") -> None:
    with beside() as settings:
        told = _run(settings, verb)
    if as_json:
        print(json.dumps({"items": told}, default=datetime.isoformat))
        return
    print("\n".join([_LINE.format(*_COLUMNS), *map(_as_line, told)]))
    if then:
        follow = settings.tokens.follow_keys_every.total_seconds()
        typer.echo(then.format(follow=f"{follow:g}", cache=f"{JWKS_MAX_AGE.total_seconds():g}"), err=True)


def _run(settings: Settings, verb: Verb) -> list[dict[str, Any]]:
    try:
        return run(
            settings,
            lambda database: _work(settings, database, verb),
            unanswered=": `gatehouse keys list` will show what was done.",
        )
    except (KeysUnreadable, KeysMissing, TooSoon, UnknownKey) as reason:
        refuse(str(reason))


async def _work(settings: Settings, database: Database, verb: Verb) -> list[dict[str, Any]]:
    keys = Keys(settings.tokens, database, SystemClock(), Vault(KeyRing(settings.secret_keys)))
    await verb(Rotation(keys, by=whoami()))
    return [_told(key, keys) for key in sorted(await keys.stored(), key=_in_order)]


def _in_order(key: StoredKey) -> tuple[int, int, float]:
    """Sort by role, the published one first; then by state: next, current, retired, revoked; then the newest first."""
    return list(Role).index(Role(key.role)), list(KeyState).index(key.state), -key.since.timestamp()


def _told(key: StoredKey, keys: Keys) -> dict[str, Any]:
    published = key.role == Role.ACCESS and keys.is_held(key)
    return {
        "kid": key.kid,
        "role": key.role,
        "alg": key.alg,
        "state": key.state,
        "since": key.since,
        "published": published,
        "published_until": keys.good_until(key) if published else None,
    }


def _as_line(told: dict[str, Any]) -> str:
    until = told["published_until"]
    shown = _when(until) if until else "-" if told["published"] else "not published"
    return _LINE.format(told["kid"], told["role"], told["alg"], told["state"], _when(told["since"]), shown)


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
