"""Bring users from elsewhere, a batch a transaction: what is done is kept, and whoever is here already is passed over or refused."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from app.clock import Clock
from app.events import Event
from app.flows.newcomers import Newcomer, Newcomers
from app.store import newcomers
from app.store.database import Database, Tx
from app.store.enrollments import AlreadyHeld
from app.watch import audit

_KNOWN = "Somebody has this address already (with --resume they are passed over)."
_HELD = "`phone`: it is another user's second factor."
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Line:
    """What stood there; or, as *fault*, why it cannot be read."""

    number: int
    given: object = field(default=None, repr=False)
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    line: int
    detail: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one batch, or of all so far."""

    lines: int = 0
    imported: int = 0
    skipped: int = 0
    refused: tuple[Refused, ...] = ()


@dataclass
class _Batch:
    """Lines on their way through: those that may still be added, and what became of the others."""

    waiting: dict[int, Newcomer] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)
    skipped: int = 0

    def pass_over(self, number: int, *, resume: bool) -> None:
        del self.waiting[number]
        if resume:
            self.skipped += 1
        else:
            self.refused[number] = _KNOWN


@dataclass(frozen=True)
class ImportUsers:
    """*resume*: whoever is there already was brought by an earlier run. *dry_run*: everything is judged, and nothing written."""

    database: Database
    clock: Clock
    newcomers: Newcomers
    by: str
    reason: str | None = None
    resume: bool = False
    dry_run: bool = False

    async def __call__(self, lines: Sequence[Line]) -> Outcome:
        """One batch; when two runs, or the service, crossed it, it is judged anew."""
        for _ in range(_TRIES):
            batch = self._judge(lines)
            try:
                imported = await self.database.run(lambda tx, batch=batch: self._add(tx, batch))  # type: ignore[misc]
            except AlreadyHeld:
                continue
            return self._told(lines, batch, imported)
        raise AlreadyHeld

    def _told(self, lines: Sequence[Line], batch: _Batch, imported: int) -> Outcome:
        if imported and not self.dry_run:
            names = ",".join(sorted({name for one in batch.waiting.values() for name in one.user.claims}))
            audit.note(Event.USERS_IMPORTED, users=imported, names=names or None, by=self.by, reason=self.reason)
        refused = tuple(Refused(number, batch.refused[number]) for number in sorted(batch.refused))
        return Outcome(len(lines), imported, batch.skipped, refused)

    def _judge(self, lines: Sequence[Line]) -> _Batch:
        batch = _Batch()
        for line in lines:
            if line.fault:
                batch.refused[line.number] = line.fault
                continue
            try:
                batch.waiting[line.number] = self.newcomers.read(line.given)
            except ValueError as reason:
                batch.refused[line.number] = str(reason)
        return batch

    async def _add(self, tx: Tx, batch: _Batch) -> int:
        """How many were, or would be, added."""
        await self._pass_over(tx, batch)
        await self._refuse_held(tx, batch)
        people = {one.user.id: number for number, one in batch.waiting.items()}
        if self.dry_run or not people:
            return len(people)
        added = await newcomers.add(tx, [one.user for one in batch.waiting.values()], at=self.clock.now())
        for user_id in people.keys() - added:
            batch.pass_over(people[user_id], resume=self.resume)
        await newcomers.give(tx, [row for one in batch.waiting.values() for row in one.rows()])
        return len(added)

    async def _pass_over(self, tx: Tx, batch: _Batch) -> None:
        """Whoever has an address already, here or on a line before."""
        seen = await newcomers.known(tx, {one.user.email_folded for one in batch.waiting.values()})
        for number, one in list(batch.waiting.items()):
            if one.user.email_folded in seen:
                batch.pass_over(number, resume=self.resume)
            seen.add(one.user.email_folded)

    async def _refuse_held(self, tx: Tx, batch: _Batch) -> None:
        held = await newcomers.held(tx, [one.indexes for one in batch.waiting.values()])
        for number, one in list(batch.waiting.items()):
            if held.intersection(one.indexes):
                batch.refused[number] = _HELD
                del batch.waiting[number]
            held.update(one.indexes)


def batches(lines: Iterator[Line], size: int) -> Iterator[list[Line]]:
    """*lines*, *size* at a time."""
    batch: list[Line] = []
    for line in lines:
        batch.append(line)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
