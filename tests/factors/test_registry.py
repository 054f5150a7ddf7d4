"""Every registered kind is known, only those of the settings are usable, and each answer is read in its kind's shape."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, Field, SecretStr, TypeAdapter, ValidationError
from typing_extensions import override

from app.crypto.codes import Fingerprints
from app.crypto.keys import KeyRing, new_secret_key
from app.factors import KINDS
from app.factors.base import (
    About,
    AnswerShape,
    AnyFactor,
    Asked,
    CodeRejected,
    Described,
    Enrolled,
    EnrollShape,
    Factor,
    Holder,
    Question,
    Shape,
)
from app.factors.recovery_codes import RecoveryCodes
from app.factors.registry import Factors
from app.factors.sms import EnrollSms, Sms, SmsAnswer, SmsSetup
from app.messages import Purpose
from app.problems import FactorNotEnrolled
from app.settings import Settings


class BellSettings(BaseModel):
    chimes: int = 3


class BellState(Shape):
    rung: int = 0


class EnrollBell(EnrollShape):
    factor: Literal["bell"]


class BellSetup(Shape):
    factor: Literal["bell"] = "bell"


class BellAnswer(AnswerShape):
    factor: Literal["bell"] | None = None
    rings: Annotated[int, Field(ge=1, le=9)]


class Bell(Factor[BellState, EnrollBell, BellAnswer, BellSettings]):
    """A second kind, so that there is something to choose from: ring as often as the settings say."""

    kind = "bell"
    amr = "bell"
    strength = 5
    Settings, State, Enroll, Answer, Setup = BellSettings, BellState, EnrollBell, BellAnswer, BellSetup

    @override
    def enroll(self, request: EnrollBell, holder: Holder) -> Enrolled[BellState]:
        return Enrolled(BellState(), BellSetup())

    @override
    def ask(self, state: BellState, about: About) -> Question:
        return Question()

    @override
    def accept(self, state: BellState, answer: BellAnswer, asked: Asked, at: datetime) -> BellState:
        if answer.rings != self.settings.chimes:
            raise CodeRejected
        return BellState(rung=state.rung + 1)


FINGERPRINTS = Fingerprints(KeyRing([SecretStr(new_secret_key())]))


def factors_of(*usable: str, kinds: tuple[type[AnyFactor], ...] = (Sms, Bell), **groups: Any) -> Factors:
    settings = Settings(environment="development", **({"mfa": {"factors": usable}} | groups))
    return Factors(kinds, settings, fingerprints=FINGERPRINTS)


def test_sms_is_registered() -> None:
    assert Sms in KINDS
    assert len({kind.kind for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("named", [("fax",), ("sms", "fax"), ("SMS",), ("sms ",)])
def test_an_unknown_kind_in_the_settings_stops_the_start(named: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"GATEHOUSE_MFA__FACTORS: choose among sms, bell\."):
        factors_of(*named)


def test_no_kind_at_all_stops_the_start_with_a_sentence() -> None:
    with pytest.raises(ValueError, match="GATEHOUSE_MFA__FACTORS"):
        factors_of()


@pytest.mark.parametrize("region", ["us", "UK", "USA", "US;DE", "US DE", "+1", "1", "XX", "001", "", "EU"])
def test_a_region_that_does_not_exist_stops_the_start(region: str) -> None:
    """UK for GB, or lower case, would serve nobody and say nothing; 001 is where satellites are."""
    with pytest.raises(ValueError, match=r"GATEHOUSE_SMS__REGIONS|sms\.regions"):
        factors_of("sms", sms={"regions": ("US", region)})


def test_a_kind_that_is_switched_off_is_known_but_not_usable() -> None:
    factors = factors_of("bell")
    assert factors.usable == ("bell",)
    assert isinstance(factors["bell"], Bell)
    assert isinstance(factors.known("sms"), Sms)
    with pytest.raises(FactorNotEnrolled):
        factors["sms"]
    with pytest.raises(FactorNotEnrolled):
        factors.read_answer("sms", SmsAnswer(code="123456"))


@pytest.mark.parametrize("kind", ["fax", "", "SMS", "__class__"])
def test_a_kind_nobody_registered_is_not_enrolled(kind: str) -> None:
    with pytest.raises(FactorNotEnrolled):
        factors_of("sms")[kind]


def test_a_factor_sees_its_own_group_of_settings() -> None:
    factors = factors_of("sms", "bell", sms={"regions": ("US", "DE")})
    assert factors["sms"].settings.regions == ("US", "DE")
    assert factors["bell"].settings == BellSettings(chimes=3)
    assert not hasattr(factors["sms"].settings, "plivo_auth_token")


def test_the_strongest_comes_first() -> None:
    factors = factors_of("sms")
    assert factors.strongest_first(["sms", "bell"]) == ["bell", "sms"]
    assert factors.strongest_first([]) == []


def test_what_starts_an_enrolment_is_told_apart_by_its_factor() -> None:
    enrolls: TypeAdapter[Any] = TypeAdapter(factors_of("sms", "bell").enrolls())
    assert isinstance(enrolls.validate_python({"factor": "bell"}), EnrollBell)
    sms = enrolls.validate_python({"factor": "sms", "phone_number": "+12025550123"})
    assert isinstance(sms, EnrollSms)
    for wrong in ({}, {"factor": "fax"}, {"factor": "bell", "phone_number": "+12025550123"}, {"factor": None}):
        with pytest.raises(ValidationError):
            enrolls.validate_python(wrong)


def test_a_kind_that_is_switched_off_cannot_be_enrolled_or_answered() -> None:
    factors = factors_of("bell")
    with pytest.raises(ValidationError):
        TypeAdapter(factors.enrolls()).validate_python({"factor": "sms", "phone_number": "+12025550123"})
    with pytest.raises(ValidationError):
        TypeAdapter(factors.answers()).validate_python({"code": "123456"})


def test_setups_are_a_union_too() -> None:
    setups: TypeAdapter[Any] = TypeAdapter(factors_of("sms", "bell").setups())
    assert isinstance(setups.validate_python(SmsSetup(destination="+1 ••• ••• 0123")), SmsSetup)
    assert isinstance(setups.validate_python({"factor": "bell"}), BellSetup)
    alone: TypeAdapter[Any] = TypeAdapter(factors_of("sms").setups())
    assert isinstance(alone.validate_python({"destination": "x"}), SmsSetup)


def test_an_answer_needs_no_factor() -> None:
    answers: TypeAdapter[Any] = TypeAdapter(factors_of("sms", "bell").answers())
    assert isinstance(answers.validate_python({"code": "123456"}), SmsAnswer)
    assert isinstance(answers.validate_python({"factor": "bell", "rings": 3}), BellAnswer)
    for wrong in ({"factor": "bell", "code": "123456"}, {"factor": "fax", "code": "123456"}, {"code": 123456}, {}):
        with pytest.raises(ValidationError):
            answers.validate_python(wrong)


class Proof(Shape):
    """What may stand beside the answers: it has no factor."""

    password: Annotated[str, Field(max_length=9)]


WHICH = ("union_tag_invalid", ())


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"factor": "bell", "code": "1"}, [("missing", ("rings",)), ("extra_forbidden", ("code",))]),
        ({"factor": "sms", "code": "1"}, [("said", ("code",))]),
        ({"factor": "fax", "code": "123456"}, [WHICH]),
        ({"factor": "", "code": "123456"}, [WHICH]),
        ({"factor": 7, "code": "123456"}, [WHICH]),
        ({"factor": ["sms"], "code": "123456"}, [WHICH]),
        ({"code": "1"}, [("said", ("code",))]),
        ({"factor": None, "code": "1"}, [("said", ("code",))]),
        ({"rings": 10}, [("less_than_equal", ("rings",))]),
        ({"password": "x" * 10}, [("string_too_long", ("password",))]),
        ({"password": "x", "code": "123456", "rings": 3}, [("extra_forbidden", ("password",)), ("extra_forbidden", ("rings",))]),
        ({"fax": "1"}, [WHICH]),
        ({}, [WHICH]),
    ],
    ids=str,
)  # fmt: skip
def test_of_an_answer_that_does_not_fit_one_branch_is_judged(
    body: dict[str, Any], told: list[tuple[str, tuple[str, ...]]]
) -> None:
    """A code that only a named factor would take misses its `factor`."""
    answers = TypeAdapter(factors_of("sms", "bell", kinds=(Sms, Bell, RecoveryCodes)).answers(Proof))
    with pytest.raises(ValidationError) as refusal:
        answers.validate_python(body)
    found = refusal.value.errors()
    assert [(fault["type"], fault["loc"]) for fault in found] == told
    if told == [WHICH]:
        assert found[0]["ctx"]["expected_tags"] == "'sms', 'bell', 'recovery_code'"


def test_what_stands_beside_the_answers_is_taken() -> None:
    answers = TypeAdapter(factors_of("sms").answers(Proof))
    assert isinstance(answers.validate_python({"password": "x"}), Proof)


@pytest.mark.parametrize("body", [{}, {"factor": None}, {"phone_number": "+12025550123"}, {"factor": "fax"}], ids=str)
@pytest.mark.parametrize("usable", [("sms",), ("sms", "bell")], ids=len)
def test_an_enrolment_says_which_factors_there_are(usable: tuple[str, ...], body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refusal:
        TypeAdapter(factors_of(*usable).enrolls()).validate_python(body)
    (fault,) = refusal.value.errors()
    assert (fault["type"], fault["ctx"]["expected_tags"]) == (WHICH[0], ", ".join(f"'{kind}'" for kind in usable))


def test_an_answer_is_read_in_the_shape_of_its_kind() -> None:
    factors = factors_of("sms", "bell")
    answer = SmsAnswer(code="123456")
    assert factors.read_answer("sms", answer) is answer


class Rings(Shape):
    """An answer of a third kind, with the fields of a bell's."""

    factor: str | None = None
    rings: int


def test_an_answer_that_fits_is_taken_over() -> None:
    assert factors_of("bell").read_answer("bell", Rings(rings=3)) == BellAnswer(factor="bell", rings=3)


@pytest.mark.parametrize(
    ("kind", "answer"),
    [("sms", BellAnswer(rings=3)), ("bell", SmsAnswer(code="123456")), ("bell", Rings(rings=10))],
    ids=["rings for SMS", "a code for a bell", "too many rings"],
)
def test_an_answer_of_another_shape_is_a_wrong_answer(kind: str, answer: Shape) -> None:
    with pytest.raises(CodeRejected) as refusal:
        factors_of("sms", "bell").read_answer(kind, answer)
    assert refusal.value.__cause__ is None


def test_a_factor_without_anything_special_tells_nothing_and_confirms_as_it_accepts() -> None:
    bell = factors_of("bell")["bell"]
    asked = Asked(About(UUID(int=1), Purpose.CONFIRM), None, None)
    assert bell.describe(BellState()) == Described()
    assert bell.unique(BellState()) is None
    confirmed = bell.confirm(BellState(), BellAnswer(rings=3), asked, datetime.fromtimestamp(0).astimezone())
    assert confirmed == BellState(rung=1)
    with pytest.raises(CodeRejected):
        bell.confirm(BellState(), BellAnswer(rings=4), asked, datetime.fromtimestamp(0).astimezone())
