"""Passwords are hashed whole and normalised, and an unknown user costs the same work."""

import time

import pytest
from passlib.context import CryptContext

from app.crypto.passwords import Passwords, Verdict
from app.settings.people import PasswordSettings

PASSWORD = "correct horse battery staple"
COMPOSED, DECOMPOSED = "caf\u00e9 Gar\u00e7on na\u00efve", "cafe\u0301 Garc\u0327on nai\u0308ve"
EXPANDING = "\u0958"
"""NFC makes two characters of it (a composition exclusion)."""


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    return Passwords(PasswordSettings())


@pytest.fixture(scope="module")
def stored(passwords: Passwords) -> str:
    return passwords.hash(PASSWORD)


def parameters(encoded: str) -> dict[str, int]:
    _, kind, version, numbers, _, _ = encoded.split("$")
    assert (kind, version) == ("argon2id", "v=19")
    return {name: int(value) for name, _, value in (pair.partition("=") for pair in numbers.split(","))}


def test_a_hash_is_argon2id_at_the_floor_or_above(stored: str) -> None:
    found = parameters(stored)
    assert found["m"] >= 19_456
    assert found["t"] >= 2
    assert found["p"] == 1
    salt, tag = stored.split("$")[4:]
    assert len(salt) * 6 // 8 >= 16
    assert len(tag) * 6 // 8 >= 32


@pytest.mark.parametrize(("name", "value"), [("memory_kib", 19_455), ("time_cost", 1), ("parallelism", 0)])
def test_a092_no_setting_goes_below_the_floor(name: str, value: int) -> None:
    with pytest.raises(ValueError, match=name):
        PasswordSettings.model_validate({name: value})


def test_the_settings_reach_the_hash() -> None:
    dearer = Passwords(PasswordSettings(memory_kib=20_480, time_cost=3, parallelism=2))
    assert parameters(dearer.hash(PASSWORD)) == {"m": 20_480, "t": 3, "p": 2}


def test_the_right_password_is_right_and_needs_no_new_hash(passwords: Passwords, stored: str) -> None:
    assert passwords.verify(PASSWORD, stored) == Verdict(right=True)


@pytest.mark.parametrize("wrong", [PASSWORD[:-1], PASSWORD + " ", " " + PASSWORD, PASSWORD.upper(), "x", PASSWORD * 2])
def test_a_password_is_compared_whole(passwords: Passwords, stored: str, wrong: str) -> None:
    assert passwords.verify(wrong, stored) == Verdict(right=False)


def test_a_hash_is_salted(passwords: Passwords, stored: str) -> None:
    assert passwords.hash(PASSWORD) != stored
    assert PASSWORD not in stored


def test_a079_both_spellings_of_an_accent_are_one_password(passwords: Passwords) -> None:
    assert COMPOSED != DECOMPOSED
    stored = passwords.hash(DECOMPOSED)
    assert passwords.verify(COMPOSED, stored).right
    assert passwords.verify(DECOMPOSED, stored).right


def test_a079_look_alikes_are_other_passwords(passwords: Passwords) -> None:
    """NFC, not NFKC: full-width letters and ligatures are characters of their own."""
    stored = passwords.hash("\uff50assword \ufb01sh \U0001f40e")
    assert passwords.verify("\uff50assword \ufb01sh \U0001f40e", stored).right
    assert not passwords.verify("password fish \U0001f40e", stored).right


def test_the_longest_password_is_hashed_to_its_last_character(passwords: Passwords) -> None:
    longest = "\U0001f40e" * 255 + "a"
    stored = passwords.hash(longest)
    assert passwords.verify(longest, stored).right
    assert not passwords.verify(longest[:-1] + "b", stored).right


def test_an_unknown_user_has_a_wrong_password_after_the_same_work(passwords: Passwords, stored: str) -> None:
    def work(against: str | None) -> float:
        began = time.thread_time()
        assert not passwords.verify("not the password", against).right
        return time.thread_time() - began

    known, unknown = min(work(stored) for _ in range(4)), min(work(None) for _ in range(4))
    assert 0.5 < unknown / known < 2
    assert parameters(passwords._nobodys_hash) == parameters(stored)


def test_nobodys_hash_looks_like_any_other_and_is_drawn_anew(passwords: Passwords, stored: str) -> None:
    drawn = {Passwords(PasswordSettings())._nobodys_hash, passwords._nobodys_hash}
    assert len(drawn) == 2
    for text in drawn:
        assert [len(part) for part in text.split("$")] == [len(part) for part in stored.split("$")]


def test_an_unknown_user_is_never_given_a_hash(passwords: Passwords) -> None:
    assert passwords.verify(PASSWORD, None) == Verdict(right=False)
    assert Passwords(PasswordSettings(time_cost=3)).verify("", None) == Verdict(right=False)


@pytest.mark.parametrize("password", ["a" * 4097, EXPANDING * 4096, "a" * 16_000])
def test_a076_an_oversized_password_is_wrong_and_no_accident(passwords: Passwords, stored: str, password: str) -> None:
    """The wire takes 4096 characters, and NFC may make more of them than the hash library takes."""
    assert passwords.verify(password, stored) == Verdict(right=False)
    assert passwords.verify(password, None) == Verdict(right=False)


def test_a092_a_weaker_hash_is_to_be_replaced_when_its_password_comes(passwords: Passwords) -> None:
    old = CryptContext(["argon2"], argon2__memory_cost=1024, argon2__time_cost=1, argon2__parallelism=1).hash(PASSWORD)
    assert passwords.verify(PASSWORD, old) == Verdict(right=True, outdated=True)
    assert passwords.verify("not the password", old) == Verdict(right=False)


def test_raised_parameters_reach_old_hashes(stored: str) -> None:
    raised = Passwords(PasswordSettings(time_cost=3))
    assert raised.verify(PASSWORD, stored) == Verdict(right=True, outdated=True)
    assert raised.verify(PASSWORD, raised.hash(PASSWORD)) == Verdict(right=True)


def test_a_verdict_never_prints_a_hash(passwords: Passwords, stored: str) -> None:
    assert PASSWORD not in repr(passwords)
    assert stored not in repr(passwords)
