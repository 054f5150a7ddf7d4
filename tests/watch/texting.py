"""People who have SMS sent, with the firewall between them and the provider; and the rules that it goes by in tests."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import text

from app.crypto.chance import new_id
from app.crypto.keys import KeyRing
from app.crypto.vault import Vault
from app.messages import Delivery, Purpose
from app.senders.base import Sent
from app.store.database import Database, Tx
from app.watch.sms_firewall import SmsFirewall, Verdict, Wanted
from app.watch.sms_modes import modes_of
from app.watch.sms_rules import SmsRules
from tests.standins.clock import ManualClock
from tests.world import KEY, settings_for

JAMAICA = "+1876555"
_networks = (f"198.51.{high}.{low}" for high in range(256) for low in range(256))
_last_digits = count()
USER = text(
    """INSERT INTO users (id, email, email_folded, password_hash, locale, created_at)
    VALUES (:id, :email, :email, '', 'en', now()) ON CONFLICT DO NOTHING"""
)


def firewall(
    *, network: str = "enforce", sms: Any = None, keys: Sequence[str] = (KEY,), **rules: Any
) -> tuple[SmsFirewall, SmsRules]:
    """With *keys* on the ring."""
    given = {"limits": {"network": network}, "sms": sms or {}, "sms_limits": {"mode": "enforce", **rules}}
    settings = settings_for("postgresql+asyncpg://nobody@127.0.0.1:1/nowhere", Path(), **given)
    read = SmsRules.of(settings)
    return SmsFirewall(read, modes_of(settings), vault=Vault(KeyRing([SecretStr(key) for key in keys]))), read


@dataclass
class Texting:
    """Everything is sent to a new number from a new network for a new user, unless it is said to which and from where."""

    firewall: SmsFirewall
    database: Database
    clock: ManualClock = field(default_factory=ManualClock)

    async def ask(self, number: str = "", **more: Any) -> Verdict:
        now = self.clock.now()
        given = {"purpose": Purpose.CONFIRM, "region": "JM", "confirmed": False, "lane": "sms", **more}
        network = given.setdefault("network", next(_networks))
        given.setdefault("wider_network", network)
        user_id = given.setdefault("user_id", new_id(now))
        number = number or f"{JAMAICA}{next(_last_digits) % 10_000:04}"
        asked = Wanted(number=number, challenge_id=new_id(now), **given)

        async def admit(tx: Tx) -> Verdict:
            await tx.execute(USER, {"id": user_id, "email": f"{user_id}@example.test"})
            return await self.firewall.admit(tx, asked, at=now)

        return await self.database.run(admit)

    async def asks(self, count: int, number: str = "", **more: Any) -> list[str | None]:
        """By which limit each of so many was refused."""
        return [(await self.ask(number, **more)).refused_by for _ in range(count)]

    async def sent(self, count: int, number: str = "", **more: Any) -> int:
        """How many of *count* may be sent."""
        return (await self.asks(count, number, **more)).count(None)

    async def end(self, verdict: Verdict, delivery: Delivery, *, turned_away: bool = False) -> None:
        sent = Sent(delivery, "plivo", "an id", turned_away)
        await self.database.run(lambda tx: self.firewall.report(tx, verdict, sent, at=self.clock.now()))

    async def answer(self, verdict: Verdict, lane: str = "sms") -> None:
        challenge = verdict.send.challenge_id
        assert challenge
        await self.database.run(lambda tx: self.firewall.answered(tx, challenge, lane, at=self.clock.now()))

    async def settled(self, pattern: str) -> None:
        """A code for each sign, a minute apart, `+` answered right and `-` not; then their life is over."""
        for sign in pattern:
            verdict = await self.ask()
            assert verdict.refused_by is None
            if sign == "+":
                await self.answer(verdict)
            self.clock.forward(timedelta(minutes=1))
        self.clock.forward(timedelta(minutes=5))

    def forward(self, **time: float) -> None:
        self.clock.forward(timedelta(**time))
