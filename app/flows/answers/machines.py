"""What other programs are told of this installation."""

from typing import Annotated

from pydantic import Field

from app.crypto.claims import MFA, PASSWORD_ONLY
from app.flows.answers.base import Answer

_URL = "https://id.example.com"


class Metadata(Answer):
    """RFC 8414 §2. There is no authorization endpoint and no token endpoint: this is an issuer, and no OAuth server."""

    issuer: Annotated[str, Field(examples=[_URL])]
    jwks_uri: Annotated[str, Field(examples=[f"{_URL}/.well-known/jwks.json"])]
    acr_values_supported: Annotated[tuple[str, ...], Field(examples=[(PASSWORD_ONLY, MFA)])]
    response_types_supported: tuple[str, ...] = ()
    grant_types_supported: tuple[str, ...] = ()
