"""Prefixes and regions that nothing is sent to: by an operator to nobody at all, by the conversion breaker to no new number.

The two have keys of their own, so that neither ends the other.
"""

from collections.abc import Sequence
from datetime import datetime

from app.crypto.vault import Vault
from app.store import sends, sms_blocks
from app.store.database import Tx
from app.store.sms_blocks import Block
from app.watch.sms_rules import MEMORY, SmsRules

_OPERATOR, _CONVERSION = "sms block", "sms conversion"


class SmsBlocking:
    def __init__(self, rules: SmsRules, *, vault: Vault) -> None:
        self._rules = rules
        self._vault = vault

    def key(self, label: str) -> bytes:
        """Of an operator's block of a region, or of a prefix of any length."""
        return self._vault.index(label, of=_OPERATOR)

    def keys(self, label: str) -> list[bytes]:
        """Of every block of *label*, under every key of the ring."""
        return [key for of in (_OPERATOR, _CONVERSION) for key in self._vault.indexes(label, of=of)]

    async def find(self, tx: Tx, region: str, prefix: str) -> list[Block]:
        """Whatever blocks, or blocked, a number of this region and prefix."""
        labels = [region, *(prefix[:length] for length in range(2, len(prefix) + 1))]
        keys = [key for label in labels for key in self._vault.indexes(label, of=_OPERATOR)]
        return await sms_blocks.find(tx, [*keys, *self._vault.indexes(prefix, of=_CONVERSION)])

    def by_operator(self, found: Sequence[Block], prefix: str, at: datetime) -> Block | None:
        return next((block for block in found if block.stands(at) and block.key not in self._own(prefix)), None)

    def by_conversion(self, found: Sequence[Block], prefix: str, at: datetime) -> bool:
        return any(block.stands(at) and block.key in self._own(prefix) for block in found)

    async def is_pumped(self, tx: Tx, prefix: str, found: Sequence[Block], *, at: datetime) -> bool:
        """Whether codes to *prefix* are hardly answered; what was sent before its last block ended says nothing any more."""
        ended = [block.until for block in found if block.until and block.key in self._own(prefix)]
        answered = await sends.conversions(
            tx,
            self._vault.indexes(prefix, of="prefix"),
            since=max([at - MEMORY, *ended]),
            before=at - self._rules.code_life,
            most=self._rules.sample,
        )
        return self._rules.is_pumped(answered)

    async def begin(self, tx: Tx, prefix: str, *, at: datetime) -> Block | None:
        """Block *prefix* for a while; None when another transaction has just done so."""
        key = self._vault.index(prefix, of=_CONVERSION)
        block = Block(key, prefix, "hardly any code is answered", at + self._rules.block, at)
        return block if await sms_blocks.begin(tx, block) else None

    def _own(self, prefix: str) -> list[bytes]:
        return self._vault.indexes(prefix, of=_CONVERSION)
