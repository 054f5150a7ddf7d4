"""What the tests of settings share: an environment in which nothing is set but what the test says."""

import os
from collections.abc import Mapping

import pytest

from app.settings import Settings

SECRET = "hunter2hunter2hunter2"
PRODUCTION = {
    "DATABASE__URL": f"postgresql+asyncpg://gatehouse:{SECRET}@db.example/gatehouse",
    "SECRET_KEYS": "mJzJ0nqcQ4m1Jt7VdXo9bq3u5Qk2Yh8LrWcE6sTfGvA",
    "EMAIL__SMTP_URL": f"smtps://gatehouse:{SECRET}@mail.example",
    "EMAIL__FROM": "Gatehouse <no-reply@gatehouse.example>",
    "EMAIL__RESET_URL": "https://app.example/reset",
    "EMAIL__UNDO_URL": "https://app.example/undo-email",
    "TOKENS__ISSUER": "https://gatehouse.example",
    "HTTP__PUBLIC_URL": "https://gatehouse.example",
    "HTTP__CORS_ORIGINS": "https://app.example,https://admin.example",
    "MFA__POLICY": "optional",
    "SMS__PLIVO_AUTH_ID": "MAXXXXXXXXXXXXXXXXXX",
    "SMS__PLIVO_AUTH_TOKEN": SECRET,
    "SMS__PLIVO_SRC": "+15005550006",
    "SMS__REGIONS": "US,DE",
}


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("GATEHOUSE_"):
            monkeypatch.delenv(name)


class Environment:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def read(self, variables: Mapping[str, str | None]) -> Settings:
        for name, value in variables.items():
            if value is not None:
                self._monkeypatch.setenv(f"GATEHOUSE_{name}", value)
        return Settings()

    def production(self, **changes: str | None) -> Settings:
        return self.read(PRODUCTION | changes)

    def development(self, **changes: str | None) -> Settings:
        return self.read({"ENVIRONMENT": "development"} | changes)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Environment:
    return Environment(monkeypatch)
