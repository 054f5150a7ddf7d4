"""The ring of secret keys: one sub-key a purpose, by the RFC; a bad key stops the start and is not told to anyone."""

import base64
import hashlib
import hmac
from itertools import combinations

import pytest
from pydantic import SecretStr

from app.crypto.keys import KeyRing, new_secret_key
from tests.crypto.conftest import FIRST, SECOND, ring_of
from tests.crypto.forge import b64, unb64

PURPOSES = ("vault", "codes", "refresh", "index sms", "index phone")


def hkdf(key: bytes, info: str, length: int) -> bytes:
    """RFC 5869 §2, without salt, for at most one block."""
    extracted = hmac.digest(bytes(32), key, hashlib.sha256)
    return hmac.digest(extracted, info.encode() + b"\x01", hashlib.sha256)[:length]


def test_this_hkdf_is_the_one_of_the_rfc() -> None:
    """RFC 5869 A.3: no salt, no info; the first block."""
    assert hkdf(b"\x0b" * 22, "", 32).hex() == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_sub_key_is_hkdf_of_the_ring_key_and_its_purpose(purpose: str) -> None:
    sub_key = ring_of(FIRST).newest(purpose)
    assert sub_key.key == hkdf(unb64(FIRST), f"gatehouse {purpose}", 32)
    assert sub_key.id == hkdf(unb64(FIRST), "gatehouse key id", 4)


def test_no_key_serves_two_purposes() -> None:
    ring = ring_of(FIRST, SECOND)
    keys = [key.key for purpose in PURPOSES for key in ring.all(purpose)]
    assert len({*keys, unb64(FIRST), unb64(SECOND)}) == 2 * len(PURPOSES) + 2
    for one, other in combinations(keys, 2):
        assert one[:8] != other[:8]


def test_the_first_key_writes_and_all_read() -> None:
    ring = ring_of(SECOND, FIRST)
    second, first = ring.all("codes")
    assert ring.newest("codes") == second
    assert (second, first) == (ring_of(SECOND).newest("codes"), ring_of(FIRST).newest("codes"))
    assert ring.find("codes", first.id) == first
    assert ring.find("codes", b"none") is None
    assert ring.find("codes", b"") is None


def test_new_keys_are_32_random_bytes() -> None:
    made = {new_secret_key() for _ in range(100)}
    assert len(made) == 100
    for text in made:
        assert len(unb64(text)) == 32
        assert len(ring_of(text).newest("vault").key) == 32


def test_an_empty_ring_is_refused() -> None:
    with pytest.raises(ValueError, match=r"GATEHOUSE_SECRET_KEYS.*gatehouse keys new"):
        ring_of()


BAD = {
    "nothing": "",
    "too short": FIRST[:-2],
    "too long": FIRST + "AA",
    "hex": unb64(FIRST).hex(),
    "a phrase": "correct horse battery staple",
    "a placeholder": "change-me",
    "white space inside": FIRST[:20] + " " + FIRST[20:],
    "a newline": FIRST + "\n",
    "not ASCII": FIRST[:-1] + "\u0661",
    "zeros": b64(bytes(32)),
    "one byte again and again": b64(b"k" * 32),
    "few bytes again and again": b64(b"secret!!" * 4),
    "two keys in one": FIRST + SECOND,
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
@pytest.mark.parametrize("others", [(), (FIRST,)], ids=["alone", "second"])
def test_a010_a_short_or_guessable_key_is_refused_by_the_name_of_its_variable_only(
    bad: str, others: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError, match="GATEHOUSE_SECRET_KEYS") as refusal:
        ring_of(*others, bad)
    told = f"{refusal.value} {refusal.value.__cause__!r}"
    assert "`gatehouse keys new`" in told
    assert FIRST not in told
    assert len(bad) < 4 or bad not in told


def test_a_ring_and_its_keys_never_print_themselves() -> None:
    ring = ring_of(FIRST)
    key = ring.newest("vault")
    shown = f"{ring!r} {key!r} {key!s} {[key]}"
    assert key.id.hex() in shown
    for secret in (FIRST, key.key.hex(), repr(key.key), b64(key.key), base64.b64encode(key.key).decode()):
        assert secret not in shown


def test_a_key_may_be_padded_as_other_tools_write_it() -> None:
    assert KeyRing([SecretStr(FIRST + "=")]).newest("vault") == ring_of(FIRST).newest("vault")
