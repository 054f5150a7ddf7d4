"""The phone and the mailbox of development: one file that every worker appends to."""

import asyncio
import stat
import subprocess
import sys
import textwrap
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.messages import Channel, Delivery, Message, Purpose
from app.senders import inbox as inbox_module
from app.senders.inbox import Entry, Inbox
from tests.senders.conftest import sms
from tests.standins.clock import ManualClock

MAIL = Message(
    channel=Channel.EMAIL, to="Ada@example.com", purpose=Purpose.VERIFY_EMAIL, text="Grüße\nzwei", code="123456"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "inbox.jsonl"


@pytest.fixture
def inbox(path: Path, clock: ManualClock) -> Inbox:
    return Inbox(path, clock=clock)


async def test_messages_are_read_newest_first_and_whole(inbox: Inbox, clock: ManualClock) -> None:
    first = clock.now()
    assert (await inbox.send(sms())).delivery is Delivery.ACCEPTED
    clock.forward(timedelta(seconds=1))
    assert (await inbox.send(MAIL)).delivery is Delivery.ACCEPTED
    await inbox.close()
    assert inbox.read() == [
        Entry(Channel.EMAIL, "Ada@example.com", Purpose.VERIFY_EMAIL, "Grüße\nzwei", "123456", clock.now()),
        Entry(Channel.SMS, "+4915112345678", Purpose.SIGN_IN, "481516 is your code", "481516", first),
    ]


@pytest.mark.parametrize("to", ["+4915112345678", " 4915112345678"])
async def test_one_recipient_can_be_asked_for_and_a_blank_means_plus(inbox: Inbox, to: str) -> None:
    for message in (sms(), MAIL, sms(to="+15005550006")):
        await inbox.send(message)
    assert [entry.to for entry in inbox.read(to)] == ["+4915112345678"]
    assert [entry.to for entry in inbox.read("ada@EXAMPLE.com")] == ["Ada@example.com"]
    assert inbox.read("+4915112345679") == []


async def test_an_inbox_nobody_wrote_to_is_empty_and_can_be_cleared(inbox: Inbox) -> None:
    assert inbox.read() == []
    await inbox.send(sms())
    inbox.clear()
    assert inbox.read() == []


def test_only_the_owner_can_read_the_file(inbox: Inbox, path: Path) -> None:
    path.parent.mkdir()
    path.write_text("")
    path.chmod(0o644)
    asyncio.run(inbox.send(sms()))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_in_the_place_of_the_file_is_not_followed(inbox: Inbox, path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    path.symlink_to(tmp_path / "elsewhere")
    assert asyncio.run(inbox.send(sms())).delivery is Delivery.FAILED
    assert not (tmp_path / "elsewhere").exists()


async def test_half_a_line_does_not_hide_the_others(inbox: Inbox, path: Path) -> None:
    await inbox.send(sms())
    with path.open("a") as file:
        file.write('[]\n{"channel": "pigeon"}\n{"channel": "sms", "to"\n')
    await inbox.send(MAIL)
    assert [entry.channel for entry in inbox.read()] == [Channel.EMAIL, Channel.SMS]


async def test_the_console_shows_one_line_a_message(inbox: Inbox, capsys: pytest.CaptureFixture[str]) -> None:
    await inbox.send(sms())
    await inbox.send(replace(MAIL, code=None, to="a\x1b[2J\nb@example.com"))
    assert capsys.readouterr().out.splitlines() == [
        "inbox: sms to +4915112345678, sign_in: 481516",
        "inbox: email to a?[2J?b@example.com, verify_email: no code",
    ]


def test_the_file_stays_small_and_keeps_the_newest(inbox: Inbox, path: Path) -> None:
    long = "x" * 900
    for number in range(1300):
        asyncio.run(inbox.send(sms(text=f"{number} {long}")))
    assert path.stat().st_size < 2 * inbox_module.LIMIT_BYTES
    entries = inbox.read()
    assert inbox_module.KEPT <= len(entries) < 1300
    assert entries[0].text == f"1299 {long}"


APPEND = """
    import asyncio, sys, time
    from pathlib import Path
    from app.clock import SystemClock
    from app.senders.inbox import Inbox
    from tests.senders.conftest import sms

    async def main():
        path = Path(sys.argv[1])
        inbox = Inbox(path, clock=SystemClock())
        path.with_name(sys.argv[2]).touch()
        while not all(path.with_name(name).exists() for name in "ab"):  # begin together
            time.sleep(0.001)
        for number in range(600):
            await inbox.send(sms(text=f"{sys.argv[2]} {number}" + "." * 1200))

    asyncio.run(main())
"""


def test_two_processes_share_one_inbox_and_lose_nothing_while_it_is_cut(inbox: Inbox, path: Path) -> None:
    path.parent.mkdir()
    command = [sys.executable, "-c", textwrap.dedent(APPEND), str(path)]
    writers = [subprocess.Popen([*command, name], stdout=subprocess.DEVNULL) for name in ("a", "b")]
    assert [writer.wait(timeout=30) for writer in writers] == [0, 0]
    texts = [entry.text.rstrip(".").split() for entry in inbox.read()]
    assert len(texts) == inbox_module.KEPT
    for writer in "ab":
        kept = [int(number) for name, number in texts if name == writer]
        assert kept == list(range(599, 599 - len(kept), -1))
