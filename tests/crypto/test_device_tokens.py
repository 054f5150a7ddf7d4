"""Device tokens: one a device and key, so that every answer can carry it, and not to be told from chance without the key."""

from uuid import UUID

import pytest

from app.crypto.devices import DeviceTokens
from app.crypto.keys import KeyRing
from tests.crypto.conftest import FIRST, SECOND, ring_of

DEVICE, OTHER = UUID(int=1), UUID(int=2)


def test_a_device_has_one_token_however_often_it_is_made(ring: KeyRing) -> None:
    tokens = DeviceTokens(ring)
    token = tokens.mint(DEVICE, key_id=tokens.key_id)
    assert token == DeviceTokens(ring_of(FIRST)).mint(DEVICE, key_id=tokens.key_id)
    assert len(token) == len("ghd_") + 43


def test_every_device_and_every_key_has_another_one() -> None:
    tokens = DeviceTokens(ring_of(FIRST, SECOND))
    other = DeviceTokens(ring_of(SECOND))
    made = [
        tokens.mint(DEVICE, key_id=tokens.key_id),
        tokens.mint(OTHER, key_id=tokens.key_id),
        tokens.mint(DEVICE, key_id=other.key_id),
    ]
    assert len(set(made)) == 3


def test_a_key_that_left_the_ring_makes_none() -> None:
    gone = DeviceTokens(ring_of(FIRST)).key_id
    tokens = DeviceTokens(ring_of(SECOND))
    assert not tokens.holds(gone)
    with pytest.raises(LookupError):
        tokens.mint(DEVICE, key_id=gone)
