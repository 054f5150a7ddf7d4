"""A code by SMS is good for one challenge, one purpose, and until its time is over."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from pydantic import SecretStr, ValidationError

from app.crypto.codes import Fingerprints
from app.crypto.keys import KeyRing, new_secret_key
from app.factors.base import About, Asked, CodeRejected, Holder, Question
from app.factors.sms import EnrollSms, Sms, SmsAnswer, SmsSettings, SmsState
from app.messages import Channel, Purpose
from app.settings.fixed_codes import FixedCode

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
LIFE = timedelta(minutes=5)
ABOUT = About(UUID("018f0000-0000-7000-8000-000000000001"), Purpose.SIGN_IN)
STATE = SmsState(phone="+12025550123", region="US")
KEYS = [SecretStr(new_secret_key()), SecretStr(new_secret_key())]


def sms_under(*keys: SecretStr, regions: tuple[str, ...] | None = None) -> Sms:
    return Sms(SmsSettings(regions=regions), fingerprints=Fingerprints(KeyRing(keys)))


@pytest.fixture
def sms() -> Sms:
    return sms_under(KEYS[0])


def code_of(question: Question) -> str:
    assert question.draft is not None
    return question.draft.code


def asked(question: Question, about: About = ABOUT) -> Asked:
    return Asked(about, question.fingerprint, NOW + LIFE)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


def test_the_question_is_a_draft_of_an_sms_and_a_digest(sms: Sms) -> None:
    question = sms.ask(STATE, ABOUT)
    assert question.draft is not None
    assert (question.draft.channel, question.draft.to, question.draft.region) == (Channel.SMS, "+12025550123", "US")
    assert question.fingerprint is not None
    assert question.draft.code.encode() not in question.fingerprint
    assert question.show == {}


def test_the_code_never_prints_itself(sms: Sms) -> None:
    question = sms.ask(STATE, ABOUT)
    assert code_of(question) not in repr(question.draft)
    assert STATE.phone not in repr(question.draft)


def test_the_right_code_is_accepted_and_confirms(sms: Sms) -> None:
    question = sms.ask(STATE, ABOUT)
    answer = SmsAnswer(code=code_of(question))
    assert sms.accept(STATE, answer, asked(question), NOW) == STATE
    assert sms.confirm(STATE, answer, asked(question), NOW) == STATE


def test_a_wrong_code_is_rejected(sms: Sms) -> None:
    question = sms.ask(STATE, ABOUT)
    with pytest.raises(CodeRejected) as refusal:
        sms.accept(STATE, SmsAnswer(code=wrong(code_of(question))), asked(question), NOW)
    assert refusal.value.args == ()


@pytest.mark.parametrize(
    ("after", "good"),
    [
        (timedelta(0), True),
        (LIFE - timedelta(microseconds=1), True),
        (LIFE, False),
        (LIFE + timedelta(seconds=1), False),
        (timedelta(days=400), False),
    ],
)
def test_a044_a_code_is_good_until_its_life_is_over(sms: Sms, after: timedelta, *, good: bool) -> None:
    question = sms.ask(STATE, ABOUT)
    answer = SmsAnswer(code=code_of(question))
    if good:
        assert sms.accept(STATE, answer, asked(question), NOW + after) == STATE
        return
    with pytest.raises(CodeRejected):
        sms.accept(STATE, answer, asked(question), NOW + after)


@pytest.mark.parametrize(
    "about",
    [
        replace(ABOUT, challenge_id=UUID("018f0000-0000-7000-8000-000000000002")),
        replace(ABOUT, purpose=Purpose.CONFIRM),
        replace(ABOUT, purpose=Purpose.VERIFY_EMAIL),
    ],
    ids=["another challenge", "to confirm", "to verify an address"],
)
def test_a043_a_code_answers_only_what_it_was_asked_for(sms: Sms, about: About) -> None:
    question = sms.ask(STATE, ABOUT)
    with pytest.raises(CodeRejected):
        sms.accept(STATE, SmsAnswer(code=code_of(question)), asked(question, about), NOW)


def test_a041_the_code_before_does_not_answer_the_newest_question(sms: Sms) -> None:
    first, newest = sms.ask(STATE, ABOUT), sms.ask(STATE, ABOUT)
    while code_of(first) == code_of(newest):
        newest = sms.ask(STATE, ABOUT)
    with pytest.raises(CodeRejected):
        sms.accept(STATE, SmsAnswer(code=code_of(first)), asked(newest), NOW)


@pytest.mark.parametrize(
    "nothing",
    [
        Asked(ABOUT, None, NOW + LIFE),
        Asked(ABOUT, None, None),
        Asked(ABOUT, b"", NOW + LIFE),
        Asked(ABOUT, b"\0" * 32, NOW + LIFE),
    ],
)
def test_where_nothing_was_asked_no_code_is_right(sms: Sms, nothing: Asked) -> None:
    with pytest.raises(CodeRejected):
        sms.accept(STATE, SmsAnswer(code="000000"), nothing, NOW)


def test_a_code_without_an_end_is_no_code(sms: Sms) -> None:
    question = sms.ask(STATE, ABOUT)
    with pytest.raises(CodeRejected):
        sms.accept(STATE, SmsAnswer(code=code_of(question)), replace(asked(question), expires_at=None), NOW)


def test_a_code_outlives_the_turning_of_the_ring() -> None:
    question = sms_under(KEYS[0]).ask(STATE, ABOUT)
    answer = SmsAnswer(code=code_of(question))
    assert sms_under(KEYS[1], KEYS[0]).accept(STATE, answer, asked(question), NOW) == STATE
    with pytest.raises(CodeRejected):
        sms_under(KEYS[1]).accept(STATE, answer, asked(question), NOW)


@pytest.mark.parametrize(
    "code",
    [
        "",
        "12345",
        "1234567",
        "12345 ",
        " 12345",
        "123456\n",
        "-12345",
        "+12345",
        "12345a",
        "1_2345",
        "0x1234",
        "\u0661\u0662\u0663\u0664\u0665\u0666",
        "\uff11\uff12\uff13\uff14\uff15\uff16",
        "\u00b9\u00b2\u00b3\u00b9\u00b2\u00b3",
        "\U0001d7ce\U0001d7cf\U0001d7d0\U0001d7d1\U0001d7d2\U0001d7d3",
        "12345\u0661",
        "123\u200b456",
        "123456\0",
        123456,
        None,
        True,
        ["123456"],
        {"$gt": ""},
    ],
    ids=ascii,
)
def test_a050_a_code_is_six_ascii_digits_in_a_text(code: object) -> None:
    with pytest.raises(ValidationError) as refusal:
        SmsAnswer.model_validate({"code": code})
    assert not code or len(str(code)) < 2 or str(code) not in str(refusal.value)


def test_leading_zeros_are_part_of_a_code() -> None:
    assert SmsAnswer(code="000000").code == "000000"


@pytest.mark.parametrize("more", [{"user_id": "1"}, {"factor": "totp"}, {"challenge": "x"}, {"State": {}}], ids=str)
def test_a136_an_answer_has_no_other_fields(more: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SmsAnswer.model_validate({"code": "123456"} | more)


def test_enrolling_keeps_the_number_and_shows_a_masked_one(sms: Sms) -> None:
    begun = sms.enroll(EnrollSms(factor="sms", phone_number="+12025550123"), Holder("ada@example.com", "Gatehouse"))
    assert begun.state == STATE
    assert begun.setup.model_dump() == {"factor": "sms", "destination": "+1 ••• ••• 0123"}
    assert sms.unique(begun.state) == "+12025550123"
    assert sms.describe(begun.state).destination == "+1 ••• ••• 0123"
    assert sms.describe(begun.state).remaining is None


def test_a_state_survives_being_stored() -> None:
    assert SmsState.model_validate_json(STATE.model_dump_json()) == STATE


def test_a_test_number_has_its_own_code_until_its_end() -> None:
    fixed = FixedCode(number=STATE.phone, code=SecretStr("428913"), until=NOW + LIFE)
    sms = Sms(SmsSettings(test_numbers=(fixed,)), fingerprints=Fingerprints(KeyRing(KEYS[:1])))
    question, answer = sms.ask(STATE, ABOUT), SmsAnswer(code="428913")
    later = replace(asked(question), expires_at=NOW + 2 * LIFE)
    assert sms.accept(STATE, answer, later, NOW + LIFE - timedelta(microseconds=1)) == STATE
    if code_of(question) != "428913":
        with pytest.raises(CodeRejected):
            sms.accept(STATE, SmsAnswer(code=code_of(question)), later, NOW)
        with pytest.raises(CodeRejected):
            sms.accept(STATE, answer, later, NOW + LIFE)
    assert sms.accept(STATE, SmsAnswer(code=code_of(question)), later, NOW + LIFE) == STATE


@pytest.mark.parametrize("nothing", [Asked(ABOUT, None, NOW + LIFE), Asked(ABOUT, b"\0" * 32, None)])
def test_a_test_numbers_code_answers_nothing_that_was_not_asked(nothing: Asked) -> None:
    fixed = FixedCode(number=STATE.phone, code=SecretStr("428913"), until=None)
    sms = Sms(SmsSettings(test_numbers=(fixed,)), fingerprints=Fingerprints(KeyRing(KEYS[:1])))
    with pytest.raises(CodeRejected):
        sms.accept(STATE, SmsAnswer(code="428913"), nothing, NOW)
