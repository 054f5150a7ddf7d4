"""Blocks of regions and prefixes, to which no SMS is sent, found by a digest. An expired one stays until it is pruned."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from app.store.database import Tx
from app.store.records import columns, read_all, values
from app.store.tables import sms_blocks


@dataclass(frozen=True, slots=True)
class Block:
    """*until* is None for one without an end; *label* is a region or a prefix, never a whole number."""

    key: bytes
    label: str
    reason: str
    until: datetime | None
    created_at: datetime

    def stands(self, at: datetime) -> bool:
        return self.until is None or self.until > at


_COLUMNS = columns(sms_blocks, Block)


async def find(tx: Tx, keys: Sequence[bytes]) -> list[Block]:
    """The blocks under these keys, expired or not."""
    rows = await tx.execute(select(*_COLUMNS).where(sms_blocks.c.key.in_(keys)))
    return read_all(Block, rows)


async def put(tx: Tx, block: Block) -> None:
    """Store the block, replacing an earlier one."""
    given = values(block)
    await tx.execute(insert(sms_blocks).values(**given).on_conflict_do_update(index_elements=["key"], set_=given))


async def begin(tx: Tx, block: Block) -> bool:
    """Store the block, unless another is in force: False then."""
    given = values(block)
    over = sms_blocks.c.until <= block.created_at
    begun = insert(sms_blocks).values(**given).on_conflict_do_update(index_elements=["key"], set_=given, where=over)
    return (await tx.execute(begun)).rowcount == 1


async def end(tx: Tx, keys: Sequence[bytes], *, at: datetime) -> list[Block]:
    """End the blocks in force under these keys; what was sent before says nothing about a prefix any more."""
    statement = update(sms_blocks).where(sms_blocks.c.key.in_(keys), _stands(at))
    rows = await tx.execute(statement.values(until=at).returning(*_COLUMNS))
    return read_all(Block, rows)


async def standing(tx: Tx, *, at: datetime) -> list[Block]:
    """Every block in force, oldest first."""
    rows = await tx.execute(select(*_COLUMNS).where(_stands(at)).order_by(sms_blocks.c.created_at))
    return read_all(Block, rows)


def _stands(at: datetime) -> ColumnElement[bool]:
    return or_(sms_blocks.c.until.is_(None), sms_blocks.c.until > at)
