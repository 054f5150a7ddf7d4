"""One's own devices: see which are known or trusted, forget one. Whoever sits at a forgotten device is signed out."""

from dataclasses import dataclass
from uuid import UUID

from app.crypto.claims import AccessClaims
from app.events import Event
from app.flows.answers import DeviceEntry, DeviceList
from app.flows.ended import Ended
from app.flows.owner import lock_owner
from app.flows.recognising import Recognising
from app.problems import NotFound
from app.store import devices, session_lists, sessions
from app.store.database import Database
from app.store.devices import Device
from app.user_agents import describe
from app.watch import audit


@dataclass(frozen=True)
class Devices:
    database: Database
    recognising: Recognising
    ended: Ended

    async def __call__(self, who: AccessClaims) -> DeviceList:
        """The one used last first."""
        async with self.database.read() as tx:
            current = await session_lists.device_of(tx, who.sid)
            known = await devices.of_user(tx, who.sub)
        return DeviceList(items=[self._entry(device, current=device.id == current) for device in known])

    async def forget(self, who: AccessClaims, device_id: UUID) -> None:
        """Forget one, and end the sessions on it but the caller's own. Raises NotFound for one that is not theirs."""
        async with self.database.begin() as tx:
            await lock_owner(tx, who.sub)
            ended = await sessions.revoke_all(tx, who.sub, but=who.sid, device_id=device_id, reason="device_forgotten")
            if not await devices.forget(tx, device_id, user_id=who.sub):
                raise NotFound
        audit.note(Event.DEVICE_FORGOTTEN, user_id=who.sub, device_id=device_id)
        self.ended(ended, user_id=who.sub, reason="device_forgotten")

    def _entry(self, device: Device, *, current: bool) -> DeviceEntry:
        trusted = self.recognising.trusts(device.trusted_until)
        return DeviceEntry(
            id=device.id,
            current=current,
            device=describe(device.agent),
            network=device.network or None,
            device_trust="trusted" if trusted else "known",
            trusted_until=device.trusted_until if trusted else None,
            created_at=device.created_at,
            last_seen_at=device.seen_at,
        )
