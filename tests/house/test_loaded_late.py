"""What decision 12 says is loaded late is loaded late, and nothing else is."""

import ast
import gc
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cli import VERBS, main
from app.cli.lasting import lasting
from app.clock import SystemClock
from app.factors import KINDS
from app.settings.people import MOST_MEMORY_KIB, MOST_MEMORY_PASSES
from app.texts import ours
from app.wiring import build
from tests.verbs import commands
from tests.world import settings_for

ROOT = Path(__file__).parents[2]
DECISION = (ROOT / "docs" / "decisions" / "0012-what-is-loaded-when.md").read_text()
HEAVY = {"alembic", "aiosmtplib", "httpx", "phonenumbers", "plivo", "requests", "segno", "ua_parser", "yaml", "zxcvbn"}
BESIDE = {"app.cli.audit", "app.cli.users", "app.cli.doctor", "app.cli.demo"}


def loaded_late() -> Iterator[str]:
    for path in (ROOT / "app").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"import_module", "importlib.import_module"}:
                [name] = node.args
                assert isinstance(name, ast.Constant), path
                yield str(name.value)


def test_the_decision_names_what_is_loaded_late() -> None:
    names = {name for name in loaded_late() if name != "app.cli.serve"}  # by a worker, at once
    assert "app.senders.plivo" in names
    assert [name for name in names if f"`{name}`" not in DECISION] == []


def test_the_service_starts_without_what_requests_seldom_need() -> None:
    loading = "import sys, app.cli; app.cli.load(['serve']); print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", loading], check=True, capture_output=True, text=True, cwd=ROOT)
    modules = set(found.stdout.split())
    assert "app.main" in modules
    assert modules & (HEAVY | BESIDE) == set()


def test_the_service_is_built_without_hashing_a_password_or_reading_a_language(tmp_path: Path) -> None:
    dearest = {"memory_kib": MOST_MEMORY_KIB, "time_cost": MOST_MEMORY_PASSES // MOST_MEMORY_KIB}
    settings = settings_for("postgresql+asyncpg://nobody@127.0.0.1:1/none", tmp_path, passwords=dearest)
    ours.cache_clear()
    began = time.thread_time()
    build(settings, SystemClock(), KINDS)
    assert time.thread_time() - began < 0.4, "such a hash takes a second"
    assert ours.cache_info().currsize == 0


def test_every_verb_is_listed() -> None:
    groups = {group.name for group in commands.registered_groups}
    assert groups | {command.name for command in commands.registered_commands} == set(VERBS)


def test_a_verb_that_is_loaded_alone_keeps_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["gatehouse", "env-example"])
    with pytest.raises(SystemExit) as ended:
        main()
    gc.unfreeze()
    assert ended.value.code == 0
    assert capsys.readouterr().out == (ROOT / ".env.example").read_text()


def test_what_is_made_at_the_start_is_never_looked_at_again() -> None:
    with lasting():
        assert not gc.isenabled()
    frozen = gc.get_freeze_count()
    gc.unfreeze()
    assert gc.isenabled()
    assert frozen > 10_000
