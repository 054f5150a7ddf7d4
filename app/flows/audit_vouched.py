"""What checkpoints vouch for: those of the database, compared with what its table says of them, and those that were kept elsewhere."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from app.crypto.audit_checkpoints import Checkpoint, Checkpoints
from app.crypto.signing import SigningKey
from app.flows.audit_walk import Finding
from app.store.audit_chain import StoredCheckpoint

APART = timedelta(minutes=1)
"""What a checkpoint's row and its token may differ by: both are of the database's clock, a moment apart."""


@dataclass(slots=True)
class Known:
    """Links by their number; *pruned* is the newest of those that tell of a gap, *newest* of all."""

    vouched: dict[int, list[bytes]] = field(default_factory=dict)
    count: int = 0
    newest: Checkpoint | None = None
    pruned: Checkpoint | None = None
    faults: list[Finding] = field(default_factory=list)

    def add(self, one: Checkpoint) -> None:
        self.count += 1
        links = self.vouched.setdefault(one.seq, [])
        if one.link not in links:
            links.append(one.link)
        if one.pruned_before and (self.pruned is None or one.seq > self.pruned.seq):
            self.pruned = one
        if self.newest is None or one.seq > self.newest.seq:
            self.newest = one


@dataclass(frozen=True)
class Reading:
    checkpoints: Checkpoints
    signing_keys: Sequence[SigningKey]

    def outside(self, tokens: Iterable[str]) -> Known:
        """One token is held at a time."""
        known = Known()
        for token in tokens:
            if found := self._read(token, known):
                known.add(found)
        return known

    def own(self, stored: Iterable[StoredCheckpoint]) -> Known:
        known = Known()
        for one in stored:
            found = self._read(one.token, known)
            if found and (found.seq != one.seq or abs(found.at - one.at) > APART):
                sentence = f"The row of the checkpoint of link {found.seq} says another number or time than its token."
                known.faults.append(Finding("checkpoint_changed", sentence, seq=found.seq))
            if found:
                known.add(found)
        return known

    def _read(self, token: str, known: Known) -> Checkpoint | None:
        vouched = self.checkpoints.read(token, keys=self.signing_keys)
        if vouched is None or vouched.signed is False:
            known.faults.append(Finding("checkpoint_forged", f"A checkpoint is not of this log: {token[:40]}…"))
            return None
        return vouched.checkpoint
