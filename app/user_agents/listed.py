"""The list of agents that are known, which is slow to load: whoever looks at devices first loads it (decisions/0012)."""

from ua_parser import parse

__all__ = ["parse"]
