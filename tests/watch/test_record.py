"""What is noted goes into the record that is open around it, and nothing of it is lost when that ends."""

import asyncio

import pytest

from app.events import Event
from app.watch import audit
from app.watch.audit import Noted, Record, Whence
from tests.standins.clock import ManualClock


def record(late: list[Noted]) -> Record:
    return Record(ManualClock(), Whence("a-request"), late.append, lambda *_: False)


def reasons(events: list[Noted]) -> list[object]:
    return [noted.facts["reason"] for noted in events]


def note(reason: str) -> None:
    audit.note(Event.USER_DISABLED, reason=reason)


def test_the_innermost_record_takes_it_and_then_the_one_around_it() -> None:
    with record([]) as outer:
        note("before")
        with record([]) as inner:
            note("within")
            assert reasons(inner.close()) == ["within"]
        note("after")
        assert reasons(outer.close()) == ["before", "after"]


def test_what_is_left_in_it_comes_late_however_it_ends() -> None:
    late: list[Noted] = []

    def stumble() -> None:
        with record(late):
            note("left")
            raise KeyError

    with pytest.raises(KeyError):
        stumble()
    note("of nobody")

    assert reasons(late) == ["left"]


async def test_what_a_task_notes_after_the_end_comes_late_too() -> None:
    late: list[Noted] = []
    over = asyncio.Event()

    async def afterwards() -> None:
        await over.wait()
        note("afterwards")

    with record(late):
        task = asyncio.create_task(afterwards())
        await asyncio.sleep(0)
    over.set()
    await task

    assert reasons(late) == ["afterwards"]
