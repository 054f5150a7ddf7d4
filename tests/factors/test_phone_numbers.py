"""Only a plain E.164 number of a served region's mobile range gets codes; everything `phonenumbers` would repair is refused."""

import pytest
from phonenumbers import SUPPORTED_REGIONS
from pydantic import TypeAdapter, ValidationError

from app.factors.phones import E164, Phone, mask, read_phone
from app.factors.regions import REGIONS
from app.factors.sms import EnrollSms
from app.problems import SmsNotAllowed

WORLD = ("US", "CA", "GB", "DE", "IT", "AR", "MX", "NG", "KZ", "FR")
SHAPE: TypeAdapter[str] = TypeAdapter(E164)


def test_the_regions_that_a_setting_may_name_are_those_that_numbers_are_read_by() -> None:
    assert sorted(REGIONS) == sorted(SUPPORTED_REGIONS)


@pytest.mark.parametrize(
    ("number", "region"),
    [
        ("+12025550123", "US"),
        ("+14165550123", "CA"),
        ("+447400123456", "GB"),
        ("+4915112345678", "DE"),
        ("+393471234567", "IT"),
        ("+5491112345678", "AR"),
        ("+525512345678", "MX"),
        ("+77012345678", "KZ"),
        ("+33612345678", "FR"),
    ],
)
def test_a_mobile_number_of_a_served_region_is_taken_as_it_is(number: str, region: str) -> None:
    assert SHAPE.validate_python(number) == number
    assert read_phone(number, regions=WORLD) == Phone(number, region)


@pytest.mark.parametrize(
    "number",
    [
        "",
        "+",
        "12025550123",
        "0012025550123",
        "02025550123",
        "+02025550123",
        "+1 202 555 0123",
        "+1-202-555-0123",
        "+1.202.555.0123",
        "+1/2025550123",
        "(202) 555-0123",
        "+44(0)7911123456",
        "+44 (0)7911 123456",
        "tel:+12025550123",
        "tel:+12025550123;ext=5",
        "+12025550123;ext=5",
        "+12025550123x9",
        "+12025550123 ext. 89",
        "+12025550123#9",
        "+12025550123,,5",
        "+1800FLOWERS",
        "+1-800-FLOWERS",
        "\uff0b\uff11\uff12\uff10\uff12\uff15\uff15\uff15\uff10\uff11\uff12\uff13",
        "+1202555\uff10123",
        "\uff0b12025550123",
        "+1\u0662\u0660\u06625550123",
        "+1202\u200b5550123",
        "+12025550123\u202c",
        "\u202d+12025550123",
        "+1202\u00a05550123",
        "+12025550123\n",
        "\n+12025550123",
        "+12025550123\0",
        "+12025550123<+12025550124",
        "+12025550123,+12025550124",
        "++12025550123",
        "+12025550123+",
        "+123456",
        "+123456789012345",
        "+1234567890123456789",
        "+" + "1" * 10_000,
    ],
    ids=lambda number: ascii(number)[:30],
)
def test_a101_nothing_but_plain_e164_is_a_number(number: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        EnrollSms.model_validate({"factor": "sms", "phone_number": number})
    assert len(number) < 7 or number not in str(refusal.value)


@pytest.mark.parametrize("value", [12025550123, None, True, ["+12025550123"], {"e164": "+12025550123"}, 1.5], ids=repr)
def test_a137_a_number_is_a_text(value: object) -> None:
    with pytest.raises(ValidationError):
        EnrollSms.model_validate({"factor": "sms", "phone_number": value})


@pytest.mark.parametrize(
    "number",
    [
        pytest.param("+447911123456", id="Guernsey has +44"),
        pytest.param("+447624123456", id="the Isle of Man has +44"),
        pytest.param("+447797712345", id="Jersey has +44"),
        pytest.param("+18765550123", id="Jamaica has +1"),
        pytest.param("+18095550123", id="the Dominican Republic has +1"),
        pytest.param("+77012345678", id="Kazakhstan has +7"),
        pytest.param("+4915112345678", id="Germany is not served here"),
    ],
)
def test_a062_a_calling_code_is_not_a_region(number: str) -> None:
    with pytest.raises(SmsNotAllowed):
        read_phone(number, regions=("GB", "US", "RU"))


def test_guernsey_is_guernsey() -> None:
    assert read_phone("+447911123456", regions=("GG",)) == Phone("+447911123456", "GG")


@pytest.mark.parametrize(
    "number",
    [
        pytest.param("+442071838750", id="landline"),
        pytest.param("+493012345678", id="landline in Berlin"),
        pytest.param("+390612345678", id="landline in Rome, its zero kept"),
        pytest.param("+19005550123", id="premium"),
        pytest.param("+4909001234567", id="premium behind a zero"),
        pytest.param("+449012345678", id="premium in Britain"),
        pytest.param("+18003569377", id="toll-free"),
        pytest.param("+448001111", id="toll-free in Britain"),
        pytest.param("+448451234567", id="shared cost"),
        pytest.param("+447012345678", id="personal number"),
        pytest.param("+447640123456", id="pager"),
        pytest.param("+445612345678", id="VoIP"),
        pytest.param("+443001234567", id="UAN"),
        pytest.param("+3903471234567", id="a mobile number behind a zero"),
        pytest.param("+5215512345678", id="Mexico's old 1"),
        pytest.param("+2347712345678", id="possible, not valid"),
        pytest.param("+12025550", id="too short"),
        pytest.param("+120255501234", id="too long"),
        pytest.param("+999123456789", id="no such calling code"),
        pytest.param("+2101234567", id="a spare calling code"),
    ],
)
def test_a062_only_numbers_that_take_texts_are_served(number: str) -> None:
    with pytest.raises(SmsNotAllowed) as refusal:
        read_phone(SHAPE.validate_python(number), regions=WORLD)
    assert refusal.value.detail is None


@pytest.mark.parametrize(
    "number", ["+870776123456", "+881612345678", "+883510012345", "+8821612345678", "+979123456789"]
)
def test_a062_no_region_holds_satellites(number: str) -> None:
    with pytest.raises(SmsNotAllowed):
        read_phone(SHAPE.validate_python(number), regions=WORLD)


def test_one_line_is_one_number_however_it_is_written() -> None:
    """E.164 with a trunk zero inside is repaired, so uniqueness is on what is kept."""
    assert read_phone("+4407400123456", regions=("GB",)) == read_phone("+447400123456", regions=("GB",))


def test_no_region_is_served_where_none_is_named() -> None:
    with pytest.raises(SmsNotAllowed):
        read_phone("+12025550123", regions=())


def test_in_development_any_possible_number_will_do() -> None:
    assert read_phone("+442071838750", regions=None) == Phone("+442071838750", "GB")
    for number in ("+1202555", "+999123456789", "+5215512345678"):
        with pytest.raises(SmsNotAllowed):
            read_phone(number, regions=None)


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+12025550123", "+1 ••• ••• 0123"),
        ("+4915112345678", "+49 ••• ••• 5678"),
        ("+390612345678", "+39 ••• ••• 5678"),
        ("+77012345678", "+7 ••• ••• 5678"),
    ],
)
def test_a_masked_number_shows_its_calling_code_and_four_digits(number: str, shown: str) -> None:
    assert mask(number) == shown


@pytest.mark.parametrize("number", ["+6834002", "+29051234", "+69071234", "+50051234", "+24751234"])
def test_a_short_number_keeps_half_of_itself(number: str) -> None:
    """Niue, Saint Helena, Tokelau, the Falklands, Ascension: four or five digits after a calling code of three."""
    own, shown = number[4:], mask(number).replace(" ", "").replace("•", "")[4:]
    assert own.endswith(shown)
    assert 1 <= len(shown) <= len(own) // 2
