"""The knobs of what the service listens on, what it tells browsers, and how it stops listening."""

from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field

from app.settings.types import DEVELOPMENT_URL, Duration, Group, Networks, Pause, Words


class HttpSettings(Group):
    """What the service listens on and tells browsers."""

    host: str = Field("127.0.0.1", description="What the port is opened on; in a container 0.0.0.0.")
    port: Annotated[int, Field(ge=1, le=65535)] = Field(8000, description="HTTP; your proxy ends TLS.")
    public_url: str = Field(
        DEVELOPMENT_URL, description="Where clients reach the service; base of problem types and links."
    )
    cors_origins: Words = Field(
        (), description="Origins of browsers' pages, e.g. https://app.example.com. No wildcard."
    )
    trusted_proxies: Networks = Field(
        (), description="Networks of your own proxies, e.g. 10.0.0.0/8: their X-Forwarded-For is believed."
    )
    body_limit: Annotated[int, Field(ge=1024, le=1024 * 1024)] = Field(
        16 * 1024, description="Bytes of a body; beyond it 413."
    )
    docs: bool | None = Field(None, description="/docs, /redoc and /openapi.json. Unset: in development only.")
    drain: Pause | None = Field(
        None,
        le=timedelta(minutes=5),
        description="After SIGTERM /readyz is 503 for so long before the port closes. Unset: 5 s in production, else 0.",
    )
    shutdown_grace: Duration = Field(
        timedelta(seconds=20), description="How long requests in flight may take to finish, after that."
    )

    @property
    def host_names(self) -> tuple[str, ...]:
        """The host of `public_url`, and its parts: `id.example.com`, `id`, `example`, `com`."""
        host = urlsplit(self.public_url).hostname or ""
        return (host, *host.split("."))
