"""docs/backup.md says of each event that changed an account, a key or a block what to do again after a restore."""

import re
from pathlib import Path

from app.events import Event
from app.watch.event_catalogue import CATALOGUE, OcsfClass

PAGE = (Path(__file__).parents[2] / "docs" / "backup.md").read_text()
LEAVES_NOTHING = {
    Event.REGISTERED,
    Event.RESET_ASKED,
    Event.EMAIL_CHANGE_ASKED,
    Event.DEVICE_FORGOTTEN,
    Event.PROFILE_CHANGED,
    Event.FACTOR_BEGUN,
    Event.FACTOR_LOCKED,
    Event.FACTOR_CHANGED,
}
"""Of changes of accounts: what is of no danger when it is undone, or was ended for everybody."""
BESIDE = {Event.RECOVERY_CODE_USED, Event.KEY_REVOKED, Event.SMS_BLOCKED, Event.SMS_UNBLOCKED}


def test_each_event_that_a_restore_undoes_has_a_row() -> None:
    rows = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([a-z_.]+)`", row)}
    changes = {
        event for event, entry in CATALOGUE.items() if entry.ocsf == OcsfClass.ACCOUNT_CHANGE and not entry.failed
    }
    assert named == (changes - LEAVES_NOTHING) | BESIDE
