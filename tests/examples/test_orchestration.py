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
SYSTEMD = ROOT / "examples" / "systemd"
UNIT = SYSTEMD / "gatehouse.service"
OF_JOBS = SYSTEMD / "gatehouse-.service.d" / "job.conf"
MANIFESTS = {
    (document["kind"], document["metadata"]["name"]): document
    for path in sorted(KUBERNETES.glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text())
}
DEPLOYMENT = MANIFESTS["Deployment", "gatehouse"]["spec"]
JOB = MANIFESTS["Job", "gatehouse-migrate"]["spec"]
PRUNE = MANIFESTS["CronJob", "gatehouse-prune"]["spec"]["jobTemplate"]["spec"]
JOBS = [JOB["template"]["spec"], PRUNE["template"]["spec"]]
PODS = [DEPLOYMENT["template"]["spec"], *JOBS]
CONTAINER = PODS[0]["containers"][0]
CONFIGURED: dict[str, str] = MANIFESTS["ConfigMap", "gatehouse"]["data"]


OWNER = "GATEHOUSE_DATABASE__OWNER_URL"


def longest_end(settings: Settings) -> float:
    return serve.longest_end(settings).total_seconds()


def test_there_is_everything_that_belongs_to_it() -> None:
    assert {kind for kind, _ in MANIFESTS} == {
        "ConfigMap",
        "CronJob",
        "Deployment",
        "Job",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "Service",
    }


@pytest.mark.parametrize("path", [*KUBERNETES.iterdir(), UNIT, OF_JOBS], ids=lambda path: path.name)
def test_every_variable_that_is_named_exists(path: Path) -> None:
    known = set(re.findall(r"^#(GATEHOUSE_\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    named = set(re.findall(r"GATEHOUSE_[A-Z_]+[A-Z]", path.read_text()))
    assert named <= known


def secrets() -> dict[str, str]:
    """What README.md puts into the service's Secret, with values that can work."""
    named = re.findall(r"^(?:printf ')?(GATEHOUSE_\w+)=", (KUBERNETES / "README.md").read_text(), re.MULTILINE)
    named.remove(OWNER)
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


def test_no_secret_stands_on_a_command_line_and_its_file_is_ones_own() -> None:
    told = (KUBERNETES / "README.md").read_text()
    assert "--from-literal" not in told
    assert told.index("umask 077") < told.index("keys new") < told.index("somewhere else now") < told.index("kubectl")


def test_the_owner_of_the_database_is_told_to_the_jobs_alone() -> None:
    ours = [{"configMapRef": {"name": "gatehouse"}}, {"secretRef": {"name": "gatehouse"}}]
    assert CONTAINER["envFrom"] == ours
    for pod in JOBS:
        assert pod["containers"][0]["envFrom"] == [*ours, {"secretRef": {"name": "gatehouse-owner"}}]
    assert [pod["containers"][0]["args"] for pod in JOBS] == [
        ["migrate", "--app-role", "gatehouse_app"],
        ["prune", "--audit"],
    ]
    told = (KUBERNETES / "README.md").read_text()
    assert "//gatehouse_app:" in told.split("GATEHOUSE_DATABASE__URL=")[1].splitlines()[0]
    assert "gatehouse-owner --from-env-file=owner.env" in told
    assert [path for path in SYSTEMD.rglob("*.*") if path.is_file() and "owner.env\n" in path.read_text()] == [OF_JOBS]


@pytest.mark.parametrize("pod", PODS, ids=["deployment", "migrate", "prune"])
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


def test_whatever_selects_pods_selects_these() -> None:
    labels = DEPLOYMENT["template"]["metadata"]["labels"]
    for kind, field in (("Service", None), ("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector")):
        spec = MANIFESTS[kind, "gatehouse"]["spec"]
        chosen = spec["selector"] if field is None else spec[field]["matchLabels"]
        assert chosen.items() <= labels.items()
    assert DEPLOYMENT["selector"]["matchLabels"] == labels
    for job in (JOB, PRUNE):
        assert job["template"]["metadata"]["labels"] != labels, "the Service sends nothing to a Job"
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


def unit(path: Path) -> dict[str, list[str]]:
    told: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", path.read_text(), re.MULTILINE):
        told.setdefault(name, []).append(value)
    return told


@pytest.mark.parametrize("path", [UNIT, OF_JOBS], ids=lambda path: path.name)
def test_a_unit_is_hardened(path: Path) -> None:
    told = unit(path)
    for name in ("DynamicUser", "NoNewPrivileges", "PrivateTmp", "PrivateDevices", "MemoryDenyWriteExecute"):
        assert told[name] == ["yes"]
    assert (told["ProtectSystem"], told["CapabilityBoundingSet"]) == (["strict"], [""])


def test_the_unit_waits_for_the_end() -> None:
    production = Settings.model_construct(environment="production")
    assert int(unit(UNIT)["TimeoutStopSec"][0]) > longest_end(production)


def test_the_units_run_what_there_is_the_schema_first() -> None:
    ran = {path.stem: line.split("/bin/")[1] for path in SYSTEMD.glob("*.service") for line in unit(path)["ExecStart"]}
    assert ran == {
        "gatehouse": "gatehouse serve --workers 2",
        "gatehouse-migrate": "gatehouse migrate --app-role gatehouse_app",
        "gatehouse-prune": "gatehouse prune --audit",
    }
    for when in ("Wants", "After"):
        assert "gatehouse-migrate.service" in unit(UNIT)[when][0].split()
    assert (SYSTEMD / "gatehouse-prune.timer").is_file()


@pytest.mark.attack
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here: apt-get install systemd")
def test_systemd_understands_the_units_and_finds_them_safe(tmp_path: Path) -> None:
    here = Path(shutil.copytree(SYSTEMD, tmp_path / "units"))
    for path in here.glob("*.service"):
        path.write_text(re.sub("/opt/gatehouse/bin/gatehouse.*", "/bin/true", path.read_text()))
    for path in filter(Path.is_file, here.iterdir()):
        verified = subprocess.run(["systemd-analyze", "verify", path], check=False, capture_output=True, text=True)
        assert (verified.returncode, verified.stderr) == (0, ""), path.name
    for path in here.glob("*.service"):
        # By itself it looks into no folder beside it.
        of_jobs = OF_JOBS.read_text() if path.name != UNIT.name else ""
        path.write_text(f"{path.read_text()}\n{of_jobs}")
        asked = ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(path)]
        assert subprocess.run(asked, check=False, capture_output=True).returncode == 0, path.name
