"""What an attacker found of who reads the log: exports that miss an event, and a verify that was pruned under its feet."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.crypto.audit import Proofs
from app.flows.audit_export import ExportAudit
from app.flows.audit_verify import VerifyAudit
from app.flows.audit_vouched import Known
from app.flows.audit_walk import Walk
from tests.aging import SEALING, age, happen, pruning
from tests.audit import Log
from tests.cli.test_audit import beside, lines, verb

__all__ = ["beside"]


async def exported(log: Log, **span: Any) -> dict[str, int]:
    """The ids of the events, and the numbers of their links."""
    exporting = ExportAudit(log.database, log.keys(), "0", "ada")
    return {event["metadata"]["uid"]: event["metadata"]["sequence"] async for event in exporting(**span)}


async def sealed_late(log: Log) -> tuple[str, dict[str, int], datetime]:
    """The id of an event that nobody could seal for a while, what was exported meanwhile, and when."""
    await log.rows.execute("SELECT pg_advisory_lock($1)", SEALING)
    await happen(log)
    row = (await log.events())[-1]
    await log.forge("UPDATE audit_events SET written_at = written_at - interval '70 s' WHERE id = $1", row["id"])
    ended: datetime = await log.rows.fetchval("SELECT clock_timestamp()")
    first = await exported(log, until=ended)
    await log.rows.execute("SELECT pg_advisory_unlock($1)", SEALING)
    await happen(log)
    await log.seal()
    return str(row["id"]), first, ended


async def test_an_export_that_goes_on_from_a_link_misses_nothing_that_was_sealed_late(kept: Log) -> None:
    row, first, ended = await sealed_late(kept)
    second = await exported(kept, after=max(first.values()))
    assert row not in first
    assert row not in await exported(kept, since=ended - timedelta(minutes=1)), "by time it is missed"
    assert row in second
    assert not first.keys() & second.keys()
    assert sorted([*first.values(), *second.values()]) == list(range(1, max(second.values()) + 1))
    assert await exported(kept, after=max(second.values())) == {}


async def test_the_verb_goes_on_from_a_link_and_says_so(kept: Log) -> None:
    everything = await lines("export", "--after", "0")
    numbers = [event["metadata"]["sequence"] for event in everything]
    assert numbers == list(range(1, numbers[-1] + 1))
    await kept.seal()
    rest = await lines("export", "--after", str(numbers[-1]))
    assert [event["metadata"]["sequence"] for event in rest] == list(
        range(numbers[-1] + 1, numbers[-1] + 1 + len(rest))
    )
    told = [json.loads(row["facts"])["after"] for row in await kept.events() if row["event"] == "audit.exported"]
    assert told == ["0", str(numbers[-1])]


@pytest.mark.parametrize("other", ["--since", "--until"])
async def test_a_link_to_go_on_from_and_a_time_are_refused_together(other: str) -> None:
    done = await verb("export", "--after", "1", other, "2026-03-01")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "--after goes with neither" in done.stderr


async def test_who_verifies_while_somebody_prunes_is_told_of_nothing(
    kept: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    await age(kept, 15)
    await happen(kept, 3)
    await kept.seal()
    begin = VerifyAudit._begin

    async def then_prune(verify: VerifyAudit, proofs: Proofs, outside: Known) -> Walk:
        found = await begin(verify, proofs, outside)
        monkeypatch.setattr(VerifyAudit, "_begin", begin)
        assert (await pruning(kept)()).seq
        return found

    monkeypatch.setattr(VerifyAudit, "_begin", then_prune)
    report = await kept.verify()
    assert (report.findings, report.pruned > 0) == ((), True)


async def test_what_does_not_agree_is_told_all_the_same_when_somebody_prunes(
    kept: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    await age(kept, 15)
    await happen(kept, 3)
    await kept.seal()
    begin = VerifyAudit._begin

    async def then_prune(verify: VerifyAudit, proofs: Proofs, outside: Known) -> Walk:
        found = await begin(verify, proofs, outside)
        monkeypatch.setattr(VerifyAudit, "_begin", begin)
        await pruning(kept)()
        last = await kept.rows.fetchval("SELECT max(seq) FROM audit_links")
        await kept.forge("DELETE FROM audit_links WHERE seq = $1", last - 1)
        return found

    monkeypatch.setattr(VerifyAudit, "_begin", then_prune)
    assert "link_removed" in await kept.found()
