"""Chooses a person's language from those available (RFC 4647 §3.4 lookup, RFC 9110 §12.5.4).

Law: whatever is asked for, the answer is one of those available, and costs next to nothing to find.
"""

import re
from collections.abc import Collection, Iterator

_LONGEST_TAG = 64
_LONGEST_HEADER = 1000
_RANGE = re.compile(
    r"(?P<tag>\*|[a-z]{1,8}(?:-[a-z0-9]{1,8})*)"
    r"(?:[ \t]*;[ \t]*q=(?P<weight>0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?",
    re.ASCII | re.IGNORECASE,
)


def choose(languages: Collection[str], user_locale: str | None, accept_language: str | None, *, default: str) -> str:
    """Return the language nearest to the user's locale, else to the header's best range with one, else the default."""
    own = _nearest(languages, user_locale or "")
    return own or _accepted(languages, accept_language or "", default) or default


def ever_wider(locale: str) -> Iterator[str]:
    """Yield `de-latn-de`, `de-latn`, `de`; a subtag of a single letter is dropped together with the one after it."""
    subtags = locale.replace("_", "-").lower()[:_LONGEST_TAG].split("-")
    while subtags:
        yield "-".join(subtags)
        subtags.pop()
        if subtags and len(subtags[-1]) == 1:
            subtags.pop()


def _nearest(languages: Collection[str], locale: str) -> str | None:
    return next((tag for tag in ever_wider(locale) if tag in languages), None)


def _accepted(languages: Collection[str], header: str, default: str) -> str | None:
    weights = dict(_weights(header))
    open_to = [language for language in languages if weights.get(language) != 0]
    for tag in sorted((tag for tag, weight in weights.items() if weight), key=lambda tag: -weights[tag]):
        found = default if tag == "*" else _nearest(open_to, tag)
        if found:
            return found
    return None


def _weights(header: str) -> Iterator[tuple[str, float]]:
    """Yield each well-formed range with its weight, in order; no browser's header is nearly as long as the limit."""
    elements = header.split(",") if len(header) <= _LONGEST_HEADER else []
    for element in elements:
        if found := _RANGE.fullmatch(element.strip(" \t")):
            yield found["tag"].lower(), float(found["weight"] or 1)
