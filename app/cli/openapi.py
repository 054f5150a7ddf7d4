"""`gatehouse openapi`: the service's description as a file, without a running service and without its secrets."""

import json

from pydantic import SecretStr

from app.cli.environment import refuse
from app.crypto.keys import new_secret_key
from app.main import create_app
from app.settings import Settings
from app.settings.groups import DatabaseSettings

_NOWHERE = SecretStr("postgresql+asyncpg://nobody@localhost/nothing")


def openapi() -> None:
    """Print the OpenAPI document as JSON. Of the environment only what shapes the document matters."""
    try:
        settings = Settings(
            environment="development",
            secret_keys=(SecretStr(new_secret_key()),),
            database=DatabaseSettings(url=_NOWHERE),
        )
        document = create_app(settings).openapi()
    except ValueError as fault:
        refuse(str(fault))
    print(json.dumps(document, indent=2, ensure_ascii=False))
