"""SMS through Plivo's SDK, in threads of its own: sent once, within a deadline, and never again unasked.

Law: an outcome that nobody can know is UNKNOWN and stays so; there is no automatic second send of any kind.
"""

import asyncio
import re
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta

from app.clock import Clock
from app.messages import Delivery, Message
from app.senders import outcomes, plivo_verdicts
from app.senders.base import Sent
from app.senders.breaker import Breaker, Told
from app.senders.plivo_line import Line
from app.senders.plivo_verdicts import Verdict
from app.senders.threads import Threads
from app.settings.groups import SmsSettings

ONE_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
POWERPACK = "powerpack:"
EXPIRY_SECONDS = (5, 10_799)
WAITING_PER_THREAD = 8
Call = Mapping[str, object]


class PlivoSender:
    """Fails at once while the breaker is open, all threads hang, or too many sends wait. *name* tells two apart."""

    def __init__(self, settings: SmsSettings, *, clock: Clock, name: str = "plivo", told: Told | None = None) -> None:
        self._name = name
        self._clock = clock
        self._deadline = settings.deadline
        self._sources = _sources(settings.plivo_src)
        self._lines = tuple(Line(settings) for _ in range(settings.threads))
        self._threads = Threads(self._lines, name=name, waiting=settings.threads * WAITING_PER_THREAD)
        self._breaker = Breaker(clock=clock, sender=name, told=told)
        self._lost: set[Future[Verdict]] = set()

    async def send(self, message: Message) -> Sent:
        began = self._clock.elapsed()
        verdict = await self._send(message)
        seconds = self._clock.elapsed() - began
        outcomes.note(verdict.delivery, verdict.reason, message, sender=self._name, seconds=seconds)
        return Sent(verdict.delivery, self._name, verdict.provider_id, verdict.turned_away)

    async def close(self) -> None:
        await self._threads.close(within=self._deadline)

    async def _send(self, message: Message) -> Verdict:
        call = self._call(message)
        if isinstance(call, Verdict):
            return call
        if self._all_lost() or not self._breaker.admit():
            return Verdict(Delivery.FAILED, "circuit_open", ill=True)
        outcome = self._threads.submit(lambda line: _create(line, call))
        if outcome is None:
            return Verdict(Delivery.FAILED, "too_many_waiting", ill=True)
        return await self._await(outcome, call)

    def _call(self, message: Message) -> Call | Verdict:
        """Return the arguments, or why nothing is sent. A `<` in the number would add recipients. None is left out."""
        if not ONE_NUMBER.fullmatch(message.to):
            return Verdict(Delivery.FAILED, "not_one_number")
        source = self._sources.get(message.region) or self._sources.get("*")
        if source is None:
            return Verdict(Delivery.FAILED, "no_source_for_region")
        return {
            **source,
            "dst": message.to,
            "text": message.text,
            "type_": "sms",
            "log": "false",
            "message_expiry": _expiry(message.lifetime),
            "url": message.callback,
            "method": "POST",
        }

    async def _await(self, outcome: Future[Verdict], call: Call) -> Verdict:
        """Cancel a call not begun by half of the deadline; at its end, cut one that has: the outcome is unknown."""
        waiter = asyncio.wrap_future(outcome)
        half = self._deadline.total_seconds() / 2
        try:
            await asyncio.wait({waiter}, timeout=half)
            if outcome.cancel():
                return Verdict(Delivery.FAILED, "no_thread_free", ill=True)
            await asyncio.wait({waiter}, timeout=half)
        finally:
            waiter.cancel()
        verdict = outcome.result() if outcome.done() else self._give_up(outcome, call)
        self._breaker.note(ill=verdict.ill)
        self._breaker.rest(verdict.rest)
        return verdict

    def _give_up(self, outcome: Future[Verdict], call: Call) -> Verdict:
        self._lost.add(outcome)
        for line in self._lines:
            line.hang_up(call)
        return Verdict(Delivery.UNKNOWN, "deadline", ill=True)

    def _all_lost(self) -> bool:
        self._lost = {outcome for outcome in self._lost if not outcome.done()}
        return len(self._lost) >= len(self._lines)


def _create(line: Line, call: Call) -> Verdict:
    try:
        return plivo_verdicts.of_answer(line.create(call))
    except Exception as error:  # noqa: BLE001 - whatever happens is classified, in one place
        return replace(plivo_verdicts.of_error(error), rest=line.asked_to_rest)


def _expiry(lifetime: timedelta) -> int:
    shortest, longest = EXPIRY_SECONDS
    return min(max(int(lifetime.total_seconds()), shortest), longest)


def _sources(src: str | dict[str, str] | None) -> dict[str, Call]:
    """Sender arguments by region; `*` stands for every other region."""
    by_region = {"*": src} if isinstance(src, str) else src or {}
    if not by_region or not all(value.strip() for value in by_region.values()):
        raise ValueError("GATEHOUSE_SMS__PLIVO_SRC is missing: set the number or name that messages come from.")
    return {region: _source(value) for region, value in by_region.items()}


def _source(value: str) -> Call:
    if value.startswith(POWERPACK):
        return {"powerpack_uuid": value.removeprefix(POWERPACK)}
    return {"src": value}
