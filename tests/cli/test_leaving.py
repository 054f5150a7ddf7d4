"""A worker that is told to stop says so first, goes on for a while, finishes what it took, and ends whatever hangs."""

import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Literal

import httpx
import pytest

from app.cli.leaving import HUNG
from app.cli.serve import longest_end
from app.settings import Settings
from app.settings.groups import SmsSettings
from app.settings.http import HttpSettings
from tests.cli.service import environment, serving, until

DEAF = """
import asyncio, os, signal, time
from datetime import timedelta
from app.cli.leaving import Leaving

async def main():
    signal.signal(signal.SIGTERM, lambda *_: None)
    Leaving(None, drain=timedelta(0), deadline=timedelta(seconds=0.3)).take_over()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(30)

asyncio.run(main())
"""


def test_after_sigterm_it_is_alive_but_not_ready_and_hangs_up_after_each_answer(
    tmp_path: Path, database_url: str
) -> None:
    given = {"DATABASE__URL": database_url, "DATABASE__TLS": "disable", "HTTP__DRAIN": "3"}
    with (
        serving(tmp_path, **given) as service,
        httpx.Client(base_url=f"http://127.0.0.1:{service.port}", timeout=5) as client,
    ):
        assert client.get("/readyz").status_code == 200
        assert "connection" not in client.get("/livez").headers
        told = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        until(lambda: client.get("/readyz").status_code == 503)
        refused = client.get("/readyz")
        assert (refused.json()["code"], refused.headers["connection"]) == ("overloaded", "close")
        assert int(refused.headers["retry-after"]) >= 1
        service.process.send_signal(signal.SIGTERM)  # once more, as a supervisor that tells the whole group
        alive = client.get("/livez")
        assert (alive.status_code, alive.headers["connection"]) == (200, "close")
        assert service.process.wait(10) == 0
        assert time.monotonic() - told >= 3


def test_at_ctrl_c_nobody_waits_for_proxies(tmp_path: Path, database_url: str) -> None:
    with serving(tmp_path, DATABASE__URL=database_url, DATABASE__TLS="disable", HTTP__DRAIN="120") as service:
        service.process.send_signal(signal.SIGINT)
        assert service.process.wait(60) == 0


def test_how_long_a_worker_goes_on_is_chosen_or_fits_the_environment() -> None:
    def drain(environment: Literal["development", "production"], **http: object) -> float:
        settings = Settings.model_construct(environment=environment, http=HttpSettings.model_validate(http))
        return settings.drain.total_seconds()

    assert (drain("development"), drain("production")) == (0, 5)
    assert (drain("production", drain=0), drain("development", drain=3)) == (0, 3)
    with pytest.raises(ValueError, match="drain"):
        HttpSettings.model_validate({"drain": -1})


@pytest.mark.parametrize(("deadline", "longest"), [(8, 60), (60, 138)])
def test_a_worker_is_given_the_time_that_messages_under_way_may_take(deadline: int, longest: int) -> None:
    sms = SmsSettings.model_validate({"deadline": deadline})
    settings = Settings.model_construct(environment="production", http=HttpSettings(), sms=sms)
    assert longest_end(settings) == timedelta(seconds=longest)


def test_a_worker_that_hangs_ends_at_its_deadline() -> None:
    """Be it the event loop itself that hangs."""
    began = time.monotonic()
    ended = subprocess.run([sys.executable, "-c", DEAF], check=False, env=environment(), timeout=20)
    assert ended.returncode == HUNG
    assert time.monotonic() - began < 10
