"""Everything that can be known from the settings is told together, as far as each can be judged without the others."""

import json
import re
from pathlib import Path

import pytest

from app.cli.environment import try_settings
from app.settings import Settings
from app.settings.draft import Draft, _without
from app.wiring.unfit import unfit
from tests.ground.conftest import PRODUCTION, SECRET


@pytest.fixture(autouse=True)
def _production(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in PRODUCTION.items():
        monkeypatch.setenv(f"GATEHOUSE_{name}", value)
    monkeypatch.setenv("GATEHOUSE_SMS__FALLBACK_WEBHOOK_URL", "https://sms.example/send")
    monkeypatch.setenv("GATEHOUSE_SMS__FALLBACK_WEBHOOK_SECRET", "whsec_" + "A" * 32)


def told(monkeypatch: pytest.MonkeyPatch, changes: dict[str, str | None]) -> list[str]:
    for name, value in changes.items():
        if value is None:
            monkeypatch.delenv(f"GATEHOUSE_{name}")
        else:
            monkeypatch.setenv(f"GATEHOUSE_{name}", value)
    settings, faults = try_settings(unfit)
    assert (settings is None) == bool(faults)
    return faults


def names(sentences: list[str]) -> list[str]:
    return [re.findall(r"GATEHOUSE_(\w+)", sentence)[0] for sentence in sentences]


def test_a_complete_production_has_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, {}) == []


def test_where_nothing_is_set_all_that_the_readme_names_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    fallback = ("SMS__FALLBACK_WEBHOOK_URL", "SMS__FALLBACK_WEBHOOK_SECRET")
    nothing = dict.fromkeys((*PRODUCTION, *fallback))
    table = (Path(__file__).parents[2] / "README.md").read_text().partition("needs at least:")[2].partition("\n## ")[0]
    rows = [re.findall(r"`(?:GATEHOUSE_|…__)(\w+)`", line.split("|")[1]) for line in table.splitlines() if "`" in line]
    wanted = {name for row in rows for name in row}
    assert len(wanted) > 10
    found = names(told(monkeypatch, nothing))
    assert {name.rpartition("__")[2] for name in found} == {name.rpartition("__")[2] for name in wanted}
    assert len(found) == len(set(found))


FAULTS: dict[str, str | None] = {
    "WORKERS": "0",
    "LIMITS__LOGIN_FAILURES": "100",
    "LOGS__LEVEL": SECRET,
    "DATABASE__URL": f"postgresql+asyncpg://gatehouse:{SECRET}@db.example:port/gatehouse",
    "SECRET_KEYS": SECRET,
    "EMAIL__SMTP_URL": f"http://{SECRET}@mail.example",
    "EMAIL__FROM": "two@mails.example, at@once.example",
    "HTTP__PUBLIC_URL": "http://gatehouse.example",
    "TEXTS_DIR": "/nowhere",
    "MFA__FACTORS": "sms,fax",
    "SMS__PLIVO_AUTH_ID": "mine",
    "SMS__PLIVO_BASE_URL": "api.plivo.com",
    "SMS__REGIONS": "UK",
    "SMS__PRICES": '{"UK": 1}',
    "SMS__FALLBACK_WEBHOOK_SECRET": SECRET,
    "SMS__TEST_NUMBERS": json.dumps([{"number": "+12025550199", "code": "428913", "until": "2999-01-01T00:00:00Z"}]),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_once_by_its_name(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    faults = told(monkeypatch, {name: FAULTS[name]})
    assert names(faults) == [name]
    assert SECRET not in str(faults)


def test_none_of_many_faults_hides_another(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sorted(names(told(monkeypatch, FAULTS))) == sorted(FAULTS)


@pytest.mark.parametrize("behind", ["plugin=x", "prepared_statement_cache_size=x", "colour=blue"])
def test_what_stands_behind_an_address_and_is_nothing_is_told(monkeypatch: pytest.MonkeyPatch, behind: str) -> None:
    faults = told(monkeypatch, {"DATABASE__URL": f"postgresql+asyncpg://gatehouse:{SECRET}@db/gatehouse?{behind}"})
    assert names(faults) == ["DATABASE__URL"]
    assert SECRET not in str(faults)


def test_what_its_owner_would_connect_to_is_judged_by_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    address = "postgresql+asyncpg://owner@db:port/gatehouse"
    assert names(told(monkeypatch, {"DATABASE__OWNER_URL": address})) == ["DATABASE__OWNER_URL"]


def test_a_sentence_that_names_nothing_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEHOUSE_SMS__REGIONS", "UK")
    settings, faults = try_settings(lambda _: ["This machine is on fire."], unfit)
    assert (settings, len(faults)) == (None, 2)


def test_what_cannot_be_left_out_ends_in_defaults_and_not_in_a_loop() -> None:
    given = {"workers": 2, "tokens": {"max_sessions": 3}}
    fault = {"type": "missing", "loc": ("elsewhere",), "msg": "", "input": None}
    assert _without(given, [fault]) == {}  # type: ignore[list-item]  # as Pydantic writes them


def test_a_file_that_holds_no_certificates_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert names(told(monkeypatch, {"DATABASE__TLS_CA": __file__})) == ["DATABASE__TLS_CA"]


def test_a_group_that_cannot_work_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    costly = {"PASSWORDS__MEMORY_KIB": "262144", "PASSWORDS__TIME_COST": "5", "PASSWORDS__MIN_LENGTH": "300"}
    assert names(told(monkeypatch, {**costly, "WORKERS": "0", "MFA__POLICY": None})) == [
        "WORKERS",
        "PASSWORDS",
        "MFA__POLICY",
    ]


def test_where_the_environment_is_not_known_nothing_is_asked_for_production(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"ENVIRONMENT": "prod", "MFA__POLICY": None, "SMS__REGIONS": "UK"}
    assert names(told(monkeypatch, wrong)) == ["ENVIRONMENT", "SMS__REGIONS"]


def test_what_is_left_out_of_a_draft_has_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEHOUSE_SECRET_KEYS", "[[1]]")
    monkeypatch.setenv("GATEHOUSE_TOKENS__MAX_SESSIONS", "many")
    draft = Draft()
    assert [fault["loc"][:2] for fault in draft.refused] == [("secret_keys", 0), ("tokens", "max_sessions")]
    assert (draft.secret_keys, draft.tokens.max_sessions) == ((), Settings.model_fields["tokens"].default.max_sessions)
    assert draft.tokens.issuer == PRODUCTION["TOKENS__ISSUER"]
