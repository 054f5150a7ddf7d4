"""Recovery codes: 128 bits, digests only, each good once, forgiving where eyes and hands err and nowhere else."""

import hashlib
import re
from datetime import UTC, datetime
from uuid import UUID

import pytest
from pydantic import SecretStr, ValidationError

from app.crypto.codes import Fingerprints
from app.crypto.keys import KeyRing, new_secret_key
from app.factors.base import About, Asked, CodeRejected, Holder
from app.factors.recovery_codes import (
    IssueRecoveryCodes,
    RecoveryAnswer,
    RecoveryCodes,
    RecoverySettings,
    RecoverySetup,
    RecoveryState,
)
from app.messages import Purpose

ASKED = Asked(About(UUID(int=1), Purpose.SIGN_IN), None, None)
NOW = datetime(2030, 1, 2, tzinfo=UTC)
Issued = tuple[RecoveryState, tuple[str, ...]]


@pytest.fixture
def factor() -> RecoveryCodes:
    return RecoveryCodes(RecoverySettings(), fingerprints=Fingerprints(KeyRing([SecretStr(new_secret_key())])))


@pytest.fixture
def issued(factor: RecoveryCodes) -> Issued:
    made = factor.enroll(IssueRecoveryCodes(), Holder("ada@example.com", "Gatehouse"))
    assert isinstance(made.setup, RecoverySetup)
    return made.state, made.setup.recovery_codes


def accept(factor: RecoveryCodes, state: RecoveryState, code: str) -> RecoveryState:
    return factor.accept(state, RecoveryAnswer(factor="recovery_code", code=code), ASKED, NOW)


def test_there_are_ten_of_26_characters(issued: Issued) -> None:
    state, codes = issued
    assert len(set(codes)) == len(state.digests) == 10
    for code in codes:
        assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z-]+", code)
        assert len(code.replace("-", "")) == 26


def test_only_digests_are_kept(issued: Issued) -> None:
    state, codes = issued
    kept = state.model_dump_json()
    for code in codes:
        assert code not in kept
        assert code.replace("-", "") not in kept
        assert hashlib.sha256(code.replace("-", "").encode()).hexdigest() in kept


def test_each_is_good_once(factor: RecoveryCodes, issued: Issued) -> None:
    state, codes = issued
    for used, code in enumerate(codes):
        assert factor.describe(state).remaining == 10 - used
        state = accept(factor, state, code)
        with pytest.raises(CodeRejected):
            accept(factor, state, code)
    assert factor.describe(state).remaining == 0


def test_a065_case_blanks_hyphens_and_look_alikes_are_forgiven(factor: RecoveryCodes) -> None:
    plain = "01" + "7ZC3K9Q0VH5TJBX2M8RNE4WP"
    state = RecoveryState(digests=(hashlib.sha256(plain.encode()).hexdigest(),))
    shown = f"{plain[:7]}-{plain[7:14]}-{plain[14:]}"
    for written in (
        shown,
        shown.lower(),
        plain,
        shown.replace("-", " "),
        shown.replace("0", "O").replace("1", "I"),
        shown.replace("0", "o").replace("1", "l"),
        f" {shown} ",
    ):
        assert accept(factor, state, written).digests == ()


@pytest.mark.parametrize("wrong", ["Z" * 26, "0" * 26, "7ZC3K9Q0VH5TJBX2M8RNE4WP10", "017ZC3K9Q0VH5TJBX2M8RNE4WP0"])
def test_a065_nothing_else_matches(factor: RecoveryCodes, wrong: str) -> None:
    plain = "01" + "7ZC3K9Q0VH5TJBX2M8RNE4WP"
    state = RecoveryState(digests=(hashlib.sha256(plain.encode()).hexdigest(),))
    with pytest.raises(CodeRejected):
        accept(factor, state, wrong)


def test_a065_letters_of_other_scripts_and_lengths_are_refused_by_shape() -> None:
    for code in ("\uff10" * 26, "é" * 26, "0" * 25 + "\n", "0" * 25, "0" * 65):
        with pytest.raises(ValidationError):
            RecoveryAnswer(factor="recovery_code", code=code)
