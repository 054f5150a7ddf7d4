"""End a session, with either of its tokens, as often as one likes: what is over already is answered alike."""

from dataclasses import dataclass
from uuid import UUID

from app.crypto.refresh import RefreshTokens
from app.crypto.tokens import Tokens
from app.events import Event
from app.problems import MissingToken
from app.store import sessions
from app.store.database import Database
from app.watch import audit
from app.watch.revocations import Revocations


@dataclass(frozen=True)
class Logout:
    database: Database
    tokens: Tokens
    refresh_tokens: RefreshTokens
    revocations: Revocations

    async def __call__(self, *, access_token: str | None, refresh_token: str | None) -> None:
        if access_token is None and refresh_token is None:
            raise MissingToken
        of_access = self.tokens.session_of(access_token) if access_token else None
        for session_id in {self._of_refresh(refresh_token), of_access}:
            if session_id:
                await self._end(session_id)

    def _of_refresh(self, token: str | None) -> UUID | None:
        claim = self.refresh_tokens.read(token) if token else None
        return claim.session_id if claim else None

    async def _end(self, session_id: UUID) -> None:
        async with self.database.begin() as tx:
            user_id = await sessions.revoke(tx, session_id, reason="logout")
        self.revocations.add(session_id)
        if user_id:
            audit.note(Event.SESSION_ENDED, user_id=user_id, session_id=session_id, reason="logout")
