"""Tokens that undo a change of e-mail: one an undo and key, the same each time its mail is written."""

from uuid import UUID

import pytest

from app.crypto.keys import KeyRing
from app.crypto.undos import UndoTokens
from tests.crypto.conftest import FIRST, SECOND, ring_of

UNDO, OTHER = UUID(int=1), UUID(int=2)


def test_an_undo_has_one_token_however_often_its_mail_is_written(ring: KeyRing) -> None:
    tokens = UndoTokens(ring)
    token = tokens.mint(UNDO, key_id=tokens.key_id)
    assert token == UndoTokens(ring_of(FIRST)).mint(UNDO, key_id=tokens.key_id)
    assert len(token) == 43, "256 bits"
    assert token != tokens.mint(OTHER, key_id=tokens.key_id)


def test_a_key_of_the_ring_goes_on_making_it_once_another_one_writes() -> None:
    old, turned = UndoTokens(ring_of(FIRST)), UndoTokens(ring_of(SECOND, FIRST))
    assert turned.mint(UNDO, key_id=old.key_id) == old.mint(UNDO, key_id=old.key_id)
    assert turned.mint(UNDO, key_id=turned.key_id) != old.mint(UNDO, key_id=old.key_id)


def test_a_key_that_left_the_ring_makes_none() -> None:
    gone = UndoTokens(ring_of(FIRST)).key_id
    with pytest.raises(LookupError, match="GATEHOUSE_SECRET_KEYS"):
        UndoTokens(ring_of(SECOND)).mint(UNDO, key_id=gone)
