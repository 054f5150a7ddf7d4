"""Which hosts are this very machine: what is said to any other goes through a network."""

import re
from ipaddress import ip_address
from urllib.parse import parse_qs

_HOSTS = re.compile(r"[\w+]+://(?:[^:/]*(?::[^@]*)?@)?(?:\[([^/?]+)\]|([^/:?]+))?[^?]*(?:\?(.*))?", re.DOTALL)
"""Host and query of a database's URL, found as SQLAlchemy finds them: a password may hold a slash or a question mark."""
_WITH_PORT = re.compile(r"[A-Za-z0-9.-]+:[0-9]*")


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_near(url: str) -> bool:
    """Whether each host that the URL of a database names is a unix socket or loopback.

    Where it names none the driver looks elsewhere (PGHOST), so that is not near.
    """
    hosts = hosts_of(url)
    return bool(hosts) and all(host.startswith("/") or is_loopback(host) for host in hosts)


def hosts_of(url: str) -> list[str]:
    """Those of the authority and of `?host=a:1&host=b:2` or `?host=a,b`, without ports."""
    found = _HOSTS.fullmatch(url)
    if found is None:
        return []
    bracketed, plain, query = found.groups()
    asked = parse_qs(query or "").get("host", [])
    named = [bracketed or plain, *(host for value in asked for host in value.split(","))]
    return [host.partition(":")[0] if _WITH_PORT.fullmatch(host) else host for host in named if host]
