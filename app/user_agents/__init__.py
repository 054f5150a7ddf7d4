"""Describes a User-Agent header in words its owner recognises: `Firefox on Windows`. Never evidence of anything."""

import re
from importlib import import_module

_PRODUCT = re.compile(r"[A-Za-z][A-Za-z0-9 ._-]{0,39}", re.ASCII)


def describe(agent: str) -> str | None:
    """Name client and system; for an unlisted program, its own product name; None when there is nothing to tell."""
    found = import_module("app.user_agents.listed").parse(agent)
    client = found.user_agent.family if found.user_agent else _product(agent)
    system = found.os.family if found.os else None
    return " on ".join(word for word in (client, system) if word) or None


def _product(agent: str) -> str | None:
    """Return the first product's name (RFC 9110 §10.1.5)."""
    name = _PRODUCT.match(agent.partition("/")[0])
    return name[0].strip() if name else None
