"""The factors of this installation: which kinds exist, which may be enrolled, and their shapes as unions for the wire."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pydantic import ValidationError

from app.crypto.codes import Fingerprints
from app.factors.base import AnyFactor, CodeRejected, Shape
from app.factors.unions import judged, judged_unnamed, tagged
from app.problems import FactorNotEnrolled
from app.settings import Settings


class Code(Shape):
    """A code whose kind is still to be found out."""

    code: str


class Factors:
    """Every registered kind is known, so that an enrolled factor counts though it was switched off (law 10)."""

    def __init__(self, kinds: Iterable[type[AnyFactor]], settings: Settings, *, fingerprints: Fingerprints) -> None:
        kinds = tuple(kinds)
        if told := list(faults(kinds, settings)):
            raise ValueError(" ".join(told))
        self._known = {kind.kind: kind(_own(kind, settings), fingerprints=fingerprints) for kind in kinds}
        self.enrollable = tuple(kind for kind in _choosable(kinds) if kind in settings.mfa.factors)
        self.issued = tuple(kind.kind for kind in kinds if kind.issued)
        self.usable = (*self.enrollable, *self.issued)

    def __getitem__(self, kind: str) -> AnyFactor:
        """Raises FactorNotEnrolled for a kind that is not usable here."""
        if kind not in self.usable:
            raise FactorNotEnrolled
        return self._known[kind]

    def known(self, kind: str) -> AnyFactor:
        """Look *kind* up though it may be switched off."""
        return self._known[kind]

    def strongest_first(self, kinds: Iterable[str]) -> list[str]:
        """The kinds that a user enrolled, without what was issued beside them."""
        chosen = [kind for kind in kinds if not self._known[kind].issued]
        return sorted(chosen, key=lambda kind: -self._known[kind].strength)

    def strength_of(self, amr: Iterable[str]) -> int:
        """The rank of the strongest factor among these methods (RFC 8176); 0 when there is none."""
        methods = set(amr)
        return max((factor.strength for factor in self._known.values() if factor.amr in methods), default=0)

    def read_answer(self, kind: str, answer: Shape) -> Shape:
        """*answer* in the shape of *kind*; one of another shape is a wrong answer: CodeRejected."""
        shape: type[Shape] = self[kind].Answer
        if isinstance(answer, shape):
            return answer
        try:
            return shape.model_validate(answer.model_dump() | {"factor": kind})
        except ValidationError:
            raise CodeRejected from None

    def kind_at_once(self, code: str) -> str | None:
        """The kind that *code* looks like, among those that are answered beside the password; None when there is none.

        One that fits no kind is judged, and counted, as the last one: a garbled code is no free guess.
        """
        kinds = [kind for kind in self.usable if self._known[kind].at_once]
        fitting = [kind for kind in kinds if self._fits(kind, code)]
        return next(iter(fitting or reversed(kinds)), None)

    def _fits(self, kind: str, code: str) -> bool:
        try:
            self.read_answer(kind, Code(code=code))
        except CodeRejected:
            return False
        return True

    def enrolls(self) -> Any:  # noqa: ANN401  a type made at run time
        """The union of what starts an enrolment, told apart by `factor`."""
        return judged({kind: self._known[kind].Enroll for kind in self.enrollable})

    def setups(self) -> Any:  # noqa: ANN401  a type made at run time
        return tagged({kind: self._known[kind].Setup for kind in self.enrollable})

    def answers(self, *beside: type[Shape]) -> Any:  # noqa: ANN401  a type made at run time
        """The union of answers, and of shapes *beside* them; `factor` may be left out, so the first shape that fits is taken."""
        return judged_unnamed({kind: self._known[kind].Answer for kind in self.usable}, *beside)


def faults(kinds: Sequence[type[AnyFactor]], settings: Settings) -> Iterator[str]:
    """What keeps the factors of an installation from being made, a sentence each."""
    for kind in kinds:
        try:
            _own(kind, settings)
        except ValueError as fault:
            yield str(fault)
    choosable = _choosable(kinds)
    if not settings.mfa.factors or set(settings.mfa.factors) - set(choosable):
        yield f"GATEHOUSE_MFA__FACTORS: choose among {', '.join(choosable)}."


def _choosable(kinds: Iterable[type[AnyFactor]]) -> list[str]:
    return [kind.kind for kind in kinds if not kind.issued]


def _own(kind: type[AnyFactor], settings: Settings) -> Any:  # noqa: ANN401  each kind has a shape of its own
    """A factor's settings are a view of the group that bears its name, if there is one."""
    try:
        return kind.Settings.model_validate(getattr(settings, kind.kind, None) or {}, from_attributes=True)
    except ValidationError as refused:
        sentences = [fault["msg"].removeprefix("Value error, ") for fault in refused.errors()]
        raise ValueError(" ".join(sentences)) from None
