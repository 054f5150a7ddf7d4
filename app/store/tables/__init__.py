"""The tables. Times are UTC, keys are UUIDv7, and every look-up that a flow makes has its index.

`challenges` holds sign-ins, confirmations and step-ups alike (docs/decisions/0002); `enrollments.kind` is not enumerated, so a new
factor needs no migration; what is secret is sealed before it gets here (law 6).
"""

from app.store.schema import metadata
from app.store.tables.audit import audit_checkpoints, audit_events, audit_keys, audit_links
from app.store.tables.emails import email_changes, email_undos
from app.store.tables.people import registrations, resets, users
from app.store.tables.proofs import budgets, challenges, cooldowns, enrollments
from app.store.tables.sending import receipt_nonces, sends, sms_blocks
from app.store.tables.sessions import cut_offs, devices, sessions, signing_keys
from app.store.tables.shared import limits, network_limits, outbox, throttles

__all__ = [
    "audit_checkpoints",
    "audit_events",
    "audit_keys",
    "audit_links",
    "budgets",
    "challenges",
    "cooldowns",
    "cut_offs",
    "devices",
    "email_changes",
    "email_undos",
    "enrollments",
    "limits",
    "metadata",
    "network_limits",
    "outbox",
    "receipt_nonces",
    "registrations",
    "resets",
    "sends",
    "sessions",
    "signing_keys",
    "sms_blocks",
    "throttles",
    "users",
]
