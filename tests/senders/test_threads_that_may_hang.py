"""The threads under a sender: whatever a call raises, its thread lives on."""

import threading
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from app.senders.threads import Threads

SOON = timedelta(seconds=5)


@dataclass
class Tool:
    closed: threading.Event = field(default_factory=threading.Event)

    def close(self) -> None:
        self.closed.set()


def test_a_call_that_raises_tells_its_caller_and_costs_no_thread() -> None:
    threads = Threads([Tool()], name="test", waiting=2)
    broken = threads.submit(lambda _: 1 // 0)
    assert broken is not None
    with pytest.raises(ZeroDivisionError):
        broken.result(timeout=5)
    answered = threads.submit(lambda _: "alive")
    assert answered is not None
    assert answered.result(timeout=5) == "alive"


async def test_closing_ends_every_thread_and_lets_go_of_its_tool() -> None:
    tools = [Tool(), Tool()]
    threads = Threads(tools, name="test", waiting=2)
    assert threads.submit(lambda _: None) is not None
    await threads.close(within=SOON)
    assert all(tool.closed.is_set() for tool in tools)
    assert threads.submit(lambda _: None) is None


async def test_closing_does_not_wait_for_a_call_that_hangs() -> None:
    gate = threading.Event()
    threads = Threads([Tool()], name="test", waiting=2)
    hung = threads.submit(lambda _: gate.wait())
    assert hung is not None
    await threads.close(within=timedelta(seconds=0.05))
    assert not hung.done()
    gate.set()
