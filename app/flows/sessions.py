"""One's own sessions: see which are open, end one, end all others. What ends is dead on every replica within a second."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from app.clock import Clock
from app.crypto.claims import AccessClaims
from app.flows.answers import SessionEntry, SessionList
from app.flows.ended import Ended
from app.flows.owner import lock_owner
from app.flows.proof import Proof
from app.problems import NotFound
from app.store import devices, enrollments, session_lists, sessions
from app.store.database import Database
from app.store.session_lists import Listed
from app.user_agents import describe

_BY_OWNER = "ended_by_owner"


@dataclass(frozen=True)
class Sessions:
    refresh_idle: timedelta
    database: Database
    clock: Clock
    proof: Proof
    ended: Ended

    async def __call__(self, who: AccessClaims) -> SessionList:
        """The open ones, the one used last first."""
        async with self.database.read() as tx:
            listed = await session_lists.of_user(tx, who.sub, idle=self.refresh_idle, at=self.clock.now())
        return SessionList(items=[_entry(one, current=one.id == who.sid) for one in listed])

    async def end(self, who: AccessClaims, session_id: UUID) -> None:
        """End one, be it the caller's own. Raises NotFound for one that is over, or somebody else's."""
        async with self.database.begin() as tx:
            ended = await sessions.revoke(tx, session_id, user_id=who.sub, reason=_BY_OWNER)
        if not ended:
            raise NotFound
        self.ended([session_id], user_id=who.sub, reason=_BY_OWNER)

    async def end_others(self, who: AccessClaims) -> None:
        """End all but the caller's, with a fresh proof; no other device is trusted any more."""
        async with self.database.begin() as tx:
            user = await lock_owner(tx, who.sub)
            self.proof.require_fresh(who, await enrollments.of_user(tx, user.id))
            await devices.distrust(tx, user.id, but=who.sid)
            ended = await sessions.revoke_all(tx, user.id, but=who.sid, reason=_BY_OWNER)
        self.ended(ended, user_id=who.sub, reason=_BY_OWNER)


def _entry(listed: Listed, *, current: bool) -> SessionEntry:
    return SessionEntry(
        id=listed.id,
        current=current,
        device=describe(listed.agent),
        device_id=listed.device_id,
        network=listed.network or None,
        acr=listed.acr,
        amr=listed.amr,
        created_at=listed.created_at,
        last_seen_at=max(listed.seen_at or listed.rotated_at, listed.rotated_at),
        expires_at=listed.expires_at,
    )
