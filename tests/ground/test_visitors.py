"""A082: where a request comes from is told by the connection; X-Forwarded-For counts only as far as trusted proxies wrote it."""

import pytest

from app.visitor import Visitors

OURS = Visitors(["10.0.0.0/8", "fd00::/8"])


def network(peer: str | None, *forwarded: str) -> str:
    return OURS.read(peer, forwarded=forwarded, agent="").network


@pytest.mark.parametrize(
    ("peer", "forwarded", "told"),
    [
        ("203.0.113.9", (), "203.0.113.9"),
        ("203.0.113.9", ("198.51.100.1",), "203.0.113.9"),
        ("10.0.0.1", ("198.51.100.1",), "198.51.100.1"),
        ("10.0.0.1", ("1.1.1.1, 198.51.100.1",), "198.51.100.1"),
        ("10.0.0.1", ("1.1.1.1, 198.51.100.1, 10.0.0.2",), "198.51.100.1"),
        ("10.0.0.1", ("1.1.1.1", "198.51.100.1"), "198.51.100.1"),
        ("fd00::1", ("198.51.100.1",), "198.51.100.1"),
        ("10.0.0.1", ("nonsense",), "10.0.0.1"),
        ("10.0.0.1", ("198.51.100.1, unknown",), "10.0.0.1"),
        ("10.0.0.1", ("198.51.100.1:4711",), "198.51.100.1"),
        ("10.0.0.1", ("[2001:db8:1:2::1]:443",), "2001:db8:1:2::/64"),
        ("10.0.0.1", ("[2001:db8:1:2::1]",), "2001:db8:1:2::/64"),
        ("10.0.0.1", ("198.51.100.1:4711:1",), "10.0.0.1"),
        ("10.0.0.1", ("[198.51.100.1",), "10.0.0.1"),
        ("10.0.0.1", ("",), "10.0.0.1"),
        ("10.0.0.1", ("10.0.0.3",), "10.0.0.3"),
        (None, ("198.51.100.1",), ""),
        ("/run/socket", (), ""),
    ],
)
def test_a082_a_visitor_cannot_choose_their_address(peer: str | None, forwarded: tuple[str, ...], told: str) -> None:
    assert network(peer, *forwarded) == told


def test_a082_one_subscriber_is_one_network_however_it_is_spelt() -> None:
    assert network("2001:db8:1:2:aaaa::1") == network("2001:DB8:1:2::ffff") == "2001:db8:1:2::/64"
    assert network("::ffff:203.0.113.9") == network("203.0.113.9")
    assert network("fe80::1%eth0") == "fe80::/64"
    wide = [OURS.read(peer, forwarded=(), agent="").wider_network for peer in ("2001:db8:1:2::1", "2001:db8:1:3::1")]
    assert wide == ["2001:db8:1::/48"] * 2


@pytest.mark.parametrize("peer", ["127.0.0.1", "172.17.0.1", "192.168.1.1", "100.64.0.1", "::1", "fe80::1%eth0"])
def test_who_stands_where_own_proxies_stand_is_noticed(peer: str) -> None:
    assert OURS.overlooks(peer)


@pytest.mark.parametrize("peer", ["10.0.0.1", "fd00::1", "::ffff:10.0.0.1", "8.8.8.8", "2600::1", "/run/socket", None])
def test_a_named_proxy_and_a_stranger_are_nothing_to_notice(peer: str | None) -> None:
    assert not OURS.overlooks(peer)


def test_an_agent_is_printable_and_short() -> None:
    agent = OURS.read(None, forwarded=(), agent="Mozilla/5.0\x1b[31m \u202e" + "x" * 10_000).agent
    assert agent.startswith("Mozilla/5.0[31m ")
    assert agent.isascii()
    assert len(agent) == 200
