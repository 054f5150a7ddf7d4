"""A refusal takes as long as under the slowest scheme in use; where only ours is in use, nothing waits."""

import bcrypt
import pytest

from app.crypto.pace import Pace
from app.crypto.passwords import Passwords
from app.settings.people import PasswordSettings

OURS, SLOW, QUICK = "ours", "bcrypt rounds=12", "phpass"


@pytest.fixture
def pace() -> Pace:
    made = Pace(OURS)
    for _ in range(8):
        made.note(OURS, 0.025)
    return made


def test_our_own_scheme_alone_waits_for_nothing(pace: Pace) -> None:
    pace.note(OURS, 9.0)
    assert pace.rest(0.001) == 0.0


def test_every_refusal_ends_a_little_after_the_slowest_scheme_would(pace: Pace) -> None:
    pace.note(SLOW, 0.250)
    assert pace.rest(0.025) == pytest.approx(0.250)
    assert pace.rest(0.250) == pytest.approx(0.025)
    assert pace.rest(0.400) == 0.0


def test_a_quicker_scheme_waits_for_ours(pace: Pace) -> None:
    pace.note(QUICK, 0.004)
    assert pace.rest(0.004) + 0.004 == pytest.approx(pace.rest(0.025) + 0.025)


def test_one_hiccup_slows_nobody_down(pace: Pace) -> None:
    for seconds in (0.250, 0.250, 8.0):
        pace.note(SLOW, seconds)
    assert pace.rest(0.025) == pytest.approx(0.250)


def test_a_machine_that_became_slower_or_quicker_is_followed(pace: Pace) -> None:
    for seconds in (0.250, 0.500, 0.500):
        pace.note(SLOW, seconds)
    assert pace.rest(0.0) == pytest.approx(0.550)
    for _ in range(32):
        pace.note(SLOW, 0.100)
    assert pace.rest(0.0) == pytest.approx(0.110)


def test_a_scheme_that_nobody_is_under_any_more_is_waited_for_no_more(pace: Pace) -> None:
    pace.note(SLOW, 0.250)
    pace.note(QUICK, 0.004)
    pace.keep([QUICK])
    assert pace.rest(0.0) == pytest.approx(0.0275)
    pace.keep([])
    assert pace.rest(0.0) == 0.0


def test_whoever_is_refused_has_the_rest_of_the_slowest_scheme_to_wait() -> None:
    passwords = Passwords(PasswordSettings())
    ours, slow = passwords.hash("x"), bcrypt.hashpw(b"x", bcrypt.gensalt(10)).decode()
    assert passwords.verify("wrong", None).rest == 0.0
    for _ in range(3):
        passwords.verify("wrong", slow)
    unknown, known = passwords.verify("wrong", None).rest, passwords.verify("wrong", ours).rest
    assert min(unknown, known) > 0.015
    passwords.keep_pace([slow, "not a hash"])
    assert passwords.verify("wrong", None).rest > 0.015
    passwords.keep_pace([])
    assert passwords.verify("wrong", None).rest == 0.0
