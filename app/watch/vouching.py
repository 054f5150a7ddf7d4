"""Make checkpoints of the audit log: one per interval in which anything happened, printed to the log, which others keep.

What the table says of its checkpoints is not trusted: a number and a time are read from a token whose MAC is verified.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from app.crypto.audit import Proofs, same
from app.crypto.audit_checkpoints import Checkpoint, Checkpoints
from app.crypto.chance import new_id
from app.crypto.tokens import Tokens
from app.store import audit_chain
from app.store.audit_chain import Link, StoredCheckpoint
from app.store.database import Tx
from app.watch.logs import logger

LOOKED_AT = 5
"""So many of the newest checkpoints are read: one or a few that are not ours do not hide a good one."""
_log = logger("gatehouse.audit")


class Vouching:
    """*every*: how often. A process remembers its own last one, whatever becomes of the table."""

    def __init__(self, every: timedelta, *, issuer: str, tokens: Tokens) -> None:
        self._every = every
        self._issuer = issuer
        self._tokens = tokens
        self._own: Checkpoint | None = None
        self._told: int | None = None

    async def vouch(self, tx: Tx, proofs: Proofs, *, last: bool) -> str | None:
        """Store and return a checkpoint of the newest link, if one is due; if *last*, whenever that link has none."""
        newest = await audit_chain.newest(tx)
        if newest is None:
            return None
        checkpoints, at = Checkpoints(self._issuer, proofs), await audit_chain.now(tx)
        stored = await audit_chain.newest_checkpoints(tx, most=LOOKED_AT)
        known = [*proved(stored, checkpoints), *([self._own] if self._own else [])]
        self._compare(newest, known)
        if not _is_due(newest, known, at, timedelta(0) if last else self._every):
            return None
        self._own = Checkpoint(newest.seq, newest.link, at)
        token = checkpoints.mint(self._own, key=self._tokens.keys.access)
        await audit_chain.checkpoint(tx, new_id(at), seq=newest.seq, token=token)
        return token

    def _compare(self, newest: Link, known: list[Checkpoint]) -> None:
        """Log once that the chain is no longer what a checkpoint vouched for."""
        highest = max(known, key=lambda one: one.seq, default=None)
        if highest is None or highest.seq < newest.seq or _is_of(newest, highest) or highest.seq == self._told:
            return
        self._told = highest.seq
        _log.error("audit.tail_cut", seq=newest.seq, vouched=highest.seq)


def proved(stored: Iterable[StoredCheckpoint], checkpoints: Checkpoints) -> list[Checkpoint]:
    """The checkpoints whose tokens are our own, as these say it, without those of pruning."""
    read = (checkpoints.read(one.token, keys=()) for one in stored)
    return [one.checkpoint for one in read if one and not one.checkpoint.pruned_before]


def _is_due(newest: Link, known: list[Checkpoint], at: datetime, every: timedelta) -> bool:
    return not any(_is_of(newest, one) or timedelta(0) <= at - one.at < every for one in known)


def _is_of(newest: Link, checkpoint: Checkpoint) -> bool:
    return checkpoint.seq == newest.seq and same(checkpoint.link, newest.link)
