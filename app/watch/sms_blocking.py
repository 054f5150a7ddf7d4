"""Blocked prefixes and regions: an operator's block is for all numbers, the conversion breaker's for unconfirmed ones.

The two have keys of their own, so that neither ends the other.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from app.crypto.vault import Vault
from app.store import sends, sms_blocks
from app.store.database import Tx
from app.store.sms_blocks import Block
from app.watch.sms_rules import MEMORY, SmsRules

_OPERATOR, _CONVERSION = "sms block", "sms conversion"
LONGEST_PREFIX = 9
"""The most digits of a prefix that an operator can block."""


class SmsBlocking:
    def __init__(self, rules: SmsRules, *, vault: Vault) -> None:
        self._rules = rules
        self._vault = vault

    def key(self, label: str) -> bytes:
        """The key of an operator's block of a region, or of a prefix of any length."""
        return _key(label, of=_OPERATOR)

    def keys(self, label: str) -> list[bytes]:
        """The keys of every block of *label*."""
        return [key for of in (_OPERATOR, _CONVERSION) for key in self._keys(label, of=of)]

    async def find(self, tx: Tx, region: str, number: str, prefix: str) -> list[Block]:
        """All blocks, expired ones too, of a *number* of this region; *prefix* is what the conversion breaker uses."""
        labels = {region, *(number[: 1 + digits] for digits in range(1, LONGEST_PREFIX + 1))}
        keys = [key for label in labels for key in self._keys(label, of=_OPERATOR)]
        return await sms_blocks.find(tx, [*keys, *self._own(prefix)])

    def by_operator(self, found: Sequence[Block], prefix: str, at: datetime) -> Block | None:
        return next((block for block in found if block.stands(at) and block.key not in self._own(prefix)), None)

    def by_conversion(self, found: Sequence[Block], prefix: str, at: datetime) -> bool:
        return any(block.stands(at) and block.key in self._own(prefix) for block in found)

    async def is_pumped(self, tx: Tx, prefix: str, found: Sequence[Block], *, at: datetime) -> bool:
        """Whether codes to *prefix* are hardly answered; those that were sent before its last block ended do not count."""
        ended = [block.until for block in found if block.until and block.key in self._own(prefix)]
        tried = await sends.conversions(
            tx,
            self._vault.indexes(prefix, of="prefix"),
            since=max([at - MEMORY, *ended]),
            before=at - self._rules.code_life,
            most=self._rules.sample,
        )
        return self._rules.is_pumped(tried)

    async def begin(self, tx: Tx, prefix: str, *, at: datetime) -> Block | None:
        """Block *prefix* for a while; None when another transaction has just done so."""
        block = Block(_key(prefix, of=_CONVERSION), prefix, "hardly any code is answered", at + self._rules.block, at)
        return block if await sms_blocks.begin(tx, block) else None

    def _own(self, prefix: str) -> list[bytes]:
        return self._keys(prefix, of=_CONVERSION)

    def _keys(self, label: str, *, of: str) -> list[bytes]:
        """Also find older blocks by blind indexes: those are lost with the ring keys that they were made under."""
        return [_key(label, of=of), *self._vault.indexes(label, of=of)]


def _key(label: str, *, of: str) -> bytes:
    """A plain digest: the label is stored beside it in the clear, so it needs no secret."""
    return hashlib.sha256(f"{of} {label}".encode()).digest()
