"""The parser with its list of known agents, which is slow to load: so only on first use (decisions/0012)."""

from ua_parser import parse

__all__ = ["parse"]
