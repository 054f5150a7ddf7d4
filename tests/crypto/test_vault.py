"""A sealed value opens in its own place, under a key of the ring, unchanged; else not at all, and nobody learns why."""

from dataclasses import replace
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.crypto.keys import KeyRing
from app.crypto.vault import CannotOpen, Place, Vault
from tests.crypto.conftest import FIRST, SECOND, ring_of

PHONE = b"+12025550123"
PLACE = Place("enrollments", "state", UUID("018f0000-0000-7000-8000-000000000001"))
PARTS = {"version": (0, 1), "key id": (1, 5), "nonce": (5, 17), "ciphertext": (17, 29), "tag": (29, 45)}


@pytest.fixture
def vault(ring: KeyRing) -> Vault:
    return Vault(ring)


def stays_shut(vault: Vault, sealed: bytes, place: Place = PLACE) -> None:
    with pytest.raises(CannotOpen) as refusal:
        vault.open(sealed, place=place)
    assert refusal.value.args == ()
    assert refusal.value.__cause__ is None


@pytest.mark.parametrize("plain", [b"", b"\0", PHONE, bytes(range(256)) * 64], ids=len)
def test_what_is_sealed_opens(vault: Vault, plain: bytes) -> None:
    sealed = vault.seal(plain, place=PLACE)
    assert vault.open(sealed, place=PLACE) == plain
    assert len(sealed) == 1 + 4 + 12 + len(plain) + 16


def test_it_is_aes_256_gcm_under_the_vault_key_of_the_ring(vault: Vault, ring: KeyRing) -> None:
    sealed, key = vault.seal(PHONE, place=PLACE), ring.newest("vault")
    assert sealed[:5] == b"\x01" + key.id
    assert len(key.key) == 32
    assert AESGCM(key.key).decrypt(sealed[5:17], sealed[17:], sealed[:5] + bytes(PLACE)) == PHONE


@pytest.mark.parametrize(
    "moved",
    [
        replace(PLACE, row=UUID("018f0000-0000-7000-8000-000000000002")),
        replace(PLACE, column="secret"),
        replace(PLACE, table="users"),
        replace(PLACE, row=""),
        Place("signing_keys", "private", "kid"),
    ],
    ids=str,
)
def test_a_value_moved_elsewhere_stays_shut(vault: Vault, moved: Place) -> None:
    stays_shut(vault, vault.seal(PHONE, place=PLACE), moved)


@pytest.mark.parametrize("part", PARTS)
def test_a149_a_changed_value_stays_shut(vault: Vault, part: str) -> None:
    sealed = vault.seal(PHONE, place=PLACE)
    assert len(sealed) == 45
    for place in range(*PARTS[part]):
        for bit in range(8):
            changed = bytearray(sealed)
            changed[place] ^= 1 << bit
            stays_shut(vault, bytes(changed))


def test_a149_a_cut_or_stretched_value_stays_shut(vault: Vault) -> None:
    sealed = vault.seal(PHONE, place=PLACE)
    for length in range(len(sealed)):
        stays_shut(vault, sealed[:length])
    for text in (sealed + b"\0", b"\0" + sealed, sealed * 2, PHONE, b"\x01" * 45):
        stays_shut(vault, text)


def test_a149_halves_of_two_values_do_not_make_one(vault: Vault) -> None:
    one, two = vault.seal(PHONE, place=PLACE), vault.seal(PHONE, place=PLACE)
    stays_shut(vault, one[:17] + two[17:])
    stays_shut(vault, one[:29] + two[29:])


def test_a_value_sealed_under_an_older_key_opens(vault: Vault) -> None:
    sealed = vault.seal(PHONE, place=PLACE)
    turned = Vault(ring_of(SECOND, FIRST))
    assert turned.open(sealed, place=PLACE) == PHONE
    assert turned.seal(PHONE, place=PLACE)[1:5] != sealed[1:5]


def test_a152_without_its_key_a_value_stays_shut(vault: Vault) -> None:
    sealed = vault.seal(PHONE, place=PLACE)
    without = Vault(ring_of(SECOND))
    stays_shut(without, sealed)
    stays_shut(without, sealed[:1] + ring_of(SECOND).newest("vault").id + sealed[5:])
    assert without.open(without.seal(PHONE, place=PLACE), place=PLACE) == PHONE


def test_a151_no_nonce_comes_twice(ring: KeyRing) -> None:
    """Not in one process either side of a restart, which two vaults on one ring are."""
    vaults = Vault(ring), Vault(ring)
    nonces = {vault.seal(b"", place=PLACE)[5:17] for vault in vaults for _ in range(5_000)}
    assert len(nonces) == 10_000


def test_nothing_sealed_can_be_read_or_compared(vault: Vault) -> None:
    sealed = {vault.seal(PHONE, place=PLACE) for _ in range(20)}
    assert len(sealed) == 20
    assert not any(PHONE in value or b"2025550123" in value for value in sealed)


def test_a_value_is_found_by_its_index_under_every_key(vault: Vault) -> None:
    number = PHONE.decode()
    written = vault.index(number, of="phone")
    turned = Vault(ring_of(SECOND, FIRST))
    assert turned.indexes(number, of="phone") == [turned.index(number, of="phone"), written]
    assert turned.index(number, of="phone") != written
    assert Vault(ring_of(FIRST)).index(number, of="phone") == written


def test_an_index_tells_nothing_and_fits_nothing_else(vault: Vault, ring: KeyRing) -> None:
    number = PHONE.decode()
    index = vault.index(number, of="phone")
    assert len(index) == 32
    assert index not in {vault.index(number, of="email"), vault.index(number + " ", of="phone")}
    assert ring.newest("index phone").key != ring.newest("vault").key
