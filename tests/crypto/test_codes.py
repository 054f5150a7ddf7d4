"""Codes are uniform, and a digest fits one code of one challenge for one purpose."""

import hashlib
from collections import Counter
from itertools import pairwise
from uuid import UUID, uuid5

import pytest

from app.crypto.chance import six_digits
from app.crypto.codes import Fingerprints
from app.crypto.keys import KeyRing
from tests.crypto.conftest import FIRST, SECOND, ring_of

ABOUT, OTHER = UUID("018f0000-0000-7000-8000-000000000001"), UUID("018f0000-0000-7000-8000-000000000002")
CODE = "042917"


@pytest.fixture
def fingerprints(ring: KeyRing) -> Fingerprints:
    return Fingerprints(ring)


def test_a_code_matches_its_own_digest(fingerprints: Fingerprints) -> None:
    taken = fingerprints.take(CODE, purpose="sign_in", about=ABOUT)
    assert len(taken) == 32
    assert fingerprints.match(taken, CODE, purpose="sign_in", about=ABOUT)
    assert fingerprints.take(CODE, purpose="sign_in", about=ABOUT) == taken


@pytest.mark.parametrize(
    ("code", "purpose", "about"),
    [
        ("042918", "sign_in", ABOUT),
        ("42917", "sign_in", ABOUT),
        ("0429170", "sign_in", ABOUT),
        ("", "sign_in", ABOUT),
        ("\u0660\u0664\u0662\u0669\u0661\u0667", "sign_in", ABOUT),
        ("\uff10\uff14\uff12\uff19\uff11\uff17", "sign_in", ABOUT),
        (CODE, "confirm", ABOUT),
        (CODE, "", ABOUT),
        (CODE, "sign_in", OTHER),
    ],
)
def test_a043_a_digest_is_bound_to_code_purpose_and_challenge(
    fingerprints: Fingerprints, code: str, purpose: str, about: UUID
) -> None:
    taken = fingerprints.take(CODE, purpose="sign_in", about=ABOUT)
    assert not fingerprints.match(taken, code, purpose=purpose, about=about)


@pytest.mark.parametrize("broken", [b"", b"\0" * 32, b"short"])
def test_no_digest_matches_no_code(fingerprints: Fingerprints, broken: bytes) -> None:
    assert not fingerprints.match(broken, CODE, purpose="sign_in", about=ABOUT)
    assert not fingerprints.match(broken, "", purpose="sign_in", about=ABOUT)


def test_turning_the_ring_strands_no_code(fingerprints: Fingerprints) -> None:
    taken = fingerprints.take(CODE, purpose="sign_in", about=ABOUT)
    assert Fingerprints(ring_of(SECOND, FIRST)).match(taken, CODE, purpose="sign_in", about=ABOUT)
    assert not Fingerprints(ring_of(SECOND)).match(taken, CODE, purpose="sign_in", about=ABOUT)


def test_a_new_code_is_written_under_the_newest_key() -> None:
    taken = Fingerprints(ring_of(SECOND, FIRST)).take(CODE, purpose="sign_in", about=ABOUT)
    assert Fingerprints(ring_of(SECOND)).match(taken, CODE, purpose="sign_in", about=ABOUT)
    assert not Fingerprints(ring_of(FIRST)).match(taken, CODE, purpose="sign_in", about=ABOUT)


def test_a154_a_dump_cannot_be_searched_without_the_key(fingerprints: Fingerprints) -> None:
    taken = fingerprints.take(CODE, purpose="sign_in", about=ABOUT)
    told = b"\0".join([b"sign_in", ABOUT.bytes, CODE.encode()])
    assert taken not in {hashlib.sha256(told).digest(), hashlib.sha256(CODE.encode()).digest()}


def test_one_code_has_another_digest_in_every_challenge(fingerprints: Fingerprints) -> None:
    digests = {fingerprints.take(CODE, purpose="sign_in", about=uuid5(ABOUT, str(n))) for n in range(500)}
    assert len(digests) == 500


def chi_square(found: Counter[str], bins: int) -> float:
    expected = found.total() / bins
    return sum((found[f"{n:0{len(str(bins - 1))}}"] - expected) ** 2 for n in range(bins)) / expected


def test_a068_codes_are_uniform_with_their_leading_zeros() -> None:
    """10^5 codes: 999 degrees of freedom have mean 999 and deviation 45; honest chance passes 1500 once in 10^22 runs."""
    codes = [six_digits() for _ in range(100_000)]
    assert all(len(code) == 6 and code.isascii() and code.isdecimal() for code in codes)
    assert chi_square(Counter(code[:3] for code in codes), 1000) < 1500
    assert chi_square(Counter(code[3:] for code in codes), 1000) < 1500
    assert 9_000 < sum(code.startswith("0") for code in codes) < 11_000
    assert len(set(codes)) > 93_000


def test_a068_a_code_tells_nothing_about_the_next() -> None:
    codes = [six_digits() for _ in range(100_001)]
    pairs = Counter(one[5] + other[0] for one, other in pairwise(codes))
    assert chi_square(pairs, 100) < 320
