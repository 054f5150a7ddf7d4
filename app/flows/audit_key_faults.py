"""Whether the keys of personal fields are those that were made: each opens, is of the user of its events, and goes with them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.crypto.audit import HOUSE_ID
from app.flows.audit_walk import Finding, Walk
from app.store import audit_faults
from app.store.audit_faults import KeptKey
from app.store.database import Database
from app.watch.audit_keys import AuditKeys

_BATCH = 1000
_AFTERWARDS = timedelta(days=1)


@dataclass(frozen=True)
class KeyFaults:
    database: Database
    keys: AuditKeys

    async def lost(self, walk: Walk) -> dict[UUID, bool]:
        """Users whose keys are gone, and whether they are here.

        What tells of a deletion may have been pruned, and what came right after it not.
        """
        async with self.database.read() as tx:
            return await audit_faults.keyless(tx, since=_since(walk))

    async def __call__(self, walk: Walk, before: dict[UUID, bool]) -> list[Finding]:
        """*before*: what was lost already, for an event may come after what it tells of."""
        still = await self.lost(walk)
        findings = [_lost(user_id, is_here=still[user_id]) for user_id in before if user_id in still]
        async with self.database.read() as tx:
            findings += [_strayed(key_id) for key_id in await audit_faults.strayed(tx)]
        after = HOUSE_ID  # the smallest there is; whoever verifies has opened that one
        while True:
            async with self.database.read() as tx:
                page = await audit_faults.kept(tx, after=after, most=_BATCH)
            findings += self._judged(page)
            if len(page) < _BATCH:
                return findings
            after = page[-1].key.id

    def _judged(self, page: Sequence[KeptKey]) -> Iterator[Finding]:
        for one in page:
            if not one.is_users:
                yield _outlived(one)
            elif not self.keys.opens(one.key):
                yield _changed(one)


def _since(walk: Walk) -> datetime | None:
    pruned = walk.begin.pruned_before if walk.begin else None
    return pruned + _AFTERWARDS if pruned else None


def _lost(user_id: UUID, *, is_here: bool) -> Finding:
    why = "who is still here" if is_here else "and nothing says that they were deleted"
    return Finding("key_removed", f"Keys of personal fields of user {user_id} are gone, {why}.")


def _strayed(key_id: UUID) -> Finding:
    return Finding("key_changed", f"Key {key_id} is given to somebody else than the user of its events.")


def _outlived(one: KeptKey) -> Finding:
    whose = f"user {one.key.user_id}, who is gone" if one.key.user_id else "nobody"
    return Finding("key_outlived", f"Key {one.key.id} is of {whose}: what it opens was to be erased with its user.")


def _changed(one: KeptKey) -> Finding:
    sentence = (
        f"Key {one.key.id} of user {one.key.user_id} does not open: it was changed, "
        "or GATEHOUSE_SECRET_KEYS lacks what it is sealed under."
    )
    return Finding("key_changed", sentence)
