"""`gatehouse serve` with metrics on a port of their own: one listener for all workers, which adds up what they counted."""

import os
import re
import signal
import tempfile
from pathlib import Path

import httpx

from tests.cli.service import Service, free_port, run, serving, until
from tests.measures import read

PROBES = {"method": "GET", "route": "/.well-known/jwks.json"}

NEVER_YET = (
    'gatehouse_events_total{event="login.stuffing_suspected"}',
    'gatehouse_factor_steps_total{factor="sms",step="verified"}',
    'gatehouse_sms_spend_millionths_total{region="AT"}',
)
"""What alerts take the increase of."""


def scraped(port: int, name: str, **labels: str) -> float:
    return read(httpx.get(f"http://127.0.0.1:{port}/metrics").text, name, **labels)


def ask(service: Service, times: int) -> None:
    for _ in range(times):
        httpx.get(f"http://127.0.0.1:{service.port}/.well-known/jwks.json").raise_for_status()


def workers_of(parent: int) -> list[int]:
    """Processes whose parent it is and that listen, by their command line."""
    found = []
    for folder in Path("/proc").iterdir():
        is_child = folder.name.isdecimal() and f"PPid:\t{parent}\n" in _text(folder / "status")
        if is_child and "spawn_main" in _text(folder / "cmdline"):
            found.append(int(folder.name))
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def test_two_workers_are_added_up_and_a_killed_one_takes_nothing_along(tmp_path: Path, database_url: str) -> None:
    port = free_port()
    given = {"DATABASE__URL": database_url, "DATABASE__TLS": "disable", "METRICS__PORT": str(port)}
    given["SMS__REGIONS"] = "AT,DE"
    before = folders()
    with serving(tmp_path, "--workers", "2", **given) as service:
        ask(service, 20)
        assert scraped(port, "gatehouse_http_requests_total", status="200", **PROBES) == 20
        text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
        for never_yet in NEVER_YET:
            assert f"{never_yet} 0.0\n" in text
        limit = 22  # both workers' pools
        until(lambda: scraped(port, "gatehouse_database_connections_limit") == limit)
        assert len(folders() - before) == 1

        first, *_ = workers_of(service.process.pid)
        os.kill(first, signal.SIGKILL)
        until(lambda: first not in workers_of(service.process.pid))
        until(lambda: scraped(port, "gatehouse_database_connections_limit") == limit)
        ask(service, 5)
        assert scraped(port, "gatehouse_http_requests_total", status="200", **PROBES) == 25
    assert folders() == before


def folders() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("gatehouse-metrics-*"))


def test_one_worker_needs_no_folder_and_wants_the_token(tmp_path: Path, database_url: str) -> None:
    port, before = free_port(), folders()
    given = {"DATABASE__URL": database_url, "DATABASE__TLS": "disable", "METRICS__PORT": str(port)}
    with serving(tmp_path, **given, METRICS__TOKEN="a-token-for-prometheus") as service:
        ask(service, 3)
        url = f"http://127.0.0.1:{port}/metrics"
        assert httpx.get(url).status_code == 401
        answer = httpx.get(url, headers={"Authorization": "Bearer a-token-for-prometheus"})
        assert read(answer.text, "gatehouse_http_requests_total", status="200", **PROBES) == 3
        assert re.search(r"^process_start_time_seconds ", answer.text, re.MULTILINE)
        assert folders() == before

        taken = run("serve", "--port", str(free_port()), ENVIRONMENT="development", DATA_DIR=str(tmp_path), **given)
    assert taken.returncode == 2
    assert f"GATEHOUSE_METRICS__PORT: cannot listen on 127.0.0.1:{port}" in taken.stderr
