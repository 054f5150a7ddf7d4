"""Writes the audit log: the events of a request by one insert, after what it did was committed and before it is answered.

No request is refused because its events cannot be written (they wait in memory, and a job tries again), or waits for another's.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from app.clock import Clock
from app.crypto.audit import AuditKey, Row
from app.crypto.chance import new_id
from app.problems import DatabaseUnavailable
from app.store import audit as rows
from app.store.audit import NewEvent
from app.store.database import Database
from app.watch import audit
from app.watch.aggregated import Aggregated
from app.watch.audit import Noted, Record, Whence
from app.watch.audit_keys import AuditKeys
from app.watch.logs import logger
from app.watch.redaction import clean

_EVERY = 1.0
_PATIENCE = 2.0
"""Seconds that an answer waits for its events to be written."""
_BATCH = 100  # more would hold up answers while they are sealed
_ELSEWHERE = Whence()
_log = logger("gatehouse.audit")


@dataclass(slots=True)
class _Batch:
    """Rows, and the keys they are the first to use."""

    events: list[NewEvent] = field(default_factory=list)
    keys: dict[UUID, AuditKey] = field(default_factory=dict)


class Trail:
    """*size*: how many events may wait for the database."""

    def __init__(self, database: Database, *, keys: AuditKeys, clock: Clock, size: int) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock
        self._waiting: deque[Noted] = deque(maxlen=size)
        self._alike = Aggregated(clock)
        self._lost = 0
        self._lost_before = 0
        self._refused = False

    async def begin(self) -> None:
        """Load the service's own key before the first request. Raises AuditKeyUnreadable."""
        await self._keys.house()

    def record(self, whence: Whence = _ELSEWHERE) -> Record:
        """Make a record for what is noted within it, to be given to `write`; what is left in it then is queued."""
        return Record(self._clock, whence, self._wait, self._alike.take)

    def beside(self) -> Record:
        """Make a record that queues all its events: for jobs, which nobody waits for."""
        return Record(self._clock, _ELSEWHERE, self._wait, self._alike.take, closed=True)

    async def write(self, record: Record) -> None:
        """Write the events of *record*, and close it. What cannot be written now is queued."""
        events = record.close()
        if self._refused:  # the database was gone a moment ago: whoever asks now need not wait for that, too
            self._wait_all(events)
        elif events:
            await self._try(events)

    async def _try(self, events: Sequence[Noted]) -> None:
        written = False
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._add(events)
            written = True
        except Exception as failure:  # noqa: BLE001  the answer must not be lost with its events
            self._refused = True
            _log.warning("audit.waits", events=len(events), exc_info=failure)
        finally:
            if not written:
                self._wait_all(events)

    def _wait(self, noted: Noted) -> None:
        self._lost += len(self._waiting) == self._waiting.maxlen
        self._waiting.append(noted)

    def _wait_all(self, events: Sequence[Noted]) -> None:
        for noted in events:
            self._wait(noted)

    async def run(self) -> None:
        """Write what waits, each second, until cancelled."""
        while True:
            await asyncio.sleep(_EVERY)
            self._tell()
            with suppress(DatabaseUnavailable):
                await self.catch_up()

    def _tell(self, *, all_: bool = False) -> None:
        at = self._clock.now()
        for event, facts, whence in self._alike.due(all_=all_):
            audit.tell(event, facts)
            self._wait(Noted(new_id(at), at, event, facts, whence))

    async def settle(self) -> bool:
        """Write what waits, if that can be done now; return whether all that was noted so far is written."""
        try:
            await self.catch_up()
        except Exception as failure:  # noqa: BLE001  it goes on waiting
            _log.warning("audit.waits", events=len(self._waiting), exc_info=failure)
        return not self._waiting and not self.lost

    async def catch_up(self) -> None:
        """Write all that waits by now, in batches, and not what comes meanwhile; what cannot be written goes on waiting."""
        for left in range(len(self._waiting), 0, -_BATCH):
            await self._again([self._waiting.popleft() for _ in range(min(_BATCH, left, len(self._waiting)))])
        self._refused = False
        if self._lost:
            _log.error("audit.lost", events=self._lost)
            self._lost, self._lost_before = 0, self._lost_before + self._lost

    async def _again(self, events: list[Noted]) -> None:
        """Write *events* again, except those of an insert that was committed although its answer was lost."""
        try:
            async with self._database.read() as tx:
                kept = await rows.kept(tx, [one.id for one in events], within=timedelta(days=1))
            await self._add([one for one in events if one.id not in kept])
        except BaseException:
            self._refused = True
            self._lost += max(0, len(self._waiting) + len(events) - (self._waiting.maxlen or 0))
            self._waiting.extendleft(reversed(events))
            raise

    @property
    def lost(self) -> int:
        """How many events were lost for good since the trail began."""
        return self._lost_before + self._lost

    async def drain(self, *, within: timedelta) -> None:
        """Write what waits, before the process ends; what cannot be written is `lost`, and that is logged."""
        self._tell(all_=True)
        try:
            async with asyncio.timeout(within.total_seconds()):
                await self.catch_up()
        except Exception as failure:  # noqa: BLE001  nothing is left to try it again
            self._lost += len(self._waiting)
            self._waiting.clear()
            _log.error("audit.lost", events=self._lost, exc_info=failure)

    async def _add(self, events: Sequence[Noted]) -> None:
        if not events:
            return
        batch, proofs = _Batch(), (await self._keys.house()).proofs
        for noted in events:
            row = await self._row(noted, batch)
            batch.events.append(NewEvent(row, proofs.mac(row)))
        sealed = [self._keys.seal(key, user_id) for user_id, key in batch.keys.items()]
        async with self._database.read() as tx:
            taken = await rows.add(tx, batch.events, sealed)
        self._lost += len(events) - taken  # somebody's trigger swallows them: no error says so
        for user_id, key in batch.keys.items():
            self._keys.remember(user_id, key)

    async def _row(self, noted: Noted, batch: _Batch) -> Row:
        facts = {name: _storable(str(fact)) for name, fact in clean(noted.facts).items()}
        user_id, session_id = (_id(facts.pop(name, "")) for name in ("user_id", "session_id"))
        personal, key_id = None, None
        if noted.whence.visitor:
            visitor = noted.whence.visitor()
            key = await self._key(user_id or _id(noted.whence.user), batch)
            told = {"network_address": str(visitor.address or ""), "agent": visitor.agent}
            personal, key_id = key.seal(told, event_id=noted.id), key.id
        event, request_id = noted.event.value, noted.whence.request_id
        return Row(noted.id, noted.at, event, user_id, session_id, request_id, facts, personal, key_id)

    async def _key(self, user_id: UUID | None, batch: _Batch) -> AuditKey:
        if user_id is None:
            return await self._keys.house()
        key = batch.keys.get(user_id) or self._keys.of_user(user_id)
        if key is None:
            key = batch.keys[user_id] = self._keys.new()
        return key


def _id(text: str) -> UUID | None:
    with suppress(ValueError):
        return UUID(text)
    return None


def _storable(text: str) -> str:
    """Replace what PostgreSQL cannot store in a text: one odd fact must not keep a whole batch from being stored."""
    return text.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
