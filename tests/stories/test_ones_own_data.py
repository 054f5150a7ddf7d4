"""What somebody may change of themselves, and everything that is held about them, handed out on a fresh proof."""

from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from app.flows.answers import Answer, held
from app.store.tables import metadata
from tests.ring import hearing
from tests.world import Person, World

BOOKKEEPING = {"user_id", "credential_version", "version", "counter", "key_id", "email_folded", "attempts", "shown"}
"""Columns that say nothing of anybody, or the same again; docs/privacy.md names them."""
NAMED = {"password_hash", "digest", "fingerprint", "number_index", "prefix_index", "network_index", "receipt", "id"}
"""Columns that are named in the export by what is said instead of them; an id that only its mail may know."""
SHAPES: dict[str, type[Answer]] = {
    "users": held.AccountHeld,
    "sessions": held.SessionHeld,
    "devices": held.DeviceHeld,
    "sends": held.SendHeld,
    "challenges": held.ChallengeHeld,
    "cooldowns": held.CooldownHeld,
    "budgets": held.BudgetHeld,
    "resets": held.ResetHeld,
    "registrations": held.RegistrationHeld,
    "email_changes": held.EmailChangeHeld,
    "email_undos": held.EmailUndoHeld,
    "outbox": held.MailHeld,
}


async def signed_in(world: World) -> Person:
    ada = await world.signed_up()
    await ada.sign_in()
    return ada


async def exported(person: Person) -> dict[str, Any]:
    answer = await person.call("GET", "/me/export")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_name_is_trimmed_and_spelled_one_way_and_goes_away_again(world: World) -> None:
    ada = await signed_in(world)
    named = await ada.call("PATCH", "/me", {"display_name": "  Ame\u0301lie 👩\u200d🚀 "})
    assert (named.status_code, named.json()["display_name"]) == (200, "Am\u00e9lie 👩\u200d🚀")
    assert named.json() == (await ada.call("GET", "/me")).json()
    for nothing in (None, "", " \n "):
        await ada.call("PATCH", "/me", {"display_name": "Ada"})
        assert (await ada.call("PATCH", "/me", {"display_name": nothing})).json()["display_name"] is None


async def test_what_is_left_out_stays_and_an_empty_change_is_none(world: World) -> None:
    ada = await signed_in(world)
    await ada.call("PATCH", "/me", {"display_name": "Ada", "locale": "de-AT"})
    with hearing() as lines:
        for body in ({}, {"locale": None}):
            same = await ada.call("PATCH", "/me", body)
            assert (same.status_code, same.json()["display_name"], same.json()["locale"]) == (200, "Ada", "de-AT")
    assert not [line for line in lines if line["event"] == "user.profile_changed"]
    other = (await ada.call("PATCH", "/me", {"locale": "fr"})).json()
    assert (other["display_name"], other["locale"]) == ("Ada", "fr")


async def test_the_language_of_a_mail_is_the_one_that_was_chosen(world: World) -> None:
    ada = await signed_in(world)
    await ada.call("PATCH", "/me", {"locale": "de"})
    await ada.enrol_phone()
    assert "Faktor" in (await world.message(ada.email, "notice")).text


@pytest.mark.parametrize(
    "body",
    [
        {"display_name": "a" * 101},
        {"display_name": "Ada\u0000"},
        {"display_name": "Ada\nLovelace"},
        {"display_name": "Ada\u202egnissim"},
        {"display_name": "Ada\u2028" + "x"},
        {"display_name": 7},
        {"locale": "deutsch"},
        {"locale": "../../etc"},
        {"locale": ""},
        {"email": "eve@example.test"},
        {"claims": {"admin": True}},
    ],
)
async def test_what_is_no_name_or_language_is_refused_and_changes_nothing(world: World, body: dict[str, Any]) -> None:
    ada = await signed_in(world)
    before = (await ada.call("GET", "/me")).json()
    refused = await ada.call("PATCH", "/me", body)
    assert refused.status_code in {400, 422}
    assert (await ada.call("GET", "/me")).json() == before


async def test_a_hundred_characters_are_a_name_whatever_was_around_them(world: World) -> None:
    ada = await signed_in(world)
    answer = await ada.call("PATCH", "/me", {"display_name": " " * 50 + "e\u0301" * 100 + " " * 50})
    assert answer.json()["display_name"] == "é" * 100


async def test_a_change_is_noted_by_its_fields_and_not_by_what_stands_in_them(world: World) -> None:
    ada = await signed_in(world)
    with hearing() as lines:
        await ada.call("PATCH", "/me", {"display_name": "Countess Lovelace", "locale": "de"})
    (event,) = [line for line in lines if line["event"] == "user.profile_changed"]
    assert event["fields"] == "display_name locale"
    assert "Lovelace" not in str(lines)


async def test_an_export_wants_a_fresh_proof_with_a_factor(world: World) -> None:
    ada = await world.with_phone()
    world.clock.forward(timedelta(minutes=5, seconds=1))
    stale = await ada.call("GET", "/me/export")
    assert (stale.status_code, stale.json()["code"]) == (401, "step_up_required")
    assert "max_age=300" in stale.headers["www-authenticate"]
    await ada.refresh_session()
    assert (await ada.call("GET", "/me/export")).status_code == 401
    await ada.call("POST", "/step-up/challenge", {"factor": "sms"})
    await ada.step_up(ada.code("step_up"), "sms")
    assert (await ada.call("GET", "/me/export")).status_code == 200


async def test_an_export_is_a_file_that_nobody_keeps(world: World) -> None:
    ada = await signed_in(world)
    answer = await ada.call("GET", "/me/export")
    assert answer.headers["content-disposition"] == 'attachment; filename="gatehouse-export.json"'
    assert answer.headers["cache-control"] == "no-store"


async def test_an_export_tells_everything_and_the_number_in_full(world: World) -> None:
    ada = await world.with_phone()
    await ada.enrol_app()
    await ada.call("PATCH", "/me", {"display_name": "Ada"})
    await ada.login(factor="sms")
    await ada.call("POST", "/password/forgot", {"email": ada.email}, token="")
    await world.message(ada.email, "reset")
    await ada.call("PATCH", f"/me/factors/{await ada.factor_id('totp')}", {"label": "My tablet"})

    told = await exported(ada)

    account = told["account"]
    assert (account["email"], account["display_name"], account["active"]) == (ada.email, "Ada", True)
    assert account["password"] == "kept as an Argon2id hash, not given"
    factors = {factor["kind"]: factor for factor in told["factors"]}
    assert factors["sms"]["held"]["phone_number"] == ada.phone
    assert factors["sms"]["held"]["region"] == "US"
    assert factors["totp"]["held"]["seed"] == "kept sealed, not given"
    assert factors["totp"]["label"] == "My tablet"
    assert factors["recovery_code"]["held"] == {"codes": "kept as SHA-256 digests, not given", "remaining": 10}
    assert told["recovery_codes_left"] == 10
    assert [send["purpose"] for send in told["sends"]] == ["confirm", "sign_in"]
    assert {send["region"] for send in told["sends"]} == {"US"}
    assert "sign_in" in {challenge["purpose"] for challenge in told["challenges"]}
    assert {session["ended_at"] is None for session in told["sessions"]} == {True}
    assert told["sessions"][0]["device_id"] in {device["id"] for device in told["devices"]}
    assert len(told["password_resets"]) == 1
    assert [cooldown["kind"] for cooldown in told["cooldowns"]] == ["sms"]
    assert {mail["recipient"] for mail in told["mails"]} <= {ada.email}
    assert datetime.fromisoformat(told["made_at"]) == world.clock.now()


async def test_an_export_holds_no_secret(world: World, sweeper: asyncpg.Connection) -> None:
    ada = await world.with_phone()
    await ada.enrol_app()
    await ada.login(factor="sms")
    await ada.call("POST", "/password/forgot", {"email": ada.email}, token="")
    link = (await world.message(ada.email, "reset")).code
    pending = world.person()
    pending.email = ada.email
    await pending.register()
    told = (await ada.call("GET", "/me/export")).text

    assert ada.app
    assert link
    secrets = {ada.app.secret, ada.password, ada.refresh_token, ada.device_token, ada.mfa_token, ada.access_token, link}
    secrets |= {*ada.recovery_codes, f'"{ada.code("sign_in")}"'}
    for secret in secrets:
        assert secret not in told
    for table in metadata.tables.values():
        for row in await sweeper.fetch(f"SELECT * FROM {table.name}"):  # noqa: S608  our own names
            for value in row.values():
                if isinstance(value, bytes) and len(value) > 8:
                    assert value.hex() not in told
    assert "$argon2id$" not in told


async def test_what_waits_under_the_address_is_told_and_nobody_elses(world: World) -> None:
    ada, bob = await world.with_phone(), await world.with_phone()
    again = world.person()
    again.email = ada.email
    registration = await again.register()
    told, others = await exported(ada), await exported(bob)
    assert [one["email"] for one in told["registrations"]] == [ada.email]
    assert registration not in str(told), "whoever made it has its id"
    assert others["registrations"] == []
    assert ada.email not in str(others)
    assert ada.phone not in str(others)


async def test_a_password_from_elsewhere_is_named_as_such(world: World, sweeper: asyncpg.Connection) -> None:
    ada = await signed_in(world)
    await sweeper.execute("UPDATE users SET password_hash = '$2b$12$' || repeat('x', 53)")
    assert (await exported(ada))["account"]["password"].startswith("kept as the hash of another system")


async def test_a_factor_that_cannot_be_opened_is_named_all_the_same(world: World, sweeper: asyncpg.Connection) -> None:
    ada = await world.with_phone()
    await sweeper.execute("UPDATE enrollments SET state = '\\x00' WHERE kind = 'sms'")
    (factor,) = [one for one in (await exported(ada))["factors"] if one["kind"] == "sms"]
    assert factor["held"] == {"state": "kept sealed, not given"}


async def test_an_export_is_noted(world: World) -> None:
    ada = await signed_in(world)
    with hearing() as lines:
        told = await exported(ada)
    (event,) = [line for line in lines if line["event"] == "user.data_exported"]
    assert event["user_id"] == told["account"]["id"]


def test_every_column_about_a_user_is_given_named_or_bookkeeping() -> None:
    """Whoever adds a column decides; `enrollments` are told by their factors, the audit log by itself."""
    theirs = {name for name, table in metadata.tables.items() if "user_id" in table.c} | {*SHAPES}
    assert theirs - {*SHAPES} <= {"enrollments", "cut_offs", "audit_events", "audit_keys"}
    for name, shape in SHAPES.items():
        columns = {column.name for column in metadata.tables[name].c}
        assert columns - BOOKKEEPING - NAMED <= {*shape.model_fields}, name
        assert not {*shape.model_fields} & columns & (NAMED - {"id"}), name
