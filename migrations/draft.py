"""`make migration name=words_for_it`: draft the next revision from what `app/store/tables` says and a fresh database lacks."""

import asyncio
import sys
import tempfile
from pathlib import Path

from app.settings.groups import DatabaseSettings
from app.store.embedded import EmbeddedPostgres
from app.store.migrate import alembic


def main(words: str) -> None:
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder) / "pg", throwaway=True) as url:
        settings = DatabaseSettings.model_validate({"url": url, "tls": "disable"})
        asyncio.run(alembic(settings, "upgrade", "head"))
        asyncio.run(alembic(settings, "revision", message=words, autogenerate=True))


main(sys.argv[1])
