"""compose.yaml: production as the documentation shows it, out of one build, with settings, rights and times that fit."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.cli.serve import longest_end
from app.settings import Settings
from tests.cli.service import ROOT
from tests.cli.test_serving import PRODUCTION

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [SERVICES["migrate"], SERVICES["gatehouse"]]


def test_one_service_builds_the_image_and_the_others_begin_after_it() -> None:
    """Two that build the same image at once fail, and whoever pulls it gets what somebody else calls gatehouse."""
    assert [name for name, service in SERVICES.items() if "build" in service] == ["migrate"]
    assert {service["image"] for service in OURS} == {"gatehouse"}
    assert SERVICES["gatehouse"]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert SERVICES["gatehouse"]["pull_policy"] == "never"


@pytest.mark.parametrize("service", OURS, ids=["migrate", "gatehouse"])
def test_nobody_has_rights_and_nothing_is_writable_but_tmp(service: dict[str, Any]) -> None:
    assert (service["read_only"], service["tmpfs"]) == (True, ["/tmp"])  # noqa: S108
    assert (service["cap_drop"], service["security_opt"]) == (["ALL"], ["no-new-privileges:true"])


def test_with_its_environment_and_what_must_be_chosen_production_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    known = set(re.findall(r"^#(GATEHOUSE_\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    service = SERVICES["gatehouse"]
    assert service["environment"].keys() <= known
    for name, value in PRODUCTION.items():
        monkeypatch.setenv(f"GATEHOUSE_{name}", value)
    for name, value in service["environment"].items():
        monkeypatch.setenv(name, re.sub(r"\$\{POSTGRES_PASSWORD:[^}]*\}", "secret", str(value)))
    monkeypatch.chdir(tmp_path)
    settings = Settings()
    assert settings.environment == "production"
    assert service["ports"] == [f"127.0.0.1:{settings.http.port}:{settings.http.port}"]
    grace = re.fullmatch(r"(\d+)s", service["stop_grace_period"])
    assert grace
    assert int(grace[1]) > longest_end(settings).total_seconds()
