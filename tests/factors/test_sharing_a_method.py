"""RFC 8176 has one method for all one-time codes, so kinds may share it: where that is not safe, the start is refused."""

from typing import Any, Literal

import pytest
from pydantic import SecretStr

from app.crypto.codes import Fingerprints
from app.crypto.keys import KeyRing, new_secret_key
from app.factors.base import AnswerShape, AnyFactor, SixDigits
from app.factors.recovery_codes import RecoveryCodes
from app.factors.registry import Factors, faults
from app.factors.sms import Sms
from app.factors.totp import Totp
from app.settings import Settings
from app.settings.people import MfaSettings

APP_CODE, RECOVERY_CODE, GARBLED = "123456", "7ZC3K9Q-0VH5TJB-X2M8RNE-4WPAD", "12345"
SETTINGS = Settings(environment="development")
WITH_HOTP = Settings(environment="development", mfa=MfaSettings(factors=("sms", "totp", "hotp")))
FINGERPRINTS = Fingerprints(KeyRing([SecretStr(new_secret_key())]))


class HotpAnswer(AnswerShape):
    factor: Literal["hotp"] | None = None
    code: SixDigits


def factor(base: type[AnyFactor] = Totp, **own: Any) -> type[AnyFactor]:
    return type("Other", (base,), {"kind": "hotp", "Answer": HotpAnswer, **own})


def told(*kinds: type[AnyFactor]) -> list[str]:
    return list(faults(kinds, SETTINGS))


def test_a_weaker_kind_that_shares_a_method_would_pass_for_the_stronger_one() -> None:
    sentence = "Factors that share the amr 'otp' need the same strength, which these have not: 'totp' 2, 'hotp' 1."
    weaker = factor(strength=1)
    assert told(Sms, Totp, weaker, RecoveryCodes) == [sentence]
    with pytest.raises(ValueError, match="share the amr 'otp'"):
        Factors((Sms, Totp, weaker), SETTINGS, fingerprints=FINGERPRINTS)
    assert len(told(Sms, Totp, factor(strength=3))) == 1
    assert len(told(Sms, Totp, factor(Sms, amr="rc", strength=100), RecoveryCodes)) == 0
    assert len(told(Sms, Totp, factor(Sms, amr="rc"), RecoveryCodes)) == 1


def test_kinds_of_equal_strength_share_a_method_and_its_rank() -> None:
    factors = Factors((Sms, Totp, factor()), SETTINGS, fingerprints=FINGERPRINTS)
    assert (factors.strength_of(["pwd", "otp", "mfa"]), factors.strength_of(["pwd", "mfa"])) == (2, 0)


def test_equal_ranks_come_in_the_order_of_the_register_however_they_are_asked_for() -> None:
    factors = Factors((Sms, Totp, factor()), SETTINGS, fingerprints=FINGERPRINTS)
    for kinds in (["hotp", "sms", "totp"], ["totp", "hotp", "sms"]):
        assert factors.strongest_first(kinds) == ["totp", "hotp", "sms"]


def test_a_kind_that_is_there_twice_is_refused() -> None:
    assert told(Sms, Totp, Totp) == ["Two factors have the kind 'totp': give each a name of its own."]


@pytest.mark.parametrize("amr", ["pwd", "mfa"])
def test_a_method_that_every_session_has_proves_no_factor(amr: str) -> None:
    (sentence,) = told(Sms, Totp, factor(amr=amr))
    assert sentence == f"The factor 'hotp' has the amr '{amr}', which says nothing of a factor: choose another."


@pytest.mark.parametrize("strength", [0, -1])
def test_a_rank_of_nothing_would_be_approved_by_nothing(strength: int) -> None:
    (sentence,) = told(Sms, Totp, factor(amr="hotp", strength=strength))
    assert sentence.startswith(f"The factor 'hotp' has the strength {strength}: the weakest is 1")


@pytest.mark.parametrize(
    ("code", "held", "kind"),
    [
        (APP_CODE, None, "totp"),
        (APP_CODE, ["hotp", "recovery_code"], "hotp"),
        (APP_CODE, ["recovery_code", "hotp", "totp"], "totp"),
        (APP_CODE, ["sms", "recovery_code"], None),
        (RECOVERY_CODE, ["hotp", "recovery_code"], "recovery_code"),
        (RECOVERY_CODE, ["hotp"], None),
        (GARBLED, None, "recovery_code"),
        (GARBLED, ["totp", "recovery_code"], "recovery_code"),
        (GARBLED, ["totp", "sms"], "totp"),
        (GARBLED, ["sms"], None),
        (GARBLED, [], None),
    ],
)
def test_a_code_beside_the_password_is_looked_for_among_the_kinds_of_its_user(
    code: str, held: list[str] | None, kind: str | None
) -> None:
    """What fits none of them is counted as their last one."""
    factors = Factors((Sms, Totp, factor(), RecoveryCodes), WITH_HOTP, fingerprints=FINGERPRINTS)
    assert factors.kind_at_once(code, held) == kind
