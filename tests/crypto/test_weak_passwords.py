"""A new password is judged by its length and a list only, and the reason is given (NIST SP 800-63B-4 §3.1.1.2)."""

import time
import unicodedata

import pytest
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from app.crypto.passwords import Passwords
from app.problems import PasswordBlocklisted, PasswordTooLong, PasswordTooShort
from app.settings.people import PasswordSettings

EXPANDING = "\u0958"
"""NFC makes two characters of it (a composition exclusion)."""


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    return Passwords(PasswordSettings())


@pytest.mark.parametrize("password", ["", "short", "a1B$" * 3 + "xy", "\U0001f40e\u00e9" * 7])
def test_a_short_password_is_refused_with_the_length_it_needs(passwords: Passwords, password: str) -> None:
    with pytest.raises(PasswordTooShort) as refusal:
        passwords.refuse_weak(password)
    assert refusal.value.detail == "Use at least 15 characters."


def test_length_is_counted_in_characters_after_normalising(passwords: Passwords) -> None:
    decomposed = unicodedata.normalize("NFD", "\u00e9\u00e8\u00ea\u00eb" * 3 + "\u00e9\u00e8")
    assert len(decomposed) == 28
    with pytest.raises(PasswordTooShort):
        passwords.refuse_weak(decomposed)
    passwords.refuse_weak(decomposed + "x")


@pytest.mark.parametrize("password", ["ab" * 128 + "c", "ab" * 8000, EXPANDING * 128 + "a"])
def test_a_long_password_is_refused_with_the_length_it_may_have(passwords: Passwords, password: str) -> None:
    with pytest.raises(PasswordTooLong) as refusal:
        passwords.refuse_weak(password)
    assert refusal.value.detail == "Use at most 256 characters."


def test_the_longest_password_of_hostile_marks_is_judged_in_no_time(passwords: Passwords) -> None:
    """Putting n combining marks in order takes n² steps, and this runs where every request waits."""
    hostile = "a" + "\u0345" * 2047 + "\u0334" * 2048
    began = time.thread_time()
    with pytest.raises(PasswordTooLong):
        passwords.refuse_weak(hostile)
    assert time.thread_time() - began < 0.005


@pytest.mark.parametrize(
    "password", ["no capitals and no digits", "  two  spaces  x", "ПарольИзДвухСлов", "春眠不覺曉處處聞啼鳥夜來風雨聲"]
)
def test_there_are_no_rules_of_composition(passwords: Passwords, password: str) -> None:
    passwords.refuse_weak(password)


@pytest.mark.parametrize(
    "password",
    [
        "123456789987654321",
        "1QAZ2wsx3EDC4rfv",
        "Qwerty123456789",
        "aaaaaaaaaaaaaaaa",
        "AaAaAaAaAaAaAaAa",
        "                ",
        "ada.lovelace@example.com",
        "ADA.Lovelace@Example.COM",
    ],
)
def test_a085_a_listed_password_is_refused_in_any_case(passwords: Passwords, password: str) -> None:
    with pytest.raises(PasswordBlocklisted):
        passwords.refuse_weak(password, about=("Ada.Lovelace@example.com",))


@pytest.mark.parametrize(
    "password",
    [
        "passwordpassword",
        "Password Password",
        "123456789012345",
        "1234567890123456",
        "abcabcabcabcabc",
    ],
)
def test_a085_a_listed_password_does_not_get_good_by_being_said_twice(passwords: Passwords, password: str) -> None:
    """Of the list's 30 000 only 31 have fifteen characters: what people really type to get there is a list of its own."""
    with pytest.raises(PasswordBlocklisted):
        passwords.refuse_weak(password)


def test_a_shorter_minimum_uses_the_list() -> None:
    eight = Passwords(PasswordSettings(), shortest=8)
    for password in ("password", "PASSWORD", "iloveyou", "qwertyui"):
        with pytest.raises(PasswordBlocklisted):
            eight.refuse_weak(password)
    eight.refuse_weak("kx7 mbqw")


@pytest.mark.parametrize(
    "password", ["Acme Bank Acme Bank", "acmebankacmebank", "id.acme-bank.example", "acme-bankacme-bank"]
)
def test_the_names_of_the_house_are_as_common_as_the_list(passwords: Passwords, password: str) -> None:
    ours = Passwords(PasswordSettings(), words=("Acme Bank", "id.acme-bank.example", "acme-bank"))
    with pytest.raises(PasswordBlocklisted):
        ours.refuse_weak(password)
    passwords.refuse_weak(password)


@pytest.mark.parametrize("shortest", [8, 15])
def test_a085_none_of_the_three_thousand_commonest_that_are_long_enough_is_taken(shortest: int) -> None:
    """As a list of how often passwords are used has them, and not as ours does."""
    by_rank = [word for word in FREQUENCY_LISTS["passwords"] if len(word) >= shortest][:3000]
    assert len(by_rank) > (2999 if shortest == 8 else 10)
    passwords = Passwords(PasswordSettings(), shortest=shortest)
    for password in by_rank:
        with pytest.raises(PasswordBlocklisted):
            passwords.refuse_weak(password)
