"""The texts of messages to people, one data file per language: adding a language is adding a file.

Law: values are inserted, never interpreted; a locale only selects one of the files that are here, never names one.
"""

from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from string import Template

from app.texts import lookup
from app.texts.last_line import LastLine
from app.texts.templates import FALLBACK, LANGUAGES, Words, ours, over_ours

__all__ = ["LANGUAGES", "LastLine", "Text", "Texts", "ours", "over_ours"]


@dataclass(frozen=True, slots=True)
class Text:
    """One rendered message. `subject` is empty for an SMS. `repr` shows neither field: they may hold a code."""

    subject: str = field(repr=False)
    body: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Texts:
    """Our texts, overridden by an operator's *own*, by language and key; *last_line* ends an SMS that has a code."""

    own: Mapping[str, dict[str, Words]] = field(default_factory=dict, repr=False)
    last_line: LastLine = field(default_factory=LastLine)

    def render(self, key: str, *, locale: str, **values: str) -> Text:
        """Fill the template `key` in the nearest language there is: `de-AT`, `de`, then `en`.

        Raises KeyError for an unknown key or a missing value of the template: both are mistakes of ours.
        """
        template = ChainMap(*self._nearest(locale))[key]
        filled = {part: Template(words).substitute(values).strip() for part, words in template.items()}
        if "subject" in filled:
            return Text(subject=filled["subject"], body=filled["body"])
        forms = [filled[part] for part in ("body", "short") if part in filled]
        return Text(subject="", body=self.last_line.end(forms, code=values.get("code")))

    def choose(self, user_locale: str | None, accept_language: str | None) -> str:
        """The language to speak: the user's own, then what the request accepts, then English."""
        return lookup.choose(LANGUAGES | self.own.keys(), user_locale, accept_language, default=FALLBACK)

    def _nearest(self, locale: str) -> Iterator[dict[str, Words]]:
        for tag in (*lookup.ever_wider(locale), FALLBACK):
            if tag in self.own:
                yield self.own[tag]
            if tag in LANGUAGES:
                yield ours(tag)
