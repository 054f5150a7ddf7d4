"""`gatehouse doctor`: check this installation, a sentence per check. `gatehouse calibrate`: measure hashing."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Annotated

import typer

from app.cli.development import furnished
from app.cli.environment import try_settings
from app.clock import SystemClock
from app.crypto.calibration import calibrate as calibrated
from app.flows.checkup import Check, State, fail, of_machine, of_names, of_settings, ok
from app.flows.checkup_database import DatabaseCheckup
from app.flows.hashing import yields
from app.senders.reachable import UNKNOWN, plivo_refuses
from app.senders.smtp import SmtpSender
from app.settings import Settings
from app.watch import logs
from app.wiring.unfit import unfit

_LINE = "{:<6}{:<18}{}"


def doctor(
    online: Annotated[bool, typer.Option("--online", help="Also ask Plivo (one GET) and the mail server.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Report as JSON.")] = False,
) -> None:
    """Look whether everything is fit to serve, and say what to do where it is not. Exit code 1 if something fails."""
    checks = _look(online=online)
    if as_json:
        told = [{"name": check.name, "state": check.state, "says": check.says} for check in checks]
        print(json.dumps({"items": told}))
    else:
        print("\n".join(_LINE.format(check.state, check.name, check.says) for check in checks))
    if any(check.state == State.FAIL for check in checks):
        raise typer.Exit(1)


def _look(*, online: bool) -> list[Check]:
    settings, faults = try_settings(unfit)
    if settings is None:
        return [fail("settings", says) for says in faults]
    with furnished() as complete:
        logs.configure(complete.logs, json=complete.logs_as_json, stream=sys.stderr)
        return asyncio.run(_checks(complete, online=online))


async def _checks(settings: Settings, *, online: bool) -> list[Check]:
    checks = [*of_settings(settings), *of_names(os.environ), *of_machine(settings)]
    checks += [check async for check in DatabaseCheckup(settings, SystemClock())()]
    return checks + ([check async for check in _online(settings)] if online else [])


async def _online(settings: Settings) -> AsyncIterator[Check]:
    if settings.sms.plivo_auth_id:
        refusal = await plivo_refuses(settings.sms)
        yield fail("sms", _refused_by_plivo(refusal)) if refusal else ok("sms", "Plivo knows the account.")
    if settings.email.smtp_url:
        refusal = await SmtpSender(settings.email, clock=SystemClock()).refuses()
        advice = f"The mail server cannot be used ({refusal}): see GATEHOUSE_EMAIL__SMTP_URL."
        yield fail("mail", advice) if refusal else ok("mail", "The mail server answers.")


def _refused_by_plivo(refusal: str) -> str:
    if refusal in UNKNOWN:
        return f"Plivo does not know the account ({refusal}): see GATEHOUSE_SMS__PLIVO_AUTH_ID and …_TOKEN."
    return (
        f"Plivo cannot be asked ({refusal}): see GATEHOUSE_SMS__PLIVO_BASE_URL, and whether this machine may reach it."
    )


def calibrate(
    target: Annotated[int, typer.Option(min=10, max=2000, metavar="MS", help="How long a password may take.")] = 250,
) -> None:
    """Measure Argon2id on this machine, and print the settings with which a password takes so long. Nothing is changed."""
    cost = calibrated(timedelta(milliseconds=target))
    print(f"GATEHOUSE_PASSWORDS__MEMORY_KIB={cost.memory_kib}")
    print(f"GATEHOUSE_PASSWORDS__TIME_COST={cost.passes}")
    cores = os.cpu_count() or 1
    said = f"{cost.seconds * 1000:.0f} ms here, alone; {cost.memory_kib // 1024} MiB for each of {cores} at a time."
    typer.echo(f"{said} Old hashes stay good, and are made anew at the next sign-in.", err=True)
    typer.echo(yields(cost, cores), err=True)
