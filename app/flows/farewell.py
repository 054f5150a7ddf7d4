"""A last word to a phone that was replaced or removed: by SMS, through the firewall. A mail says it too, so this one may be lost."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from app.clock import Clock
from app.crypto.vault import CannotOpen
from app.factors.registry import Factors
from app.flows.background import Background
from app.flows.letters import Letters
from app.flows.states import States
from app.messages import Channel, Message
from app.senders.base import Sender
from app.store.database import Database
from app.store.enrollments import Enrollment
from app.visitor import Visitor
from app.watch.sms_firewall import SmsFirewall, Wanted


@dataclass(frozen=True)
class Farewell:
    database: Database
    clock: Clock
    factors: Factors
    states: States
    letters: Letters
    senders: Mapping[Channel, Sender]
    firewall: SmsFirewall
    background: Background

    def say(self, gone: Enrollment, visitor: Visitor, *, locale: str) -> None:
        try:
            draft = self.factors.known(gone.kind).farewell(self.states.open(gone))
        except CannotOpen:
            return
        if draft:
            notice = self.letters.sms_notice(draft.to, "phone_changed_sms", locale=locale, region=draft.region)
            self.background.start(self._send(notice, gone.user_id, visitor))

    async def _send(self, notice: Message, user_id: UUID, visitor: Visitor) -> None:
        """It has a lane of its own: nobody uses it up by asking for codes."""
        wanted = Wanted(
            purpose=notice.purpose,
            number=notice.to,
            region=notice.region,
            confirmed=True,
            lane=notice.purpose,
            user_id=user_id,
            network=visitor.network,
            wider_network=visitor.wider_network,
        )
        verdict = await self.database.run(lambda tx: self.firewall.admit(tx, wanted, at=self.clock.now()))
        self.firewall.tell(verdict)
        if verdict.refused_by:
            return
        sent = await self.senders[notice.channel].send(notice)
        await self.database.run(lambda tx: self.firewall.report(tx, verdict, sent, at=self.clock.now()))
