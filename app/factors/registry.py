"""The factors of this installation: which kinds exist, which may be enrolled, and their shapes as unions for the wire."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from pydantic import ValidationError

from app.crypto.codes import Fingerprints
from app.factors.base import AnyFactor, CodeRejected, Shape
from app.factors.unions import judged, judged_unnamed, tagged
from app.problems import FactorNotEnrolled
from app.settings import Settings

NO_FACTOR = {"pwd", "mfa"}
"""Methods (RFC 8176 §2) that sessions have whatever factor they were opened with, or without one."""


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
        """The kinds that a user enrolled, without what was issued beside them; of equal rank, in the order of the register."""
        chosen = [kind for kind in kinds if not self._known[kind].issued]
        order = list(self._known)
        return sorted(chosen, key=lambda kind: (-self._known[kind].strength, order.index(kind)))

    def strength_of(self, amr: Iterable[str]) -> int:
        """The rank of the strongest factor among these methods (RFC 8176); 0 when there is none.

        `faults` sees to it that a method has one rank, whichever of the kinds that share it was proved.
        """
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

    def kind_at_once(self, code: str, held: Collection[str] | None = None) -> str | None:
        """The kind that *code* looks like, among those that are answered beside the password; None when there is none.

        *held*: the kinds that its user has; None is all. A code that fits no kind of the installation is judged, and
        counted, as the last one that the user has: a garbled code is no free guess.
        """
        kinds = [kind for kind in self.usable if self._known[kind].at_once]
        likely = [kind for kind in kinds if self._fits(kind, code)] or kinds[::-1]
        return next((kind for kind in likely if held is None or kind in held), None)

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
    yield from _confused(kinds)
    for kind in kinds:
        try:
            _own(kind, settings)
        except ValueError as fault:
            yield str(fault)
    choosable = _choosable(kinds)
    if not settings.mfa.factors or set(settings.mfa.factors) - set(choosable):
        yield f"GATEHOUSE_MFA__FACTORS: choose among {', '.join(choosable)}."


def _confused(kinds: Sequence[type[AnyFactor]]) -> Iterator[str]:
    """A token names a method (`amr`), not a kind: what a proof is worth must not depend on which kind it was."""
    for name, times in Counter(kind.kind for kind in kinds).items():
        if times > 1:
            yield f"Two factors have the kind {name!r}: give each a name of its own."
    for kind in kinds:
        if kind.amr in NO_FACTOR:
            yield f"The factor {kind.kind!r} has the amr {kind.amr!r}, which says nothing of a factor: choose another."
        if kind.strength < 1:
            yield f"The factor {kind.kind!r} has the strength {kind.strength}: the weakest is 1, because 0 is no factor."
    for amr in dict.fromkeys(kind.amr for kind in kinds):
        ranks = {kind.kind: kind.strength for kind in kinds if kind.amr == amr}
        if len(set(ranks.values())) > 1:
            told = ", ".join(f"{kind!r} {strength}" for kind, strength in ranks.items())
            yield f"Factors that share the amr {amr!r} need the same strength, which these have not: {told}."


def _choosable(kinds: Iterable[type[AnyFactor]]) -> list[str]:
    return [kind.kind for kind in kinds if not kind.issued]


def _own(kind: type[AnyFactor], settings: Settings) -> Any:  # noqa: ANN401  each kind has a shape of its own
    """A factor's settings are a view of the group that bears its name, if there is one."""
    try:
        return kind.Settings.model_validate(getattr(settings, kind.kind, None) or {}, from_attributes=True)
    except ValidationError as refused:
        sentences = [fault["msg"].removeprefix("Value error, ") for fault in refused.errors()]
        raise ValueError(" ".join(sentences)) from None
