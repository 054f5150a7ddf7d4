"""The Kubernetes and systemd examples name settings, ports, paths and times that the service has."""

import re
import shutil
import subprocess
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.cli import serve
from app.main import create_app
from app.settings import Settings
from tests.cli.service import ROOT
from tests.cli.test_serving import PRODUCTION
from tests.world import KEY

KUBERNETES = ROOT / "examples" / "kubernetes"
UNIT = ROOT / "examples" / "systemd" / "gatehouse.service"
MANIFESTS = {
    (document["kind"], document["metadata"]["name"]): document
    for path in sorted(KUBERNETES.glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text())
}
DEPLOYMENT = MANIFESTS["Deployment", "gatehouse"]["spec"]
JOB = MANIFESTS["Job", "gatehouse-migrate"]["spec"]
PODS = [DEPLOYMENT["template"]["spec"], JOB["template"]["spec"]]
CONTAINER = PODS[0]["containers"][0]
CONFIGURED: dict[str, str] = MANIFESTS["ConfigMap", "gatehouse"]["data"]


def longest_end(settings: Settings) -> float:
    return serve.longest_end(settings).total_seconds()


def test_there_is_everything_that_belongs_to_it() -> None:
    assert {kind for kind, _ in MANIFESTS} == {
        "ConfigMap",
        "Deployment",
        "Job",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "Service",
    }


@pytest.mark.parametrize("path", [*KUBERNETES.iterdir(), UNIT], ids=lambda path: path.name)
def test_every_variable_that_is_named_exists(path: Path) -> None:
    known = set(re.findall(r"^#(GATEHOUSE_\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    named = set(re.findall(r"GATEHOUSE_[A-Z_]+[A-Z]", path.read_text()))
    assert named <= known


def secrets() -> dict[str, str]:
    """What README.md puts into the Secret, with values that can work."""
    named = re.findall(r"--from-literal=(GATEHOUSE_\w+)=", (KUBERNETES / "README.md").read_text())
    ours = {f"GATEHOUSE_{name}": value for name, value in PRODUCTION.items()} | {
        "GATEHOUSE_SECRET_KEYS": KEY,
        "GATEHOUSE_DATABASE__URL": "postgresql+asyncpg://gatehouse@db.example.com/gatehouse",
    }
    return {name: ours[name] for name in named}


def test_with_the_config_and_the_secret_production_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in chain(CONFIGURED.items(), secrets().items()):
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.environment == "production"
    assert PODS[0]["terminationGracePeriodSeconds"] > longest_end(settings) >= 0
    probe = CONTAINER["readinessProbe"]
    assert probe["periodSeconds"] * (probe["failureThreshold"] + 1) < settings.drain.total_seconds()


def test_probes_ask_what_is_there(tmp_path: Path) -> None:
    app = create_app(
        Settings.model_validate(
            {
                "environment": "development",
                "secret_keys": KEY,
                "data_dir": str(tmp_path),
                "database": {"url": "postgresql+asyncpg://nobody@127.0.0.1:1/none"},
            }
        )
    )
    paths = {getattr(route, "path", None) for route in app.routes}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert CONTAINER[probe]["httpGet"]["path"] in paths
        assert CONTAINER[probe]["httpGet"]["port"] == "http"
    assert CONTAINER["livenessProbe"]["httpGet"]["path"] == "/livez"
    (port,) = CONTAINER["ports"]
    assert port == {"name": "http", "containerPort": Settings.model_fields["http"].default.port}
    assert MANIFESTS["Service", "gatehouse"]["spec"]["ports"][0]["targetPort"] == port["name"]


@pytest.mark.parametrize("pod", PODS, ids=["deployment", "job"])
def test_nobody_has_rights_and_nothing_is_writable_but_tmp(pod: dict[str, Any]) -> None:
    user = re.search(r"^USER (\d+):(\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert user
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": int(user[1]),
        "runAsGroup": int(user[2]),
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert pod["automountServiceAccountToken"] is False
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/tmp"]  # noqa: S108
        assert container["image"] == CONTAINER["image"]
        assert {"memory"} <= set(container["resources"]["limits"])
        assert container["envFrom"] == CONTAINER["envFrom"]


def test_whatever_selects_pods_selects_these() -> None:
    labels = DEPLOYMENT["template"]["metadata"]["labels"]
    for kind, field in (("Service", None), ("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector")):
        spec = MANIFESTS[kind, "gatehouse"]["spec"]
        chosen = spec["selector"] if field is None else spec[field]["matchLabels"]
        assert chosen.items() <= labels.items()
    assert DEPLOYMENT["selector"]["matchLabels"] == labels
    assert JOB["template"]["metadata"]["labels"] != labels, "the Service sends nothing to the Job"
    assert MANIFESTS["PodDisruptionBudget", "gatehouse"]["spec"]["minAvailable"] < DEPLOYMENT["replicas"]


def test_out_goes_only_what_the_service_needs() -> None:
    """docs/deployment.md, "What it connects to": names, the database, and the providers of SMS and mail."""
    egress = MANIFESTS["NetworkPolicy", "gatehouse"]["spec"]["egress"]
    assert all(rule["to"] for rule in egress), "a rule without `to` would let everything out"
    assert [{port["port"] for port in rule["ports"]} for rule in egress] == [{53}, {5432}, {443, 465}]
    (outside,) = egress[-1]["to"]
    assert {"10.0.0.0/8", "169.254.0.0/16"} <= set(outside["ipBlock"]["except"]), (
        "nothing else inside, no metadata service"
    )


def test_with_the_secret_mounted_as_files_production_starts_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in secrets().items():
        (tmp_path / name).write_text(value)
    for name, value in CONFIGURED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GATEHOUSE_SECRETS_DIR", str(tmp_path))
    settings = Settings()
    assert (settings.environment, settings.database.tls_mode) == ("production", "verify-full")


def unit() -> dict[str, list[str]]:
    told: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", UNIT.read_text(), re.MULTILINE):
        told.setdefault(name, []).append(value)
    return told


def test_the_unit_is_hardened_and_waits_for_the_end() -> None:
    told = unit()
    for name in ("DynamicUser", "NoNewPrivileges", "PrivateTmp", "PrivateDevices", "MemoryDenyWriteExecute"):
        assert told[name] == ["yes"]
    assert (told["ProtectSystem"], told["CapabilityBoundingSet"]) == (["strict"], [""])
    production = Settings.model_construct(environment="production")
    assert int(told["TimeoutStopSec"][0]) > longest_end(production)
    assert [line.split("/bin/")[1].split()[:2] for line in told["ExecStartPre"] + told["ExecStart"]] == [
        ["gatehouse", "migrate"],
        ["gatehouse", "serve"],
    ]


@pytest.mark.attack
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here: apt-get install systemd")
def test_systemd_understands_the_unit_and_finds_it_safe(tmp_path: Path) -> None:
    here = tmp_path / UNIT.name
    here.write_text(UNIT.read_text().replace("/opt/gatehouse/bin/gatehouse", "/bin/true"))
    verified = subprocess.run(["systemd-analyze", "verify", here], check=False, capture_output=True, text=True)
    assert (verified.returncode, verified.stderr) == (0, "")
    asked = ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(here)]
    assert subprocess.run(asked, check=False, capture_output=True).returncode == 0
