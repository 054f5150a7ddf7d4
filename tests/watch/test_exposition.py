"""The port of the metrics: one path, a token where there is one; and workers that died hold nothing any more."""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from app.watch import exposition
from app.watch.exposition import listening
from tests.cli.service import ROOT
from tests.measures import read

TOKEN = "a-token-for-prometheus"


def test_there_is_one_path_and_nothing_else() -> None:
    with listening("127.0.0.1", 0) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}") as prometheus:
        answer = prometheus.get("/metrics?name=x")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain")
        assert "gatehouse_sign_ins_total" in answer.text
        assert [prometheus.get(path).status_code for path in ("/", "/metrics/", "/login")] == [404] * 3
        assert prometheus.post("/metrics").status_code == 501
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/metrics")


def test_with_a_token_nothing_is_said_without_it() -> None:
    with listening("127.0.0.1", 0, token=TOKEN) as port:
        url = f"http://127.0.0.1:{port}/metrics"
        for given in ({}, {"Authorization": "Bearer"}, {"Authorization": TOKEN}, {"Authorization": "Bearer \u00e9"}):
            refused = httpx.get(
                url, headers=[(name.encode(), value.encode("latin-1")) for name, value in given.items()]
            )
            assert (refused.status_code, refused.text) == (401, "")
        assert httpx.get(url, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_a_port_that_is_taken_is_an_error_at_once() -> None:
    with listening("127.0.0.1", 0) as port, pytest.raises(OSError, match="in use"), listening("127.0.0.1", port):
        pass


WORKER = """
from app.events import Event
from app.watch import metrics
metrics.event(Event.SIGNED_IN, {})
metrics.MAILS_WAITING.set(3)
metrics.FEED_READ.set(5)
"""


def test_what_workers_counted_outlives_them_and_what_they_held_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), exposition.FOLDER: str(tmp_path)}
    for _ in range(2):
        subprocess.run([sys.executable, "-c", WORKER], check=True, env=environment)
    assert any(path.name.startswith("gauge_live") for path in tmp_path.iterdir())
    monkeypatch.setenv(exposition.FOLDER, str(tmp_path))

    text = exposition.render()[0].decode()

    assert read(text, "gatehouse_sign_ins_total", outcome="signed_in") == 2
    assert read(text, "gatehouse_mail_queue_mails") == 0
    assert not any(path.name.startswith("gauge_live") for path in tmp_path.iterdir())


def test_a_worker_that_lives_keeps_what_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), exposition.FOLDER: str(tmp_path)}
    waiting = f"{WORKER}\nprint('ready', flush=True)\ninput()"
    with subprocess.Popen(
        [sys.executable, "-c", waiting], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as worker:
        assert worker.stdout
        worker.stdout.readline()
        monkeypatch.setenv(exposition.FOLDER, str(tmp_path))
        text = exposition.render()[0].decode()
        worker.communicate(b"\n")
    assert read(text, "gatehouse_mail_queue_mails") == 3
    assert read(text, "gatehouse_revocation_feed_read_timestamp_seconds") == 5
