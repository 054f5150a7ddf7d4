"""`gatehouse audit tail` and `export` as an operator runs them: what they print, what they refuse, and that they are told of."""

import asyncio
import json
import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app.events import Event
from app.watch import audit
from tests.audit import Log
from tests.cli.service import GATEHOUSE, PATIENCE
from tests.verbs import aside, on_database
from tests.world import Person

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
REQUIRED = {
    3001: {"user"},
    3002: {"user", "service"},
    6003: {"actor", "api", "src_endpoint"},
}
OF_EVERY = {"class_uid", "category_uid", "activity_id", "type_uid", "severity_id", "time", "metadata"}
"""What OCSF 1.1.0 requires."""


@pytest.fixture(autouse=True)
def beside(log: Log, tmp_path: Path) -> Iterator[None]:
    with on_database(log.url, tmp_path):
        yield


verb = partial(aside, "audit")


async def lines(*arguments: str) -> list[dict[str, Any]]:
    done = await verb(*arguments)
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines() if not line.startswith("inbox: ")]


async def signed_in(log: Log) -> Person:
    ada = await log.world.signed_up()
    log.world.client.headers["User-Agent"] = FIREFOX
    assert (await ada.login()).status_code == 200
    return ada


async def note(log: Log, event: Event, **facts: object) -> None:
    trail = log.trail()
    with trail.record() as record:
        audit.note(event, **facts)
        await trail.write(record)


async def test_tail_prints_who_from_where_on_what_and_that_it_was_read(log: Log) -> None:
    ada = await signed_in(log)
    done = await verb("tail")
    head, *rows = done.stdout.splitlines()
    assert head.split() == ["at", "(UTC)", "event", "user", "address", "device", "facts"]
    (row,) = [row for row in rows if "sign_in.completed" in row]
    assert ada.email in row
    assert " 127.0.0.1 " in row
    assert " Firefox on Windows " in row
    assert "acr=urn:gatehouse:pwd" in row
    assert "audit.read" in rows[-1], "whoever reads is told of before anything is shown"
    facts = json.loads((await log.named("audit.read"))["facts"])
    assert facts["by"]


async def test_tail_takes_the_newest_of_a_user_of_a_name_and_of_a_time(log: Log) -> None:
    ada, bob = await signed_in(log), await signed_in(log)
    for _ in range(3):
        await ada.refresh_session()
    await log.written("session.refreshed", 3)
    user_id = str((await log.named("session.refreshed"))["user_id"])
    of_ada = await lines("tail", "--user", ada.email, "--json")
    assert {event["user_id"] for event in of_ada} == {user_id}
    assert {event["email"] for event in of_ada} == {ada.email}
    assert bob.email not in str(of_ada)
    named = await lines("tail", "--event", "session.*", "--user", user_id, "--limit", "2", "--json")
    assert [event["event"] for event in named] == ["session.refreshed"] * 2
    assert named[-1]["network_address"] == "127.0.0.1"
    assert named[-1]["agent"] == FIREFOX
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    assert await lines("tail", "--since", tomorrow, "--json") == []
    assert len(await lines("tail", "--since", "1h", "--event", "sign_in.completed", "--json")) == 2
    told = [json.loads(row["facts"]) for row in await log.events() if row["event"] == "audit.read"]
    assert told[1]["events"] == "session.*"
    assert told[2]["since"].startswith(tomorrow)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("tail", "--event", "sign_in.complete"), "docs/events.md"),
        (("tail", "--user", "nobody@example.test"), "Nobody has this address"),
        (("tail", "--since", "yesterday"), "24h"),
        (("tail", "--limit", "0"), "--limit"),
        (("export", "--since", "1h", "--until", "2h"), "--since must be before"),
        (("export", "--until", "2026-13-01"), "2026-03-01"),
        (("export", "--since", "0001-01-01T00:00:00+14:00"), "2026-03-01"),
    ],
)
async def test_what_makes_no_sense_is_refused_with_a_word(arguments: tuple[str, ...], says: str) -> None:
    done = await verb(*arguments)
    assert done.exit_code == 2
    assert says in done.stderr
    assert done.stdout == ""


async def test_a_user_who_was_deleted_is_found_by_id_and_their_address_is_gone(log: Log) -> None:
    await signed_in(log)
    user_id = (await log.named("sign_in.completed"))["user_id"]
    await log.rows.execute("DELETE FROM users WHERE id = $1", user_id)
    done = await verb("tail", "--user", str(user_id))
    (row,) = [row for row in done.stdout.splitlines() if "sign_in.completed" in row]
    assert f"{user_id} erased" in row
    assert "Firefox" not in row
    assert "127.0.0.1" not in row
    await log.seal()
    exported = [
        event
        for event in await lines("export", "--with-personal")
        if event["metadata"]["event_code"] == "sign_in.completed"
    ]
    assert [(event["src_endpoint"], event.get("http_request")) for event in exported] == [({"name": "erased"}, None)]


async def test_a157_whatever_stands_in_a_fact_stays_on_its_line(log: Log) -> None:
    await note(log, Event.USER_DISABLED, reason="a\r\nsign_in.completed \x1b[2J \u2028 \u202e", by="\x07root")
    done = await verb("tail", "--event", "user.disabled")
    _, row = done.stdout.split("\n", 1)
    assert row.count("\n") == 1
    assert row.rstrip("\n").isprintable()
    assert r"a\r\nsign_in.completed \x1b[2J \u2028 \u202e" in row
    (told,) = await lines("tail", "--event", "user.disabled", "--json")
    assert told["facts"]["by"] == "\x07root"


async def test_tail_follows_what_comes_until_it_is_interrupted(log: Log, tmp_path: Path) -> None:
    ada = await signed_in(log)
    output = tmp_path / "tail"
    with output.open("wb") as sink:
        process = subprocess.Popen(  # noqa: ASYNC220  a moment
            [*GATEHOUSE, "audit", "tail", "--follow", "--json", "--event", "sign_in.completed"],
            stdout=sink,
            stderr=sink,
        )

    async def seen(times: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while output.read_text().count("sign_in.completed") < times:
                assert process.poll() is None, output.read_text()
                await asyncio.sleep(0.1)

    try:
        await seen(1)
        for times in (2, 3):
            await ada.login()
            await log.seal()
            await seen(times)
        await asyncio.sleep(2.5)
        process.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(process.wait, PATIENCE) == 130
    finally:
        process.kill()
        process.wait()
    told = [json.loads(line) for line in output.read_text().splitlines() if '"at"' in line]
    kept = [str(row["id"]) for row in await log.events() if row["event"] == "sign_in.completed"]
    assert [event["id"] for event in told] == kept
    assert "Traceback" not in output.read_text()


async def test_export_is_the_chain_in_its_order_in_the_words_of_ocsf(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.flows.audit_export._PAGE", 3)
    ada = await signed_in(log)
    await ada.enrol_phone()
    ada.password = "not the password of anybody"
    assert (await ada.login()).status_code == 401
    await log.seal()
    events = await lines("export")
    numbers = [event["metadata"]["sequence"] for event in events]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > 6
    links = await log.rows.fetch("SELECT seq, link, event_id, event_mac FROM audit_links ORDER BY seq")
    for event, link in zip(events, links, strict=False):
        assert OF_EVERY | REQUIRED[event["class_uid"]] <= {*event}
        assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
        assert event["category_uid"] == event["class_uid"] // 1000
        assert event["metadata"]["uid"] == str(link["event_id"])
        assert (event["unmapped"]["seq"], event["unmapped"]["link"]) == (link["seq"], link["link"].hex())
        assert event["unmapped"]["mac"] == link["event_mac"].hex()
        assert event["src_endpoint"] in ({"name": "withheld"}, {"name": "gatehouse"})
    (sign_in,) = [event for event in events if event["metadata"]["event_code"] == "sign_in.completed"]
    row = await log.named("sign_in.completed")
    assert (sign_in["class_uid"], sign_in["activity_id"], sign_in["status_id"]) == (3002, 1, 1)
    assert sign_in["user"]["uid"] == sign_in["actor"]["user"]["uid"] == str(row["user_id"])
    assert sign_in["session"]["uid"] == str(row["session_id"])
    assert sign_in["time"] == int(row["at"].timestamp() * 1000)
    assert sign_in["metadata"]["correlation_uid"] == row["request_id"]
    assert "127.0.0.1" not in str(events)
    refused = [event for event in events if event["status_id"] == 2]
    assert [event["metadata"]["event_code"] for event in refused] == ["password.refused"]


async def test_export_tells_of_a_span_and_on_request_where_from(log: Log) -> None:
    await signed_in(log)
    await log.seal()
    await log.rows.execute("SELECT pg_sleep(0.01)")
    between = await log.rows.fetchval("SELECT clock_timestamp()")
    await note(log, Event.USER_DISABLED, user_id=(await log.named("sign_in.completed"))["user_id"], by="root")
    await log.seal()
    before = await lines("export", "--until", between.isoformat(), "--with-personal")
    after = await lines("export", "--since", between.isoformat())
    (sign_in,) = [event for event in before if event["metadata"]["event_code"] == "sign_in.completed"]
    assert sign_in["src_endpoint"] == {"ip": "127.0.0.1"}
    assert sign_in["http_request"] == {"user_agent": FIREFOX}
    assert "user.disabled" not in str(before)
    disabled = after[0]
    assert disabled["metadata"]["event_code"] == "user.disabled"
    assert disabled["actor"] == {"user": {"name": "root", "type_id": 2}}
    assert disabled["src_endpoint"] == {"name": "gatehouse"}
    assert "by" not in disabled["unmapped"]["facts"]
    future = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert await lines("export", "--since", future) == []
    told = [json.loads(row["facts"]) for row in await log.events() if row["event"] == "audit.exported"]
    assert [facts["with_personal"] for facts in told] == ["True", "False", "False"]
    assert all(facts["by"] for facts in told)
    await log.seal()
    assert await log.found() == []


async def test_a_removed_row_is_a_gap_in_the_numbers(log: Log) -> None:
    await signed_in(log)
    await log.seal()
    row = await log.named("sign_in.completed")
    seq = await log.rows.fetchval("SELECT seq FROM audit_links WHERE event_id = $1", row["id"])
    await note(log, Event.USER_DISABLED)
    await log.seal()
    await log.forge("DELETE FROM audit_events WHERE id = $1", row["id"])
    numbers = [event["metadata"]["sequence"] for event in await lines("export")]
    assert seq not in numbers
    assert {seq - 1, seq + 1} <= {*numbers}


async def test_an_event_of_another_release_is_exported_all_the_same(log: Log) -> None:
    await note(log, Event.USER_DISABLED, reason="x")
    await log.seal()
    await log.forge("UPDATE audit_events SET event = 'user.of_tomorrow' WHERE event = 'user.disabled'")
    (event,) = [one for one in await lines("export") if one["metadata"]["event_code"] == "user.of_tomorrow"]
    assert (event["class_uid"], event["activity_id"]) == (6003, 99)


@pytest.mark.parametrize("name", ["tail", "export"])
async def test_help_shows_how_it_is_used(name: str) -> None:
    done = await verb(name, "--help")
    assert done.exit_code == 0
    assert f"gatehouse audit {name} --" in done.stdout
