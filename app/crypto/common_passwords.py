"""The list of common passwords, which is slow to load: whoever chooses a password first loads it (decisions/0012)."""

from zxcvbn.frequency_lists import FREQUENCY_LISTS

COMMON = frozenset(FREQUENCY_LISTS["passwords"])
