"""Passwords that another system hashed are verified as it did, and to be hashed anew at the first right try."""

import json
import time
import unicodedata
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from argon2 import PasswordHasher

from app.crypto.hashes import read, understand
from app.crypto.passwords import Passwords, Verdict
from app.settings.people import PasswordSettings
from tests.passwords import by_bcrypt, by_passlib

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "password_hashes.json").read_text())
"""Published hashes, each with its source."""
PASSWORD = "correct horse battery staple"
LONG = "a passphrase of more than seventy-two bytes, which is what bcrypt reads of it and no more than that"


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    return Passwords(PasswordSettings())


def name(vector: Any) -> str:
    return str(vector["name"])


@pytest.mark.parametrize("vector", VECTORS, ids=name)
def test_a_published_hash_is_understood(passwords: Passwords, vector: dict[str, str]) -> None:
    understand(vector["hash"])
    assert passwords.verify(vector["password"], vector["hash"]).right
    assert passwords.verify("x" + vector["password"], vector["hash"]) == Verdict(right=False)


@pytest.mark.parametrize("vector", [one for one in VECTORS if len(one["password"]) < 72], ids=name)
def test_a092_a_foreign_hash_is_to_be_replaced_when_its_password_comes(
    passwords: Passwords, vector: dict[str, str]
) -> None:
    assert passwords.verify(vector["password"], vector["hash"]) == Verdict(right=True, outdated=True)


@pytest.mark.parametrize("kind", ["i", "d", "id"])
def test_every_argon2_is_replaced_by_ours(passwords: Passwords, kind: str) -> None:
    foreign = by_passlib(PASSWORD, "argon2", type=kind, memory_cost=64, time_cost=1, parallelism=2)
    assert passwords.verify(PASSWORD, foreign) == Verdict(right=True, outdated=True)


def test_the_same_parameters_in_djangos_spelling_are_replaced_too(passwords: Passwords) -> None:
    django = "argon2" + passwords.hash(PASSWORD)
    assert passwords.verify(PASSWORD, django) == Verdict(right=True, outdated=True)


def test_a_password_longer_than_bcrypt_reads_means_what_it_meant_there(passwords: Passwords) -> None:
    """Whatever agrees in 72 bytes was let in, and still is: a new hash of one spelling would refuse the others."""
    stored = by_bcrypt(LONG)
    for typed in (LONG, LONG[:72], LONG[:72] + "something else", LONG + "!"):
        assert passwords.verify(typed, stored) == Verdict(right=True)
    assert passwords.verify(LONG[:71], stored) == Verdict(right=False)
    assert passwords.verify(LONG[:71] + "!", stored) == Verdict(right=False)


def test_bcrypt_cuts_between_bytes_and_not_between_characters(passwords: Passwords) -> None:
    accented = "é" * 40
    stored = by_bcrypt("x" + accented)
    assert passwords.verify("x" + accented, stored) == Verdict(right=True)
    assert passwords.verify("x" + "é" * 35 + "è", stored).right, "é and è differ in their second byte, the 73rd"
    assert not passwords.verify("x" + "é" * 34 + "è", stored).right


def test_a_password_that_bcrypt_read_to_its_end_is_hashed_anew(passwords: Passwords) -> None:
    password = LONG[:71]
    stored = by_bcrypt(password)
    assert passwords.verify(password, stored) == Verdict(right=True, outdated=True)
    assert passwords.verify(password + ",", stored) == Verdict(right=False)


def test_digests_before_bcrypt_are_read_whole(passwords: Passwords) -> None:
    long = [one for one in VECTORS if len(one["password"]) == 75]
    assert len(long) == 2
    for vector in long:
        assert not passwords.verify(vector["password"][:72], vector["hash"]).right
        assert passwords.verify(vector["password"], vector["hash"]).outdated


def test_a_nul_never_ends_a_password(passwords: Passwords) -> None:
    """Some systems stopped there; on the wire it is refused, and here it is wrong, not an accident."""
    stored = by_bcrypt("abc")
    assert passwords.verify("abc", stored).right
    assert passwords.verify("abc\0", stored) == Verdict(right=False)
    assert passwords.verify("abc\0def", stored) == Verdict(right=False)
    assert passwords.verify("abc\0def", bcrypt.hashpw(b"abc\0def", bcrypt.gensalt(4)).decode()) == Verdict(right=False)
    assert passwords.verify("abc\0def", by_passlib("abc", "sha512_crypt", rounds=1000)) == Verdict(right=False)


def test_salts_with_bits_to_spare_are_read_as_everybody_did(passwords: Passwords) -> None:
    """$2a$ hashes of old libraries (passlib's issue 25): `.` and `/` to `N` all end the same 128 bits."""
    stored = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
    sloppy = stored[:28] + "/" + stored[29:]
    assert passwords.verify("U*U", sloppy).right
    assert not passwords.verify("U*V", sloppy).right


@pytest.mark.parametrize("scheme", ["pbkdf2_sha256", "sha512_crypt", "django_pbkdf2_sha256"])
def test_what_was_typed_elsewhere_is_not_normalised_before_it_is_compared(passwords: Passwords, scheme: str) -> None:
    decomposed = unicodedata.normalize("NFD", "un élève naïf à Besançon")
    stored = by_passlib(decomposed, scheme, rounds=1000)
    assert passwords.verify(decomposed, stored) == Verdict(right=True, outdated=True)
    assert passwords.verify(unicodedata.normalize("NFC", decomposed), stored) == Verdict(right=False)


@pytest.mark.parametrize("word", ["", "argon2"])
def test_argon2id_of_elsewhere_is_compared_as_typed_and_ours_after_nfc(passwords: Passwords, word: str) -> None:
    composed = "un élève naïf à Besançon"
    decomposed = unicodedata.normalize("NFD", composed)
    theirs = word + PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(decomposed)
    assert passwords.verify(decomposed, theirs) == Verdict(right=True, outdated=True)
    assert not passwords.verify(composed, theirs).right
    assert passwords.verify(decomposed, passwords.hash(composed)).right


SALT, TAG = "c29tZXNhbHQ", "A" * 43
COSTLY = [
    "$2b$15$" + "C" * 53,
    "bcrypt$$2b$31$" + "C" * 53,
    "bcrypt_sha256$$2b$15$" + "C" * 53,
    f"$bcrypt-sha256$v=2,t=2b,r=15${'C' * 22}${'C' * 31}",
    f"$argon2id$v=19$m=262145,t=1,p=1${SALT}${TAG}",
    f"$argon2id$v=19$m=65536,t=17,p=1${SALT}${TAG}",
    f"argon2$argon2id$v=19$m=4194304,t=1,p=1${SALT}${TAG}",
    f"$argon2id$v=19$m=65536,t=1,p=17${SALT}${TAG}",
    f"$scrypt$ln=18,r=8,p=1${SALT}${TAG}",
    f"$scrypt$ln=17,r=8,p=3${SALT}${TAG}",
    f"$scrypt$ln=1,r=9999999,p=1${SALT}${TAG}",
    f"$scrypt$ln=1,r=1,p=9999999${SALT}${TAG}",
    f"$scrypt$ln=99,r=8,p=1${SALT}${TAG}",
    f"scrypt$262144$salt$8$1${'A' * 86}==",
    f"$pbkdf2-sha256$2000001${SALT}${TAG}",
    f"pbkdf2_sha256$999999999$salt${TAG}=",
    f"$6$rounds=1000001$salt${'A' * 86}",
    f"$5$rounds=999999999$salt${TAG}",
]


@pytest.mark.parametrize("hashed", COSTLY)
def test_a_hash_that_costs_too_much_is_refused_with_the_reason_and_never_computed(
    passwords: Passwords, hashed: str
) -> None:
    with pytest.raises(ValueError, match="costs too much") as refused:
        understand(hashed)
    assert hashed.rsplit("$", 1)[1] not in str(refused.value)
    began = time.thread_time()
    assert passwords.verify(PASSWORD, hashed) == Verdict(right=False)
    assert time.thread_time() - began < 0.5


@pytest.mark.parametrize(
    "hashed",
    [
        "$2b$14$" + "C" * 53,
        f"$argon2id$v=19$m=262144,t=4,p=16${SALT}${TAG}",
        f"$scrypt$ln=17,r=8,p=2${SALT}${TAG}",
        f"scrypt$131072$salt$8$1${'A' * 86}==",
        f"pbkdf2_sha256$2000000$salt${TAG}=",
        f"$6$rounds=1000000$salt${'A' * 86}",
    ],
)
def test_what_others_recommend_is_within_the_bounds(hashed: str) -> None:
    understand(hashed)


@pytest.mark.parametrize(
    "hashed",
    [
        "",
        "!",
        "correct horse battery staple",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "sha1$seasalt$cff36ea83f5706ce9aa7454e63e431fc726b2dc8",
        "$2x$05$6bNw2HLQYeqHYyBfLMsv/OiwqTymGIGzFsA4hOTWebfehXHNprcAS",
        "$2b$05$short",
        "$2b$05$" + "C" * 53 + "\n",
        "$1$3azHgidD$SrJPt7B.9rekpmwJwtON31",
        f"$argon2id$v=19$m=8,t=1,p=1,data=AAAA${SALT}${TAG}",
        f"$argon2id$v=19$m=8,t=1,p=1${SALT}${'A' * 4096}",
        f"$argon2id$v=77$m=8,t=1,p=1${SALT}${TAG}",
        "$argon2id$v=19$m=٨,t=1,p=1$c29tZXNhbHQ$" + TAG,
    ],
)
def test_what_is_no_hash_of_a_known_scheme_is_refused_and_fits_nothing(passwords: Passwords, hashed: str) -> None:
    with pytest.raises(ValueError, match="no hash of a scheme"):
        understand(hashed)
    assert read(hashed) is None
    for typed in (PASSWORD, hashed, ""):
        assert passwords.verify(typed, hashed) == Verdict(right=False)


@pytest.mark.parametrize(
    "hashed",
    [
        "$2b$03$" + "C" * 53,
        "$2b$05$" + "+" * 53,
        f"$argon2id$v=19$m=1,t=1,p=16${SALT}${TAG}",
        f"$5$rounds=0001$salt${TAG}",
        f"scrypt$3$salt$8$1${'A' * 86}==",
        f"$scrypt$ln=0,r=8,p=1${SALT}${TAG}",
        f"pbkdf2_sha256$0$salt${TAG}=",
    ],
)
def test_a_hash_that_the_scheme_itself_refuses_is_wrong_after_the_usual_work(passwords: Passwords, hashed: str) -> None:
    def work(against: str | None) -> float:
        began = time.thread_time()
        assert passwords.verify(PASSWORD, against) == Verdict(right=False)
        return time.thread_time() - began

    broken, unknown = min(work(hashed) for _ in range(3)), min(work(None) for _ in range(3))
    assert 0.5 < broken / unknown < 2


def test_a_password_that_a_scheme_reads_every_round_is_bounded(passwords: Passwords) -> None:
    stored = by_passlib("x" * 600, "sha512_crypt", rounds=1000)
    assert passwords.verify("x" * 600, stored) == Verdict(right=False)
    assert passwords.verify("x" * 128, by_passlib("x" * 128, "sha512_crypt", rounds=1000)).right


def test_a_password_that_ours_would_refuse_to_hash_keeps_its_hash(passwords: Passwords) -> None:
    """NFC makes two characters of each of these; passlib hashes no more than 4096."""
    typed = "\u0958" * 4000
    assert passwords.verify(typed, by_passlib(typed, "pbkdf2_sha256", rounds=1000)) == Verdict(right=True)


def test_nothing_of_a_hash_is_printed() -> None:
    stored = by_bcrypt(PASSWORD)
    assert stored not in repr(understand(stored))


@pytest.mark.parametrize(
    "given", [{"memory_kib": 262_145}, {"memory_kib": 65_536, "time_cost": 17}, {"parallelism": 17}]
)
def test_no_setting_makes_a_hash_that_would_not_be_verified(given: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"memory_kib|MEMORY_KIB|parallelism"):
        PasswordSettings.model_validate(given)
    PasswordSettings(memory_kib=262_144, time_cost=4, parallelism=16)
