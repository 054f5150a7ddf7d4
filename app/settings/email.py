"""The knobs of e-mail: where it is handed over, in whose name, and which pages its links lead to."""

from datetime import timedelta
from typing import Annotated

from pydantic import ConfigDict, Field, SecretStr

from app.settings.types import DEVELOPMENT_SENDER, Duration, Group

GOODBYE = timedelta(seconds=2)
"""How long a mail server is given for its last word."""


class EmailSettings(Group):
    """E-mail through SMTP; with no URL in development, messages go to the dev inbox."""

    model_config = ConfigDict(**Group.model_config, populate_by_name=True)

    smtp_url: SecretStr | None = Field(
        None,
        description="smtps://user:password@host:465, or smtp://user:password@host:587, which wants STARTTLS."
        " ?starttls=optional takes it when offered, as on loopback; not with a password. ?starttls=required: there, too.",
    )
    sender: str = Field(DEVELOPMENT_SENDER, alias="from", description="The From header.")
    reset_url: Annotated[str, Field(max_length=1024)] | None = Field(
        None,
        description="Your page that resets a password, with the token in its fragment. Unset: PUBLIC_URL + /reset.",
    )
    undo_url: Annotated[str, Field(max_length=1024)] | None = Field(
        None,
        description="Your page that undoes a change of e-mail, as RESET_URL. Unset: PUBLIC_URL + /undo-email.",
    )
    queue: Annotated[int, Field(ge=1)] = Field(
        1000, description="Mails a worker holds; beyond it they are dropped and logged."
    )
    timeout: Duration = Field(timedelta(seconds=20), description="Of each step of handing over a mail.")

    @property
    def longest(self) -> timedelta:
        """How long one mail can take: up to its content, the content, and the goodbye."""
        return 2 * self.timeout + GOODBYE
