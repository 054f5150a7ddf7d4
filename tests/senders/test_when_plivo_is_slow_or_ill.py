"""Deadlines, threads that are lost and freed, and a process that must still be able to end."""

import asyncio
import logging
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from socket import create_server, socket

import pytest

from app.messages import Delivery
from app.senders.plivo import PlivoSender
from tests.senders.conftest import MakeSender, reasons, sms, sms_settings, until
from tests.standins.clock import ManualClock
from tests.standins.http import hang
from tests.standins.plivo import Behaviour, PlivoStandIn, accepted, drip, late

SHORT = timedelta(seconds=0.3)


@pytest.mark.parametrize("answer", [hang, drip(), drip(close=True)], ids=["hang", "drip", "drip and close"])
async def test_a166_the_deadline_bounds_every_send_and_its_outcome_is_unknown(
    plivo: PlivoStandIn, sms_sender: MakeSender, answer: Behaviour
) -> None:
    plivo.script(answer)
    began = time.monotonic()
    assert (await sms_sender(deadline=SHORT).send(sms())).delivery is Delivery.UNKNOWN
    assert 0.3 <= time.monotonic() - began < 2.5
    assert len(plivo.requests) == 1


@pytest.mark.parametrize("answer", [hang, drip(), drip(close=True)], ids=["hang", "drip", "drip and close"])
async def test_a_thread_that_passed_its_deadline_is_freed(
    plivo: PlivoStandIn, sms_sender: MakeSender, answer: Behaviour
) -> None:
    plivo.script(answer, answer)
    sender = sms_sender(deadline=SHORT, threads=1)
    assert (await sender.send(sms())).delivery is Delivery.UNKNOWN
    await until(lambda: not sender._all_lost())
    assert (await sender.send(sms())).delivery is Delivery.UNKNOWN
    await until(lambda: not sender._all_lost())
    assert (await sender.send(sms())).delivery is Delivery.ACCEPTED
    assert len(plivo.requests) == 3


async def test_a_slow_answer_within_the_deadline_is_waited_for(plivo: PlivoStandIn, sms_sender: MakeSender) -> None:
    plivo.script(late(0.2))
    assert (await sms_sender().send(sms())).delivery is Delivery.ACCEPTED


async def test_the_loop_goes_on_while_sends_hang(plivo: PlivoStandIn, sms_sender: MakeSender) -> None:
    plivo.always(late(0.6))
    sending = asyncio.ensure_future(sms_sender().send(sms()))
    began = time.monotonic()
    for _ in range(20):
        await asyncio.sleep(0.005)
    assert time.monotonic() - began < 0.5
    assert (await sending).delivery is Delivery.ACCEPTED


async def test_what_found_no_thread_in_time_was_surely_not_sent_and_never_is(
    plivo: PlivoStandIn, sms_sender: MakeSender
) -> None:
    plivo.always(hang)
    sender = sms_sender(deadline=SHORT, threads=1)
    outcomes = await asyncio.gather(*(sender.send(sms()) for _ in range(3)))
    assert [sent.delivery for sent in outcomes] == [Delivery.UNKNOWN, Delivery.FAILED, Delivery.FAILED]
    plivo.always(accepted)
    await until(lambda: not sender._all_lost())
    assert (await sender.send(sms())).delivery is Delivery.ACCEPTED
    assert len(plivo.requests) == 2


async def test_too_many_waiting_sends_are_refused_at_once(plivo: PlivoStandIn, sms_sender: MakeSender) -> None:
    plivo.always(late(0.05))
    sender = sms_sender(threads=1)
    outcomes = [sent.delivery for sent in await asyncio.gather(*(sender.send(sms()) for _ in range(40)))]
    assert 1 <= outcomes.count(Delivery.ACCEPTED) <= 9
    assert outcomes.count(Delivery.FAILED) == 40 - outcomes.count(Delivery.ACCEPTED)
    assert len(plivo.requests) == outcomes.count(Delivery.ACCEPTED)


async def test_a_send_that_is_cancelled_before_it_began_never_begins(
    plivo: PlivoStandIn, sms_sender: MakeSender
) -> None:
    plivo.script(late(0.2))
    sender = sms_sender(threads=1)
    first = asyncio.ensure_future(sender.send(sms()))
    await asyncio.to_thread(plivo.wait_for_requests, 1)
    second = asyncio.ensure_future(sender.send(sms()))
    await asyncio.sleep(0.01)
    second.cancel()
    assert (await first).delivery is Delivery.ACCEPTED
    assert (await sender.send(sms())).delivery is Delivery.ACCEPTED
    assert second.cancelled()
    assert len(plivo.requests) == 2


@pytest.fixture
def endless_handshake() -> Iterator[str]:
    """A TLS server whose handshake drips: no single read is slow, and its socket can't be cut from outside."""
    over = threading.Event()
    with create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                connection, _ = server.accept()
                _drip(connection, over)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{server.getsockname()[1]}"
        over.set()
        thread.join()


def _drip(connection: socket, over: threading.Event) -> None:
    with connection, suppress(OSError):
        connection.sendall(b"\x16\x03\x03\x3f\xff")  # a record of 16 KiB is announced
        while not over.wait(0.02):
            connection.sendall(b"\x02")


async def test_when_all_threads_are_lost_sends_fail_at_once(
    endless_handshake: str, sms_sender: MakeSender, caplog: pytest.LogCaptureFixture
) -> None:
    sender = sms_sender(plivo_base_url=endless_handshake, threads=1, deadline=SHORT)
    assert (await sender.send(sms())).delivery is Delivery.UNKNOWN
    assert (await sender.send(sms())).delivery is Delivery.FAILED
    assert reasons(caplog) == ["deadline", "circuit_open"]


async def test_a_burst_uses_one_connection_a_thread_and_throws_none_away(
    plivo: PlivoStandIn, sms_sender: MakeSender, caplog: pytest.LogCaptureFixture
) -> None:
    sender = sms_sender(threads=8)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            outcomes = await asyncio.gather(*(sender.send(sms()) for _ in range(40)))
            assert {sent.delivery for sent in outcomes} == {Delivery.ACCEPTED}
    assert len(plivo.requests) == 120
    assert plivo.connections <= 8
    assert not [record for record in caplog.records if record.name.startswith("urllib3")]


async def test_closing_lets_a_send_under_way_end_and_takes_no_more(plivo: PlivoStandIn, clock: ManualClock) -> None:
    plivo.script(late(0.2))
    sender = PlivoSender(sms_settings(plivo_base_url=plivo.url), clock=clock)
    sending = asyncio.ensure_future(sender.send(sms()))
    await asyncio.to_thread(plivo.wait_for_requests, 1)
    await sender.close()
    assert (await sending).delivery is Delivery.ACCEPTED
    assert (await sender.send(sms())).delivery is Delivery.FAILED
    assert len(plivo.requests) == 1


HUNG = """
    import asyncio, sys
    from datetime import timedelta
    from app.clock import SystemClock
    from app.senders.plivo import PlivoSender
    from tests.senders.conftest import sms, sms_settings

    async def main():
        sender = PlivoSender(sms_settings(plivo_base_url=sys.argv[1], deadline=timedelta(minutes=5)), clock=SystemClock())
        done, _ = await asyncio.wait([asyncio.ensure_future(sender.send(sms()))], timeout=0.3)
        print(len(done), flush=True)

    asyncio.run(main())
"""


def test_a_hung_send_never_holds_the_exit_of_the_process(plivo: PlivoStandIn) -> None:
    plivo.always(drip())
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(HUNG), plivo.url],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")
    assert len(plivo.requests) == 1
