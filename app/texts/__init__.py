"""What is said to people, one data file a language: adding a language is adding a file.

Law: values are put in, never interpreted; a locale only picks among the files that are here, it never names one.
"""

import tomllib
from collections import ChainMap
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from string import Template

FALLBACK = "en"


@dataclass(frozen=True, slots=True)
class Text:
    """`subject` is empty for an SMS. The words may hold a code, so neither is ever shown by `repr`."""

    subject: str = field(repr=False)
    body: str = field(repr=False)


def render(key: str, *, locale: str, **values: str) -> Text:
    """Fill the template `key` in the nearest language there is: `de-AT`, `de`, then `en`.

    KeyError for an unknown key or a value that the template wants and was not given: both are mistakes of ours.
    """
    template = ChainMap(*_nearest(locale))[key]
    return Text(
        subject=Template(template.get("subject", "")).substitute(values),
        body=Template(template["body"]).substitute(values).strip(),
    )


@cache
def languages() -> dict[str, dict[str, dict[str, str]]]:
    """Every language's templates by key, by language tag in lower case."""
    return {
        file.name.removesuffix(".toml").lower(): tomllib.loads(file.read_text(encoding="utf-8"))
        for file in files(__package__).iterdir()
        if file.name.endswith(".toml")
    }


def _nearest(locale: str) -> Iterator[dict[str, dict[str, str]]]:
    """The languages to try, nearest first (RFC 4647 §3.4 lookup); English always last."""
    tag = locale.replace("_", "-").lower()
    while tag:
        if tag in languages():
            yield languages()[tag]
        tag = tag.rpartition("-")[0]
    yield languages()[FALLBACK]
