"""Where a request comes from: the connection, and X-Forwarded-For only as far as the operator's proxies wrote it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
_SITE, _PROVIDER = 64, 48
_WITH_PORT = re.compile(r"\[([^\]]+)\](?::\d{1,5})?|([0-9.]+):\d{1,5}")
_LONGEST_AGENT = 200


@dataclass(frozen=True, slots=True)
class Visitor:
    """`agent` is the User-Agent header: printable ASCII, cut short, never believed."""

    address: Address | None
    agent: str

    @property
    def network(self) -> str:
        """What one subscriber has: an IPv4 address, or an IPv6 /64. Empty when the address is not known."""
        return self._within(_SITE)

    @property
    def wider_network(self) -> str:
        """The IPv6 /48, in which one customer may have many networks. For IPv4 the same as `network`."""
        return self._within(_PROVIDER)

    def _within(self, prefix: int) -> str:
        if isinstance(self.address, IPv6Address):
            return str(IPv6Network((self.address, prefix), strict=False))
        return str(self.address) if self.address else ""


class Visitors:
    """Reads visitors. *proxies* are the networks whose X-Forwarded-For is trusted."""

    def __init__(self, proxies: Iterable[str]) -> None:
        self._proxies: list[IPv4Network | IPv6Network] = [ip_network(proxy) for proxy in proxies]

    def read(self, peer: str | None, *, forwarded: Sequence[str], agent: str) -> Visitor:
        """Return the visitor. *forwarded* are the values of all X-Forwarded-For headers in their order."""
        shown = "".join(letter for letter in agent[: 2 * _LONGEST_AGENT] if " " <= letter <= "~")
        return Visitor(self._address(peer, forwarded), shown[:_LONGEST_AGENT])

    def trusts(self, peer: str | None) -> bool:
        """Whether *peer* is an own proxy."""
        address = read_address(peer or "")
        return address is not None and self._trusts(address)

    def overlooks(self, peer: str | None) -> bool:
        """Whether *peer*, which sent X-Forwarded-For, has a non-public address, as own proxies do, but is not named."""
        address = read_address(peer or "")
        return address is not None and not address.is_global and not self._trusts(address)

    def _address(self, peer: str | None, forwarded: Sequence[str]) -> Address | None:
        """Walk from the right: each trusted proxy names the hop before it; the first untrusted one is the visitor."""
        address = read_address(peer or "")
        hops = [hop.strip() for value in forwarded for hop in value.split(",")]
        while address and hops and self._trusts(address):
            told = read_address(hops.pop())
            if told is None:
                return address
            address = told
        return address

    def _trusts(self, address: Address) -> bool:
        return any(address in proxy for proxy in self._proxies)


def read_address(text: str) -> Address | None:
    """Read an address, without the port that some proxies add (RFC 7239 §6) and without its zone: others cannot use it.

    An IPv4-mapped IPv6 address becomes the IPv4 address (RFC 4291 §2.5.5.2). None for what is no address.
    """
    try:
        address = ip_address(_without_port(text).partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _without_port(text: str) -> str:
    found = _WITH_PORT.fullmatch(text)
    return next(filter(None, found.groups())) if found else text
