"""What an SMS counts against: which limits, under which key of each, and how many times the rule that key may.

Law: whoever can only make numbers up uses limits that people with a confirmed number do not share.
"""

from collections.abc import Iterator
from typing import TypeAlias

from app.messages import Purpose
from app.settings.sms_limits import SmsLimit
from app.store.sends import Send
from app.watch.limits import WIDER

Count: TypeAlias = tuple[SmsLimit, str, int]


def counts(send: Send, lane: str) -> Iterator[Count]:
    """A number's confirmed owner has one *lane* for known devices and sessions, and another one for everybody else."""
    yield "number", number_in_lane(send, lane), 1
    if send.purpose is not Purpose.NOTICE:
        yield "ceiling", send.number_index.hex(), 1
        yield from ((limit, key, 1) for limit, key in _of_user(send))
    if send.confirmed:
        yield "confirmed_prefix", send.prefix_index.hex(), 1
        yield from (("confirmed_network", network, times) for network, times in networks(send))
        return
    yield "repeat", f"{send.number_index.hex()} {send.wider_network.hex()}", 1
    yield "prefix", send.prefix_index.hex(), 1
    yield from (("network", network, times) for network, times in networks(send))
    yield "country", send.region, 1
    yield "overall", "", 1


def number_in_lane(send: Send, lane: str) -> str:
    return f"{send.number_index.hex()} {lane if send.confirmed else 'unconfirmed'}"


def networks(send: Send) -> list[tuple[str, int]]:
    """The network that asked, and the wider one where there is one."""
    own = (send.network_index.hex(), 1)
    return [own] if send.has_one_network else [own, (send.wider_network.hex(), WIDER)]


def _of_user(send: Send) -> Iterator[tuple[SmsLimit, str]]:
    """The limits of the user; none once they are deleted, which happens only in a replay."""
    if send.user_id is None:
        return
    yield "user", str(send.user_id)
    if not send.confirmed:
        yield "repeat", f"{send.number_index.hex()} {send.user_id}"
