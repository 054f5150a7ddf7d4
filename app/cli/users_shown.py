"""How users are printed: a table for people, JSON for programs, the same facts in both."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from app.cli.printed import printable
from app.flows.looking import Account
from app.flows.operator import Done
from app.store.users import User

_LISTED = "{:<38}{:<36}{:<9}{:<22}{}"


def account(shown: Account, *, as_json: bool) -> str:
    told = _facts(shown.user) | {name: list(rows) for name, rows in _tables(shown)}
    if as_json:
        return _json(told)
    lines = [f"{name:<17}{_plain(value)}" for name, value in told.items() if not isinstance(value, list)]
    for name, rows in _tables(shown):
        lines += [f"{name:<17}{_row(row)}" for row in rows] or [f"{name:<17}-"]
    return "\n".join(lines)


def people(shown: Sequence[User], after: UUID | None, *, as_json: bool) -> str:
    if as_json:
        return _json({"items": [_facts(user) for user in shown], "next_cursor": str(after) if after else None})
    rows = [
        (str(user.id), user.email, "active" if user.active else "disabled", _plain(user.created_at)) for user in shown
    ]
    lines = [_LISTED.format("id", "email", "", "created", "last sign-in")]
    lines += [
        _LISTED.format(*map(printable, row), _plain(user.last_login_at)) for row, user in zip(rows, shown, strict=True)
    ]
    return "\n".join(lines + ([f"More: --cursor {after}"] if after else []))


def done(what: Done, became: str, *, as_json: bool) -> str:
    user, ended = what.user, what.sessions_ended
    if as_json:
        return _json({"id": str(user.id), "email": user.email, "done": became, "sessions_ended": ended})
    return f"{printable(user.email)} ({user.id}) is {became}{f'; sessions ended: {ended}' if ended else ''}."


def _facts(user: User) -> dict[str, Any]:
    return {
        "id": str(user.id),
        "email": user.email,
        "display_name": user.display_name,
        "active": user.active,
        "password_expired": user.password_expired,
        "email_proof_due": user.email_proof_due,
        "claims": user.claims,
        "locale": user.locale,
        "created_at": user.created_at,
        "last_login_at": user.last_login_at,
    }


def _tables(shown: Account) -> Iterable[tuple[str, list[dict[str, Any]]]]:
    yield (
        "factors",
        [
            {
                "kind": one.enrollment.kind,
                "destination": one.destination,
                "remaining": one.remaining,
                "label": one.enrollment.label,
                "since": one.enrollment.confirmed_at,
            }
            for one in shown.factors
        ],
    )
    yield (
        "sessions",
        [
            {"id": str(one.id), "agent": one.agent, "network": one.network, "acr": one.acr, "since": one.created_at}
            | {"seen_at": one.seen_at}
            for one in shown.sessions
        ],
    )
    yield (
        "devices",
        [
            {"id": str(one.id), "agent": one.agent, "network": one.network, "seen_at": one.seen_at}
            | {"trusted_until": one.trusted_until}
            for one in shown.devices
        ],
    )
    yield (
        "locks",
        [{"of": one.kind, "wrong": one.streak, "locked_until": one.locked_until} for one in shown.locks],
    )
    yield "addresses_left", [{"address": one.email, "may_be_undone_until": one.expires_at} for one in shown.left]


def _row(row: Mapping[str, Any]) -> str:
    """Format the values that are not empty, each after its name, but the first without."""
    first, *rest = row.items()
    return "  ".join(
        [_plain(first[1]), *(f"{name} {_plain(value)}" for name, value in rest if value not in {None, ""})]
    )


def _json(told: dict[str, Any]) -> str:
    return json.dumps(told, default=datetime.isoformat)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, dict):
        return ", ".join(f"{printable(name)}={_plain(one)}" for name, one in value.items()) or "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else printable(str(value))
