"""Keep a session going, or end it: each refresh token is good once, its lost answer may be asked for again, theft ends it."""

from dataclasses import dataclass
from uuid import UUID

from app.clock import Clock
from app.crypto.refresh import RefreshClaim, RefreshTokens
from app.events import Event
from app.flows.admission import Admission, Opened
from app.flows.answers import Authenticated
from app.flows.notices import tell
from app.flows.recognising import Recognised, Recognising
from app.problems import InvalidRefreshToken
from app.settings.groups import TokenSettings
from app.store import devices, sessions, users
from app.store.database import Database, Tx
from app.store.sessions import Kept
from app.visitor import Visitor
from app.watch import audit
from app.watch.revocations import Revocations


@dataclass(frozen=True)
class Refresh:
    settings: TokenSettings
    database: Database
    clock: Clock
    refresh_tokens: RefreshTokens
    admission: Admission
    recognising: Recognising
    revocations: Revocations

    async def __call__(self, refresh_token: str, visitor: Visitor, *, cookie: bool = False) -> Authenticated:
        claim = self.refresh_tokens.read(refresh_token)
        if claim is None:
            raise InvalidRefreshToken
        async with self.database.read() as tx:
            kept = await self._rotate(tx, claim, visitor)
        device = self.recognising.at_hand(kept) if kept else None
        if kept is None or device is None:
            kept, device = await self._look_closer(kept, claim, visitor)
        audit.note(Event.SESSION_REFRESHED, user_id=kept.session.user_id, session_id=kept.session.id)
        return self.admission.answer(Opened(kept.session, device.untold(), cookie, claims=kept.claims))

    async def _look_closer(
        self, rotated: Kept | None, claim: RefreshClaim, visitor: Visitor
    ) -> tuple[Kept, Recognised]:
        """The token was not the newest one, or its device is not at hand. Raises InvalidRefreshToken."""
        kept, device, robbed = await self.database.run(lambda tx: self._keep(tx, rotated, claim, visitor))
        if kept and device:
            return kept, device
        if robbed:
            self.revocations.add(claim.session_id)
            audit.note(Event.TOKEN_REUSED, user_id=robbed, session_id=claim.session_id)
            await self._forget_device(robbed, claim.session_id)
        raise InvalidRefreshToken

    async def _forget_device(self, user_id: UUID, session_id: UUID) -> None:
        """Whoever copied the token may know the device's, too. After the session has ended, come what may."""

        async def forget(tx: Tx) -> None:
            await users.lock(tx, user_id)
            await devices.forget_of(tx, session_id)

        await self.database.run(forget)

    async def _keep(
        self, tx: Tx, rotated: Kept | None, claim: RefreshClaim, visitor: Visitor
    ) -> tuple[Kept | None, Recognised | None, UUID | None]:
        """The session that goes on, and its device; or neither, and whose session ended because the token was copied."""
        kept = rotated or await self._again(tx, claim)
        # Beside a change of factors the first look may have met the new session and the old user: look once more.
        kept = kept or await self._rotate(tx, claim, visitor)
        device = await self.recognising.keep(tx, kept, visitor) if kept else None
        return kept, device, None if kept else await self._end_if_outrun(tx, claim)

    async def _rotate(self, tx: Tx, claim: RefreshClaim, visitor: Visitor) -> Kept | None:
        """The token was the newest one: its successor is, from now on."""
        return await sessions.rotate(
            tx,
            claim.session_id,
            counter=claim.counter,
            key_id=claim.key_id,
            idle=self.settings.refresh_idle,
            network=visitor.network,
            at=self.clock.now(),
        )

    async def _again(self, tx: Tx, claim: RefreshClaim) -> Kept | None:
        """A lost answer, or two tabs: the same successor once more, while it is young and unused. Never a second branch."""
        return await sessions.again(
            tx,
            claim.session_id,
            counter=claim.counter,
            key_id=claim.key_id,
            idle=self.settings.refresh_idle,
            grace=self.settings.refresh_grace,
            at=self.clock.now(),
        )

    async def _end_if_outrun(self, tx: Tx, claim: RefreshClaim) -> UUID | None:
        """A token older than that was copied: end the session, and tell its owner. The user, if that is what happened."""
        now = self.clock.now()
        user_id = await sessions.revoke_outrun(tx, claim.session_id, counter=claim.counter, at=now)
        if user_id:
            await tell(tx, user_id, "session_stolen", at=now)
        return user_id
