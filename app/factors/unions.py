"""Unions of the factors' shapes, told apart by `factor`: of a body that does not fit, one branch says why."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Annotated, Any

from pydantic import Discriminator, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticKnownError

from app.factors.base import Shape

FACTOR = "factor"


def tagged(shapes: Mapping[str, type[Shape]]) -> Any:  # noqa: ANN401  a type made at run time
    """One of *shapes*, each of which names its own `factor`."""
    either: Any = reduce(or_, shapes.values())
    return Annotated[either, Discriminator(FACTOR)] if len(shapes) > 1 else either


def judged(shapes: Mapping[str, type[Shape]]) -> Any:  # noqa: ANN401  a type made at run time
    """The same for what a client sends."""
    return Annotated[tagged(shapes), WrapValidator(Branches(shapes))]


def judged_unnamed(shapes: Mapping[str, type[Shape]], *beside: type[Shape]) -> Any:  # noqa: ANN401  a type made at run time
    """One of *shapes*, whose `factor` may be left out, or of those *beside*, which have none: the first that fits."""
    either: Any = reduce(or_, (*shapes.values(), *beside))
    return Annotated[either, WrapValidator(Branches(shapes, beside))]


@dataclass(frozen=True, slots=True)
class Branches:
    """Judges the branch that `factor` names. Without it: all of them, and one says why none of them fits."""

    shapes: Mapping[str, type[Shape]]
    beside: tuple[type[Shape], ...] = ()

    def __call__(self, body: Any, whole: ValidatorFunctionWrapHandler) -> Any:  # noqa: ANN401  as it was sent
        if not isinstance(body, dict):
            return whole(body)
        named = body.get(FACTOR)
        if named is None:
            return self._unnamed(body, whole)
        if not isinstance(named, str) or named not in self.shapes:
            raise self._no_such_factor()
        return self.shapes[named].model_validate(body)

    def _unnamed(self, body: dict[str, Any], whole: ValidatorFunctionWrapHandler) -> Any:  # noqa: ANN401  one of the shapes
        try:
            return whole(body)
        except ValidationError:
            nearest = self._nearest(body)
        if nearest is None:
            raise self._no_such_factor()
        return nearest.model_validate(body)

    def _nearest(self, body: dict[str, Any]) -> type[Shape] | None:
        """The shape with the most fields of *body* among those that need no `factor`; None if that is what is missing."""
        if any(_fits(shape, body | {FACTOR: kind}) for kind, shape in self.shapes.items()):
            return None
        fields = body.keys() - {FACTOR}
        unnamed = [shape for shape in (*self.shapes.values(), *self.beside) if not _needs_factor(shape)]
        near = [shape for shape in unnamed if shape.model_fields.keys() & fields]
        return max(near, key=lambda shape: len(shape.model_fields.keys() & fields), default=None)

    def _no_such_factor(self) -> PydanticKnownError:
        """Told at `factor`, with those that there are."""
        kinds = ", ".join(f"'{kind}'" for kind in self.shapes)
        return PydanticKnownError(
            "union_tag_invalid", {"discriminator": f"'{FACTOR}'", "tag": "", "expected_tags": kinds}
        )


def _needs_factor(shape: type[Shape]) -> bool:
    return FACTOR in shape.model_fields and shape.model_fields[FACTOR].is_required()


def _fits(shape: type[Shape], body: dict[str, Any]) -> bool:
    try:
        shape.model_validate(body)
    except ValidationError:
        return False
    return True
