"""The one way into a session: the user row is locked and compared, the session is remembered, the tokens are minted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from app.clock import Clock
from app.crypto.chance import new_id
from app.crypto.claims import PASSWORD_ONLY, Own
from app.crypto.refresh import RefreshTokens
from app.crypto.tokens import Minted, Tokens
from app.events import Event
from app.factors.base import AnyFactor
from app.flows.answers import Authenticated, whole_seconds
from app.flows.ended import Ended
from app.flows.recognising import Arrival, Recognised, Recognising
from app.settings.groups import TokenSettings
from app.store import opening, users
from app.store.answered import Answered
from app.store.database import Tx
from app.store.sessions import Session
from app.watch import audit


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that was opened or goes on, and the device it is on; `ended` are those that it pushed out."""

    session: Session
    device: Recognised
    cookie: bool = False
    ended: tuple[UUID, ...] = ()
    claims: Mapping[str, Own] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AsRead:
    """A user by the *state* that their row was in; with a second factor, what was *answered* right, and by which *factor*."""

    user_id: UUID
    credential_version: int
    state: str
    answered: Answered | None = None
    factor: AnyFactor | None = None


@dataclass(frozen=True)
class Admission:
    settings: TokenSettings
    clock: Clock
    tokens: Tokens
    refresh_tokens: RefreshTokens
    recognising: Recognising
    ended: Ended

    async def admit(self, tx: Tx, user_id: UUID, *, credential_version: int) -> bool:
        """Lock the user for the rest of the transaction; False when what was proved no longer counts."""
        return await users.admit(tx, user_id, credential_version=credential_version, at=self.clock.now())

    async def open(
        self, tx: Tx, user_id: UUID, arrival: Arrival, *, credential_version: int, factor: AnyFactor | None
    ) -> Opened:
        """Open a session for a user who was admitted in the same transaction, with the *factor* that was proved."""
        version, proved = credential_version, factor is not None
        met = await self.recognising.meet(tx, user_id, arrival, credential_version=version, proved=proved)
        session = self._session(user_id, version, arrival, met.device, factor)
        most, idle = self.settings.max_sessions, self.settings.refresh_idle
        told = await opening.open_(tx, session, most=most, idle=idle, on=met.adding)
        return Opened(session, met.device, arrival.cookie, tuple(told.ended), told.claims)

    async def admit_and_open(self, tx: Tx, read: AsRead, arrival: Arrival) -> Opened | None:
        """As `admit` and `open`, on a new device, by one statement and without a transaction.

        None, and nothing is done, when the user, or what they answered, is no longer as it was read.
        """
        version, trusted_until = (
            read.credential_version,
            self.recognising.trust(arrival, proved=read.factor is not None),
        )
        device, adding = self.recognising.meet_new(
            read.user_id, arrival.visitor, credential_version=version, trusted_until=trusted_until
        )
        session = self._session(read.user_id, version, arrival, device, read.factor)
        most, idle = self.settings.max_sessions, self.settings.refresh_idle
        told = await opening.admit_and_open(
            tx, session, state=read.state, most=most, idle=idle, on=adding, answered=read.answered
        )
        return Opened(session, device, arrival.cookie, tuple(told.ended), told.claims) if told else None

    def _session(
        self, user_id: UUID, version: int, arrival: Arrival, device: Recognised, factor: AnyFactor | None
    ) -> Session:
        now = self.clock.now()
        return Session(
            id=new_id(now),
            user_id=user_id,
            credential_version=version,
            counter=0,
            key_id=self.refresh_tokens.key_id,
            device_id=device.id,
            network=arrival.visitor.network,
            agent=arrival.visitor.agent,
            amr=methods(factor),
            acr=factor.acr if factor else PASSWORD_ONLY,
            auth_time=now,
            rotated_at=now,
            expires_at=now + self.settings.refresh_max,
        )

    def access_token(self, session: Session, claims: Mapping[str, Own] | None) -> Minted:
        return self.tokens.mint_access(
            user_id=session.user_id,
            session_id=session.id,
            auth_time=session.auth_time,
            acr=session.acr,
            amr=tuple(session.amr),
            claims=claims,
        )

    def signed_in(self, opened: Opened, *, factor: str | None = None) -> Authenticated:
        """Note a sign-in that was committed, and answer with its tokens.

        *factor*: the kind that was proved; None for the password alone, and for one whose confirmation was noted itself.
        """
        session = opened.session
        audit.note(Event.SIGNED_IN, user_id=session.user_id, session_id=session.id, acr=session.acr, factor=factor)
        return self.answer(opened)

    def answer(self, opened: Opened) -> Authenticated:
        """The tokens of a session whose transaction was committed; the sessions that it pushed out are over."""
        session = opened.session
        access, now = self.access_token(session, opened.claims), self.clock.now()
        self.ended(opened.ended, user_id=session.user_id, reason="too_many")
        return Authenticated(
            access_token=access.token,
            expires_in=access.expires_in,
            refresh_token=self.refresh_tokens.mint(session.id, session.counter, key_id=session.key_id),
            refresh_expires_in=whole_seconds(min(self.settings.refresh_idle, session.expires_at - now)),
            session_id=session.id,
            device_token=opened.device.token,
            device_trust="trusted" if opened.device.trusted else "known",
            in_cookie=opened.cookie,
        )


def methods(factor: AnyFactor | None) -> list[str]:
    """The `amr` of a session (RFC 8176 §2): `mfa` says that there was more than one."""
    return ["pwd", factor.amr, "mfa"] if factor else ["pwd"]
