"""The audit log followed link by link, and what does not agree on the way. It asks nobody: what it looks at is handed to it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from app.crypto.audit import GENESIS, Proofs, same
from app.crypto.audit_checkpoints import Checkpoint
from app.store.audit import StoredEvent
from app.store.audit_chain import Link, Linked

_LATE = timedelta(days=2)
"""An event waits for the database at most about a day; one that came later still was there before."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was written. `kind` is a word for machines."""

    kind: str
    sentence: str
    event_id: UUID | None = None
    seq: int | None = None


@dataclass(slots=True)
class Walk:
    """Where the chain was followed to. *begin*: how far it was pruned."""

    proofs: Proofs
    begin: Checkpoint | None
    vouched: dict[int, list[bytes]]
    seq: int = 0
    link: bytes | None = GENESIS
    events: int = 0
    findings: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.begin:
            self.seq, self.link = self.begin.seq, self.begin.link

    @property
    def begins_after(self) -> int:
        return self.begin.seq if self.begin else 0

    def step(self, linked: Linked) -> None:
        """Each fault is told where it is: the chain is followed on from what stands there."""
        link = linked.link
        if link.seq <= self.seq:
            sentence = f"Link {link.seq} is one too many, or of what was pruned: it was put in."
            self._find("link_inserted", sentence, link.event_id, link.seq)
            self._judge(linked)
            return
        self._compare(link)
        self._judge(linked)
        self.seq, self.link = link.seq, link.link

    def _compare(self, link: Link) -> None:
        if link.seq != self.seq + 1:
            missing = f"{self.seq + 1}" if link.seq == self.seq + 2 else f"{self.seq + 1} to {link.seq - 1}"
            self._find("link_removed", f"Link {missing} is missing.", seq=self.seq + 1)
            self.link = None
        if self.link is not None and not same(link.link, self._expected(link, self.link)):
            self._find("link_changed", f"Link {link.seq} does not follow the one before it.", link.event_id, link.seq)
        if any(not same(link.link, vouched) for vouched in self.vouched.pop(link.seq, ())):
            sentence = f"Link {link.seq} is not the one that a checkpoint vouches for."
            self._find("chain_replaced", sentence, link.event_id, link.seq)

    def _expected(self, link: Link, before: bytes) -> bytes:
        return self.proofs.link(
            before,
            seq=link.seq,
            sealed_at=link.sealed_at,
            event_id=link.event_id,
            event_at=link.event_at,
            event_mac=link.event_mac,
        )

    def _judge(self, linked: Linked) -> None:
        event, link = linked.event, linked.link
        if event is None:
            if not self._is_pruned(link.event_at):
                self._find("row_removed", f"Row {link.event_id} (link {link.seq}) is gone.", link.event_id, link.seq)
            return
        self.events += 1
        if not (same(event.mac, link.event_mac) and self.proofs.holds(event.row, event.mac)):
            sentence = f"Row {event.id} (link {link.seq}) is not as it was written."
            self._find("row_changed", sentence, event.id, link.seq)
        elif self._is_pruned(event.at) and event.written_at - event.at > _LATE:
            sentence = (
                f"Row {event.id} (link {link.seq}) is of {event.at:%Y-%m-%d}, which was pruned: it was put in again."
            )
            self._find("row_replayed", sentence, event.id, link.seq)

    def _is_pruned(self, at: datetime) -> bool:
        return bool(self.begin and self.begin.pruned_before and at < self.begin.pruned_before)

    def end(self) -> None:
        """Whatever a checkpoint vouches for beyond the end is missing."""
        if beyond := [seq for seq in self.vouched if seq > self.seq]:
            sentence = (
                f"The chain ends with link {self.seq}; a checkpoint vouches for {max(beyond)}: its tail was cut off."
            )
            self._find("tail_cut", sentence, seq=max(beyond))

    def outside(self, row: StoredEvent, *, until: datetime) -> None:
        """A row in no link that was walked; one of ours from after *until* still has time."""
        when = f"Row {row.id}, written at {row.written_at:%Y-%m-%d %H:%M:%S} UTC, is in no link"
        if not self.proofs.holds(row.row, row.mac):
            self._find("row_inserted", f"{when} and not as anybody wrote it: it was put in.", row.id)
        elif row.written_at < until:
            sentence = f"{when}: it was put in again, its link was taken away, or nobody sealed."
            self._find("row_unsealed", sentence, row.id)

    def twice(self, copies: Iterable[tuple[UUID, int, int]]) -> None:
        """Events that several links hold: each one is written once."""
        for event_id, times, seq in copies:
            sentence = f"Row {event_id} is in the chain {times} times, last in link {seq}: it was put in again."
            self._find("row_replayed", sentence, event_id, seq)

    def _find(self, kind: str, sentence: str, event_id: UUID | None = None, seq: int | None = None) -> None:
        self.findings.append(Finding(kind, sentence, event_id, seq))
