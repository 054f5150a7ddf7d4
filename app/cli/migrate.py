"""`gatehouse migrate`: bring the schema to this code's revision, before the new code serves."""

import asyncio

from app.cli.development import furnished
from app.cli.environment import refuse
from app.problems import DatabaseUnavailable
from app.settings.groups import DatabaseSettings
from app.store.migrate import behind, head, upgrade


def migrate() -> None:
    """Bring the database's schema up to date. Safe to run twice, and from several places at once."""
    with furnished() as settings:
        if is_behind(settings.database):
            asyncio.run(upgrade(settings.database))
        print(f"The schema is at revision {head()}.")


def is_behind(settings: DatabaseSettings) -> bool:
    """Ask; a database that does not answer ends the command with a sentence."""
    try:
        return asyncio.run(behind(settings))
    except DatabaseUnavailable as problem:
        refuse(f"GATEHOUSE_DATABASE__URL: {problem.detail or 'the database does not answer.'}")
