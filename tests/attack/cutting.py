"""A service whose connection to PostgreSQL can be cut at every statement, and what each step must then fulfil."""

import asyncio
import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx

from tests.attack.cluster import postgres, socket_folder, sql
from tests.attack.halves import refuse_halves
from tests.attack.measured import measured
from tests.attack.proxy import Proxy, proxy
from tests.attack.service import Service, serving

MOST = 60
COMMITTING = ("COMMIT", "WITH spent", "WITH free")
"""What commits: COMMIT, and two statements that are whole transactions: to spend an attempt, to open a session."""
BACKGROUND = 0.3
"""Seconds within which the work that follows an answer is done, with all its statements."""
Step = Callable[[], Awaitable[httpx.Response]]


@dataclass(frozen=True)
class Wire:
    """A service with one worker, the proxy to its database, and a direct connection to that."""

    service: Service
    proxy: Proxy
    sql: asyncpg.Connection

    async def cut(self, step: Callable[[], Awaitable["Drill"]]) -> None:
        """Repeat the step and cut everywhere: before the first statement, after it, before the second …, to the end."""
        refused = answered = 0
        for nth, after in itertools.product(range(1, MOST), (False, True)):
            drill = await step()
            cut = self.proxy.arm(nth, after=after)
            answer = await drill.act()
            self.proxy.disarm()
            where = f"cut {'after' if after else 'before'} statement {nth}: {cut.seen[-1:]} of {len(cut.seen)}"
            if not cut.done:
                assert answer.is_success, answer.text
                await refuse_halves(self.sql)
                measured(f"{drill.name}: {refused} refused, {answered} answered, {nth - 1} statements")
                assert refused
                return
            if answer.is_success:
                answered += 1
            else:
                refused += 1
                assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable"), where
                assert "token" not in answer.text
            try:
                await drill.check(answer.is_success)
            except AssertionError as failure:
                raise AssertionError(f"{where}: {failure}") from failure
        raise AssertionError("there is no end of statements")

    async def cut_commits(
        self, step: Callable[[], Awaitable["Drill"]], *, commits: int, by: str | tuple[str, ...] = COMMITTING
    ) -> None:
        """Cut after each of a step's *commits*, by a statement *by*: done, but never heard of, so no token is given.

        A commit after the last of them is part of the work that follows the answer, if there is any.
        """
        for nth in range(1, commits + 1):
            drill = await step()
            await asyncio.sleep(BACKGROUND)  # a code that was asked for is reported after its answer
            cut = self.proxy.arm(nth, after=True, only=by)
            answer = await drill.act()
            self.proxy.disarm()
            assert cut.done, cut.seen
            assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable"), f"commit {nth}"
            assert "token" not in answer.text
            await drill.check(False)
        drill = await step()
        self.proxy.arm(commits + 1, after=True, only=by)
        answer = await drill.act()
        self.proxy.disarm()
        assert answer.is_success, answer.text
        await refuse_halves(self.sql)


@dataclass(frozen=True)
class Drill:
    """One step, and what must hold afterwards, given whether the step was answered in spite of the cut."""

    name: str
    act: Step
    check: Callable[[bool], Awaitable[None]]


@asynccontextmanager
async def wired() -> AsyncIterator[Wire]:
    folder = Path(tempfile.mkdtemp(prefix="ghx-"))
    # A short time limit would end the statement of the outbox, which the proxy holds back.
    patient = {"GATEHOUSE_DATABASE__STATEMENT_LIMIT": "600", "GATEHOUSE_PASSWORDS__RESET_MAILS": "1000000/minute"}
    async with postgres() as cluster, proxy(socket_folder(cluster.url), folder) as between:
        url = cluster.url.replace(str(socket_folder(cluster.url)), str(folder))
        async with serving(workers=1, database=url, **patient) as service, sql(cluster.url) as connection:
            yield Wire(service, between, connection)
    shutil.rmtree(folder)
