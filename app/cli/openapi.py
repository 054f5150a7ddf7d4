"""`gatehouse openapi`: the service's description as a file, without a running service."""

import json

from app.cli.development import furnished
from app.main import create_app


def openapi() -> None:
    """Print the OpenAPI document as JSON."""
    with furnished() as settings:
        print(json.dumps(create_app(settings).openapi(), indent=2, ensure_ascii=False))
