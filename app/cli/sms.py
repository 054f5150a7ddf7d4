"""`gatehouse sms`: report SMS by country, simulate other limits, and block or unblock regions and prefixes."""

import json
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, TypeVar

import typer

from app.cli.beside import beside, run
from app.cli.environment import refuse
from app.cli.moments import span
from app.cli.users_desk import AsJson, whoami
from app.clock import SystemClock
from app.crypto.keys import KeyRing
from app.crypto.vault import Vault
from app.flows.sms_operator import SmsOperator, UnknownPlace
from app.settings import Settings
from app.store.database import Database
from app.store.send_reports import Country
from app.store.sms_blocks import Block
from app.watch.sms_blocking import SmsBlocking
from app.watch.sms_replay import Outcome
from app.watch.sms_rules import MILLIONTHS, SmsRules

_Result = TypeVar("_Result")
_COUNTRIES = "{:<9}{:>9}{:>9}{:>11}{:>9}{:>12}{:>12}{:>12}"
_BLOCKS = "{:<12}{:<22}{}"

commands = typer.Typer(help="Watch, try out and stop SMS.", no_args_is_help=True)

Since = Annotated[timedelta, typer.Option(parser=span, metavar="SPAN", help="How far back: 30m, 24h, 7d.")]
Place = Annotated[str, typer.Argument(metavar="REGION_OR_PREFIX", show_default=False, help="JM, or +1876.")]
_DAY: Any = "24h"


@commands.command()
def report(since: Since = _DAY, as_json: AsJson = False) -> None:
    """Print by country what was sent, refused, delivered and answered, and what it cost."""
    with beside() as settings:
        countries = _run(settings, lambda operator: operator.report(since))
    if as_json:
        print(json.dumps({"items": [_told(country) for country in countries]}))
        return
    print(_COUNTRIES.format("region", "sent", "refused", "delivered", "verified", "conversion", "top_number", "spend"))
    for country in countries:
        told, rates = _told(country), [_percent(country.conversion), _percent(country.share_of_one)]
        shown = [told[name] for name in ("region", "sent", "refused", "delivered", "verified")]
        print(_COUNTRIES.format(*shown, *rates, f"{told['spend']:.2f}"))


@commands.command()
def simulate(
    rule: Annotated[
        list[str] | None, typer.Option(metavar="NAME=RULE", help="In the place of a configured one: prefix=5/hour.")
    ] = None,
    since: Since = _DAY,
    as_json: AsJson = False,
) -> None:
    """Play what was asked for against other rules, and print what they would have refused. Nothing is changed.

    Rules: the limits by their names, conversion, budget, and regions=US,DE.
    """
    with beside() as settings:
        outcome = _simulate(settings, dict(text.partition("=")[::2] for text in rule or ()), since)
    told = _outcome(outcome)
    lines = (f"{name.replace('_', ' '):<24}{_plain(value)}" for name, value in told.items())
    print(json.dumps(told) if as_json else "\n".join(lines))


@commands.command()
def block(
    place: Place,
    lasting: Annotated[
        timedelta | None, typer.Option("--for", parser=span, metavar="SPAN", help="12h; without it, until unblocked.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Kept with the block.")] = "by an operator",
    as_json: AsJson = False,
) -> None:
    """Send no SMS to a region or prefix any more, not even to people whose number is known."""
    with beside() as settings:
        begun = _run(settings, lambda operator: operator.block(place, lasting=lasting, reason=reason))
    _list([begun], as_json=as_json)


@commands.command()
def unblock(place: Place, as_json: AsJson = False) -> None:
    """End the blocks of a region or prefix, also that of the conversion breaker."""
    with beside() as settings:
        ended = _run(settings, lambda operator: operator.unblock(place))
    if not ended:
        refuse("Nothing blocks it: see `gatehouse sms blocks`.")
    _list(ended, as_json=as_json)


@commands.command()
def blocks(as_json: AsJson = False) -> None:
    """Print the blocked regions and prefixes, and until when."""
    with beside() as settings:
        standing = _run(settings, lambda operator: operator.blocks())
    _list(standing, as_json=as_json)


def _run(settings: Settings, verb: Callable[[SmsOperator], Coroutine[Any, Any, _Result]]) -> _Result:
    try:
        return run(settings, lambda database: verb(_operator(settings, database)), unanswered=": run this again.")
    except UnknownPlace:
        refuse("Neither a region (ISO 3166, such as JM) nor a prefix (such as +1876, of nine digits at most).")


def _operator(settings: Settings, database: Database) -> SmsOperator:
    rules = _rules(settings, {})
    blocking = SmsBlocking(rules, vault=Vault(KeyRing(settings.secret_keys)))
    return SmsOperator(rules, database, SystemClock(), blocking, by=whoami())


def _rules(settings: Settings, changes: Mapping[str, str]) -> SmsRules:
    try:
        rules = SmsRules.of(settings)
        for name, text in changes.items():
            rules = rules.changed(name, text)
    except ValueError as reason:
        refuse(str(reason))
    return rules


def _simulate(settings: Settings, changes: dict[str, str], since: timedelta) -> Outcome:
    regions = changes.pop("regions", None)
    rules, served = _rules(settings, changes), regions.split(",") if regions else settings.sms.regions
    return _run(settings, lambda operator: operator.simulate(since, rules, regions=served))


def _money(millionths: int) -> float:
    return millionths / MILLIONTHS


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def _told(country: Country) -> dict[str, Any]:
    return {
        "region": country.region or "-",
        "sent": country.sent,
        "refused": country.refused,
        "delivered": country.delivered,
        "verified": country.verified,
        "conversion": country.conversion,
        "top_number": country.share_of_one,
        "spend": _money(country.spend),
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "asked": outcome.asked,
        "sent": outcome.sent_then,
        "spend": _money(outcome.spend_then),
        "would_be_refused": outcome.refused,
        "of_those_honest": outcome.honest,
        "would_be_spent": _money(outcome.spend),
        "by_limit": dict(outcome.by_limit.most_common()),
        "by_region": dict(outcome.by_region.most_common()),
    }


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name or '-'} {count}" for name, count in value.items()) or "-"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _list(shown: list[Block], *, as_json: bool) -> None:
    if as_json:
        told = [{"what": one.label, "until": one.until, "reason": one.reason, "since": one.created_at} for one in shown]
        print(json.dumps({"items": told}, default=datetime.isoformat))
        return
    print(_BLOCKS.format("what", "until", "reason"))
    for one in shown:
        until = f"{one.until:%Y-%m-%d %H:%M} UTC" if one.until else "unblocked"
        print(_BLOCKS.format(one.label, until, one.reason))
