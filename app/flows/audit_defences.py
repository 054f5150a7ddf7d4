"""What stands before the tables of the audit log, compared with what the migrations put there: a trigger can swallow a row.

With the foreign key of `audit_keys` a user's keys go when their user goes.
"""

from collections.abc import Iterable

from app.flows.audit_walk import Finding
from app.store.audit_faults import Defence

_REFUSES = "8c6efd02cfd291b1f60b975cd2abd1e5c2066018ce6cdfc82f14ba000a4f5b93"
_FOLLOWS = "e7ccbf2305193e6a4abdd15b289be77d38e8b2a0e179f0e115cce127461a9899"
"""The digests (SHA-256) of what the two functions of migration 0006 do."""
_CHANGE = ("trigger audit_change", f"27 false {_REFUSES}")
_TRUNCATE = ("trigger audit_truncate", f"34 false {_REFUSES}")
_OURS: dict[str, frozenset[tuple[str, str]]] = {
    "audit_events": frozenset({_CHANGE, _TRUNCATE}),
    "audit_links": frozenset({_CHANGE, _TRUNCATE, ("trigger audit_follows", f"4 false {_FOLLOWS}")}),
    "audit_checkpoints": frozenset({_CHANGE, _TRUNCATE}),
    "audit_keys": frozenset(
        {("trigger audit_house", f"27 true {_REFUSES}"), ("foreign key audit_keys_user_id_fk", "users c true")}
    ),
}


def strangers(found: Iterable[Defence]) -> list[Finding]:
    """What we did not put there, and what of ours is gone, does something else or is switched off."""
    findings, there = [], {table: set[tuple[str, str]]() for table in _OURS}
    for one in found:
        told = (one.what, one.does)
        if told not in _OURS[one.root]:
            findings.append(Finding("trigger_unknown", f"Table {one.name} has a {one.what} that is not ours."))
        if one.works and one.name == one.root:
            there[one.root].add(told)
    for table, ours in _OURS.items():
        findings += [
            Finding("trigger_removed", f"Table {table} lacks its {what}, or that is switched off.")
            for what, _ in sorted(ours - there[table])
        ]
    return findings
