"""Recognising devices: each sign-in leaves a token that marks the device as known, or trusted once a factor was proved on it."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from app.clock import Clock
from app.crypto import one_time
from app.crypto.chance import new_id
from app.crypto.devices import DeviceTokens
from app.settings.people import DeviceSettings
from app.store import devices, sessions
from app.store.challenges import Challenge
from app.store.database import Tx
from app.store.devices import Device
from app.store.sessions import Kept
from app.visitor import Visitor


@dataclass(frozen=True, slots=True)
class Arrival:
    """How somebody comes to sign in: from where, on which known device, and what they ask for.

    *remember*: trust the device once a second factor is proved. *cookie*: keep the refresh token in a cookie.
    """

    visitor: Visitor
    device_id: UUID | None = None
    remember: bool = False
    cookie: bool = False

    @classmethod
    def of(cls, sign_in: Challenge, visitor: Visitor) -> "Arrival":
        """What was asked for when the sign-in began, and where it is completed."""
        return cls(visitor, sign_in.device_id, sign_in.remember, sign_in.cookie)


@dataclass(frozen=True, slots=True)
class Recognised:
    """A device, and the token by which it is known the next time."""

    id: UUID
    token: str | None
    trusted: bool

    def untold(self) -> "Recognised":
        """For whoever may hold no more than the session: what trusts the device is not theirs to take along."""
        return replace(self, token=None) if self.trusted else self


@dataclass(frozen=True, slots=True)
class Met:
    """The device of a session that is about to be opened; a new one is added by the same statement, which is given *adding*."""

    device: Recognised
    adding: dict[str, object] | None = None


@dataclass(frozen=True)
class Recognising:
    settings: DeviceSettings
    clock: Clock
    tokens: DeviceTokens

    async def find(self, tx: Tx, token: str | None, *, user_id: UUID) -> Device | None:
        """The device of *token*, if it is one of the user's and their password and factors are as it knew them."""
        return await devices.find(tx, one_time.digest(token), user_id=user_id) if token else None

    def trusts(self, until: datetime | None) -> bool:
        return self.settings.trust and until is not None and until > self.clock.now()

    def trust(self, arrival: Arrival, *, proved: bool) -> datetime | None:
        """Until when the device is trusted from now on, if that was asked for; *proved*: with a second factor."""
        asked = arrival.remember and self.settings.trust
        return self.clock.now() + self.settings.trusted_for if proved and asked else None

    async def meet(self, tx: Tx, user_id: UUID, arrival: Arrival, *, credential_version: int, proved: bool) -> Met:
        """Meet the device of somebody who was admitted in this transaction; *proved*: with a second factor."""
        visitor, trusted_until = arrival.visitor, self.trust(arrival, proved=proved)
        known = arrival.device_id and await devices.meet(
            tx,
            arrival.device_id,
            user_id=user_id,
            network=visitor.network,
            agent=visitor.agent,
            at=self.clock.now(),
        )
        if known and trusted_until:
            return Met(await self._trust_anew(tx, known, trusted_until))
        if known:
            return Met(await self._recognised(tx, known.id, known.key_id, known.trusted_until))
        return Met(*self.meet_new(user_id, visitor, credential_version=credential_version, trusted_until=trusted_until))

    async def _trust_anew(self, tx: Tx, known: Device, trusted_until: datetime) -> Recognised:
        """Trust begins under another id: no token from before, whoever was told it, is that of a trusted device."""
        device_id, key_id = new_id(self.clock.now()), self.tokens.key_id
        token = self.tokens.mint(device_id, key_id=key_id)
        digest = one_time.digest(token)
        anew = replace(known, id=device_id, digest=digest, key_id=key_id, trusted_until=trusted_until)
        await devices.replace(tx, known.id, by=anew)
        return Recognised(device_id, token, self.trusts(trusted_until))

    def meet_new(
        self, user_id: UUID, visitor: Visitor, *, credential_version: int, trusted_until: datetime | None = None
    ) -> tuple[Recognised, dict[str, object]]:
        """Meet a device that was never met, and say what adds it (`Met`)."""
        device, token = self._new(user_id, visitor, credential_version, trusted_until=trusted_until)
        met = Recognised(device.id, token, self.trusts(trusted_until))
        return met, devices.adding(device, most=self.settings.max_known)

    def at_hand(self, kept: Kept) -> Recognised | None:
        """The device of a session that goes on, if nothing has to be written for it."""
        device_id, key_id = kept.session.device_id, kept.device_key
        return self._held(device_id, key_id, kept.trusted_until) if device_id and key_id else None

    async def keep(self, tx: Tx, kept: Kept, visitor: Visitor) -> Recognised:
        """The device of a session that goes on; another one when it was forgotten, or died with a change of credentials."""
        session = kept.session
        if session.device_id and self.trusts(kept.trusted_until):
            return Recognised(session.device_id, None, trusted=True)  # not told, so none takes its place
        if session.device_id and kept.device_key:
            return await self._recognised(tx, session.device_id, kept.device_key, kept.trusted_until)
        device, token = self._new(session.user_id, visitor, session.credential_version, trusted_until=None)
        await devices.add(tx, device)
        await sessions.place(tx, session.id, device_id=device.id)
        return Recognised(device.id, token, trusted=False)

    def _new(
        self, user_id: UUID, visitor: Visitor, credential_version: int, *, trusted_until: datetime | None
    ) -> tuple[Device, str]:
        """A device that was never met, and its token."""
        now, key_id = self.clock.now(), self.tokens.key_id
        device_id = new_id(now)
        token = self.tokens.mint(device_id, key_id=key_id)
        device = Device(
            id=device_id,
            user_id=user_id,
            credential_version=credential_version,
            digest=one_time.digest(token),
            key_id=key_id,
            network=visitor.network,
            agent=visitor.agent,
            created_at=now,
            seen_at=now,
            trusted_until=trusted_until,
        )
        return device, token

    async def _recognised(self, tx: Tx, device_id: UUID, key_id: bytes, trusted_until: datetime | None) -> Recognised:
        """With the token it had; with a new one, when the key that made it has left the ring."""
        if held := self._held(device_id, key_id, trusted_until):
            return held
        token = self.tokens.mint(device_id, key_id=self.tokens.key_id)
        await devices.rekey(tx, device_id, digest=one_time.digest(token), key_id=self.tokens.key_id)
        return Recognised(device_id, token, self.trusts(trusted_until))

    def _held(self, device_id: UUID, key_id: bytes, trusted_until: datetime | None) -> Recognised | None:
        if not self.tokens.holds(key_id):
            return None
        return Recognised(device_id, self.tokens.mint(device_id, key_id=key_id), self.trusts(trusted_until))
