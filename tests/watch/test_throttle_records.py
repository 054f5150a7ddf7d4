"""What the throttle does beside refusing: it notes, it only notes, it remembers digests, and it fails closed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from app.crypto.keys import new_secret_key
from app.problems import DatabaseUnavailable
from app.settings.rules import read_rules
from app.store.database import Database
from tests.postgres import settings_for
from tests.standins.clock import ManualClock
from tests.watch.guesses import ADA, EVERYBODY, EVERYWHERE, HOME, Guesses, remembered, throttle, visitor
from tests.world import KEY

Lines = Callable[[], list[dict[str, Any]]]


async def test_record_only_lets_pass_what_it_notes(database: Database, lines: Lines) -> None:
    guesses = Guesses(throttle(database, login="record_only", network="record_only"), ManualClock())
    for tried, limit in (
        ([(ADA, HOME)] * 6, "login account and network"),
        (EVERYWHERE[:110], "login account"),
        (EVERYBODY[:40], "login network"),
    ):
        assert await guesses.each(tried) == len(tried)
        noted = [(line["limit"], line["mode"]) for line in lines() if line["event"] == "limit.exceeded"]
        assert (limit, "record_only") in noted
    assert await guesses.wrongs(6, device=(phone := uuid4())) == 6
    assert lines()[-1]["limit"] == "login known device"
    assert not [line for line in lines() if ADA in str(line) or HOME in str(line) or str(phone) in str(line)]


async def test_record_only_counts_as_if_it_were_enforced(database: Database) -> None:
    """Once it is, nobody pays for what was only noted."""
    guesses = Guesses(throttle(database, login="record_only", network="record_only"), ManualClock())
    await guesses.each([*EVERYBODY, *EVERYWHERE])
    guesses.throttle = throttle(database)
    assert await guesses.wrong(*EVERYBODY[0]) == timedelta(seconds=2)
    assert await guesses.wrong(ADA, "192.0.2.1") == timedelta(seconds=36)


async def test_record_only_gives_back_only_what_was_taken(database: Database) -> None:
    guesses = Guesses(throttle(database, login="record_only", network="record_only"), ManualClock())
    await guesses.each(EVERYBODY[:30])
    assert [await guesses.right("eve@example.test") for _ in range(20)] == [None] * 20
    guesses.throttle = throttle(database)
    assert await guesses.wrong(*EVERYBODY[40]) == timedelta(seconds=2)


async def test_the_two_modes_are_apart(database: Database) -> None:
    guesses = Guesses(throttle(database, network="record_only"), ManualClock())
    assert await guesses.each(EVERYBODY[:100]) == 100
    assert await guesses.wrongs(10) == 5
    guesses = Guesses(throttle(database, login="record_only"), ManualClock())
    assert await guesses.each(EVERYBODY[:100]) == 0
    guesses.forward(60)
    assert await guesses.wrongs(40) == 30


async def test_what_is_refused_is_noted_without_a_word_on_whom(guesses: Guesses, lines: Lines) -> None:
    await guesses.wrongs(6)
    told = [(line["limit"], line["mode"]) for line in lines() if line["event"] == "limit.exceeded"]
    assert told == [("login account and network", "enforce")]
    assert ADA not in str(lines())


async def test_the_tables_say_nothing_about_whom_they_limit(guesses: Guesses, sweeper: asyncpg.Connection) -> None:
    await guesses.wrong(ADA, "2001:db8:1:2::1")
    rows = await remembered(sweeper)
    assert {table: len(found) for table, found in rows.items()} == {"throttles": 1, "limits": 1, "network_limits": 4}
    keys = [key for found in rows.values() for key, *_ in found]
    assert {len(key) for key in keys} == {32}
    assert len(set(keys)) == 6
    await guesses.wrong(ADA, HOME)  # which has no wider network
    assert [len(found) for found in (await remembered(sweeper)).values()] == [2, 1, 6]


async def test_a083_only_the_windows_of_networks_end_with_a_crash(sweeper: asyncpg.Connection, clean: None) -> None:  # noqa: ARG001
    kept = await sweeper.fetch(
        "SELECT relname, relpersistence FROM pg_class WHERE relname = ANY($1)", list(await remembered(sweeper))
    )
    assert {row["relname"]: row["relpersistence"] for row in kept} == {
        "throttles": b"p",
        "limits": b"p",
        "network_limits": b"u",
    }


async def test_with_a_new_first_key_everything_is_counted_anew(database: Database) -> None:
    clock, new = ManualClock(), new_secret_key()
    before, after = (Guesses(throttle(database, *keys), clock) for keys in ((KEY,), (new, KEY)))
    assert await before.wrongs(6) == 5
    assert await after.wrongs(6) == 5
    assert await before.wrong() is not None
    before.throttle = throttle(database, KEY, new)
    assert await before.wrong() is not None


async def test_without_a_database_nobody_gets_past_it() -> None:
    gone = Database(settings_for("postgresql+asyncpg://nobody@127.0.0.1:1/nowhere"))
    with pytest.raises(DatabaseUnavailable):
        await throttle(gone).spend(ADA, visitor(HOME), known=None, at=ManualClock().now())
    await gone.close()


@pytest.mark.parametrize("rules", ["", "30", "0/minute", "30/week", "1.5/hour", "5/minute,20/hour", "5/hour;6/hour"])
def test_a_limit_that_cannot_be_meant_is_refused_with_an_example(rules: str) -> None:
    with pytest.raises(ValueError, match="5/minute;20/hour"):
        read_rules(rules)
