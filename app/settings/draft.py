"""The settings as far as they can be read: what is wrong with one of them hides no fault of the others."""

from typing import Any, Self

from pydantic import ModelWrapValidatorHandler, PrivateAttr, ValidationError, model_validator
from pydantic_core import ErrorDetails

from app.settings import Settings


class Draft(Settings):
    """To be judged, not to be run on: a default stands in the place of each setting that is `refused`."""

    _refused: list[ErrorDetails] = PrivateAttr(default_factory=list)

    @property
    def refused(self) -> list[ErrorDetails]:
        return self._refused

    @model_validator(mode="after")
    def refuse_unsafe(self) -> Self:
        return self

    @model_validator(mode="wrap")
    @classmethod
    def leave_out(cls, given: dict[str, Any], read: ModelWrapValidatorHandler[Self]) -> Self:
        """Read again without what is refused, until nothing is."""
        refused: list[ErrorDetails] = []
        while True:
            try:
                draft = read(given)
            except ValidationError as fault:
                refused += fault.errors(include_url=False, include_context=False, include_input=False)
                given = _without(given, refused)
            else:
                draft._refused = refused  # noqa: SLF001  its own
                return draft


def _without(given: dict[str, Any], refused: list[ErrorDetails]) -> dict[str, Any]:
    """A setting lies at most two deep: group and name."""
    places = {fault["loc"][:2] for fault in refused}
    whole = {place[0] for place in places if len(place) == 1 or not isinstance(given.get(str(place[0])), dict)}
    rest = {
        name: {key: knob for key, knob in value.items() if (name, key) not in places}
        if isinstance(value, dict)
        else value
        for name, value in given.items()
        if name not in whole
    }
    # Which rules hold is not known then: those of production would ask for what development does not need.
    rest |= {"environment": "development"} if "environment" in whole else {}
    return rest if rest != given else {}
