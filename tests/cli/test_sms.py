"""`gatehouse sms` as an operator runs it: what it prints, what it stops, and how it refuses."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from app.cli.users_desk import whoami
from app.crypto.chance import new_id
from tests.verbs import aside, on_database

SEND = """INSERT INTO sends (id, purpose, region, confirmed, number_index, prefix_index, network_index, price, delivery,
    created_at, verified_at) VALUES ($1, $2, $3, $4, $5, '\\x01', $6, $7, $8, $9, $10)"""


@pytest.fixture(autouse=True)
def prices(tmp_path: Path, database_url: str) -> Iterator[None]:
    with on_database(database_url, tmp_path, SMS__PRICES='{"JM": 0.25, "*": 0.01}'):
        yield


sms = partial(aside, "sms")


async def send(
    rows: asyncpg.Connection,
    region: str,
    *,
    price: float = 0.01,
    delivery: str = "accepted",
    verified: bool = False,
    purpose: str = "confirm",
    minutes_ago: float = 60,
) -> None:
    at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    number, network, answered = os.urandom(32), 2 * os.urandom(16), at if verified else None
    sent = (new_id(at), purpose, region, purpose == "sign_in", number, network)
    await rows.execute(SEND, *sent, int(price * 1_000_000), delivery, at, answered)


@pytest.fixture
async def a_day(sweeper: asyncpg.Connection, database_url: str) -> None:  # noqa: ARG001  swept before
    for nth in range(8):
        await send(sweeper, "US", verified=nth < 6, delivery="delivered", purpose="sign_in", minutes_ago=60 + nth)
    await send(sweeper, "US", minutes_ago=1)
    await send(sweeper, "US", purpose="notice")
    await send(sweeper, "US", delivery="failed", price=0)
    for nth in range(12):
        await send(sweeper, "JM", price=0.25, minutes_ago=30 + nth)
    await send(sweeper, "JM", price=0, delivery="none", minutes_ago=29)
    await send(sweeper, "GB", minutes_ago=60 * 25)


async def test_report_tells_by_country_the_dearest_first(a_day: None) -> None:  # noqa: ARG001
    told = [line.split() for line in (await sms("report")).stdout.splitlines()]
    assert told == [
        ["region", "sent", "refused", "delivered", "verified", "conversion", "top_number", "spend"],
        ["JM", "12", "1", "0", "0", "0%", "8%", "3.00"],
        ["US", "10", "0", "8", "6", "75%", "10%", "0.10"],
    ]
    items = json.loads((await sms("report", "--since", "2d", "--json")).stdout)["items"]
    assert [item["region"] for item in items] == ["JM", "US", "GB"]
    assert items[0] == {
        "region": "JM",
        "sent": 12,
        "refused": 1,
        "delivered": 0,
        "verified": 0,
        "conversion": 0.0,
        "top_number": 0.0833,
        "spend": 3.0,
    }
    assert json.loads((await sms("report", "--since", "10m", "--json")).stdout)["items"][0]["conversion"] is None
    assert "-" in (await sms("report", "--since", "10m")).stdout.split()


async def test_simulate_tells_what_other_rules_would_have_refused(a_day: None) -> None:  # noqa: ARG001
    told = json.loads((await sms("simulate", "--rule", "numbers=900/hour", "--json")).stdout)
    assert (told["asked"], told["sent"], told["spend"]) == (24, 22, 3.1)
    assert told["by_limit"] == {"prefix": 1, "conversion": 1}
    rules = ("--rule", "network=900/hour", "--rule", "numbers=900/hour", "--rule", "budget=2/9999day")
    told = json.loads((await sms("simulate", *rules, "--json")).stdout)
    assert told["by_limit"] == {"budget": 10}
    told = json.loads((await sms("simulate", "--rule", "regions=US,GB", "--json")).stdout)
    assert (told["by_limit"]["regions"], told["by_region"]["JM"], told["of_those_honest"]) == (13, 13, 0)
    plain = (await sms("simulate", "--rule", "regions=GB")).stdout
    assert "by limit                regions 24" in plain
    assert "of those honest         6" in plain
    assert "would be spent          0.00" in plain


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("simulate", "--rule", "prefix=often"), "A limit is written like 5/minute;20/hour"),
        (("simulate", "--rule", "prefix"), "A limit is written like 5/minute;20/hour"),
        (("simulate", "--rule", "conversion=3"), "A conversion is written like 0/10;2/20"),
        (("simulate", "--rule", "prefixes=5/hour"), "There is no rule 'prefixes': choose among number, ceiling"),
        (("block", "Jamaica"), "Neither a region"),
        (("block", "+12025550123"), "Neither a region"),
        (("unblock", "JM"), "Nothing blocks it"),
        (("report", "--since", "yesterday"), "write it like 30m, 24h or 7d"),
    ],
)
async def test_what_cannot_be_meant_is_one_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    refused = await sms(*arguments)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert sentence in refused.stderr
    assert "Traceback" not in refused.stderr


async def test_a_block_is_begun_listed_and_ended() -> None:
    began = datetime.now(UTC)
    begun = await sms("block", "JM", "--for", "12h", "--reason", "a campaign")
    assert (begun.exit_code, begun.stdout.splitlines()[1].split()[0]) == (0, "JM")
    (event,) = [json.loads(line) for line in begun.stderr.splitlines()]
    assert (event["event"], event["what"], event["reason"]) == ("sms.blocked", "JM", "a campaign")
    assert event["by"] == whoami()
    assert (await sms("block", "+1876")).exit_code == 0
    listed = json.loads((await sms("blocks", "--json")).stdout)["items"]
    assert [(item["what"], item["reason"], item["until"] is None) for item in listed] == [
        ("JM", "a campaign", False),
        ("+1876", "by an operator", True),
    ]
    assert datetime.fromisoformat(listed[0]["until"]) - began >= timedelta(hours=12)
    plain = (await sms("blocks")).stdout.splitlines()
    assert [line.split()[0] for line in plain] == ["what", "JM", "+1876"]
    assert "unblocked" in plain[2]
    ended = await sms("unblock", "+1876")
    (event,) = [json.loads(line) for line in ended.stderr.splitlines()]
    assert (event["event"], event["by"]) == ("sms.unblocked", whoami())
    assert [item["what"] for item in json.loads((await sms("blocks", "--json")).stdout)["items"]] == ["JM"]


async def test_the_audit_log_says_which_prefix_was_blocked(sweeper: asyncpg.Connection) -> None:
    """An operator named it, and it is no whole number, however many digits it has."""
    begun = await sms("block", "+1876555", "--reason", "a campaign")
    ended = await sms("unblock", "+1876555")
    assert [json.loads(done.stderr)["what"] for done in (begun, ended)] == ["+1876555"] * 2
    rows = await sweeper.fetch("SELECT facts->>'what' AS what FROM audit_events WHERE event LIKE 'sms.%blocked'")
    assert [row["what"] for row in rows] == ["+1876555"] * 2


async def test_without_a_database_it_says_so() -> None:
    os.environ["GATEHOUSE_DATABASE__URL"] = "postgresql+asyncpg://nobody@127.0.0.1:1/nowhere"
    refused = await sms("blocks")
    assert (refused.exit_code, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
