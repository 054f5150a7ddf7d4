"""What an operator says of a user in their access tokens, under one name: small, flat, and never what a token says by itself."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from app.crypto.claims import AccessClaims, Own
from app.events import Event
from app.flows.operator import Done, lock
from app.store import own_claims
from app.store.database import Database, Tx
from app.watch import audit

MOST_BYTES = 1024
"""As a token holds them: in ASCII, where one letter of many scripts takes six."""
LARGEST = 2**53
"""Numbers below it are the same to every reader of JSON (RFC 8259 §6)."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:/-]{0,63}", re.ASCII)
_REGISTERED = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat", "jti", *AccessClaims.model_fields})


class ClaimsRefused(ValueError):  # noqa: N818  reads as the sentence it is
    """The sentence says why."""


@dataclass(frozen=True)
class OwnClaims:
    database: Database
    by: str

    async def __call__(self, who: str, changes: Mapping[str, Own | None], *, reason: str | None) -> Done:
        """Put these beside those there are, in the next access tokens; None takes one away. Nothing ends.

        Raises ClaimsRefused, UnknownUser.
        """
        for name in changes:
            _refuse_name(name)

        async def put(tx: Tx) -> Done:
            user = await lock(tx, who)
            claims = {name: value for name, value in {**user.claims, **changes}.items() if value is not None}
            require_good(claims)
            await own_claims.put(tx, user.id, claims)
            return Done(user)

        done = await self.database.run(put)
        audit.note(Event.CLAIMS_SET, user_id=done.user.id, names=",".join(sorted(changes)), by=self.by, reason=reason)
        return done


def require_good(claims: Mapping[str, object]) -> None:
    """Raises ClaimsRefused unless these may be all the claims of a user."""
    for name, value in claims.items():
        _refuse_name(name)
        if not isinstance(value, str | bool | int | float):
            raise ClaimsRefused("A claim is a text, a number, true or false.")
        if not isinstance(value, str) and abs(value) >= LARGEST:
            raise ClaimsRefused("A number that not every reader can hold is written as a text.")
    if len(json.dumps(claims)) > MOST_BYTES:
        raise ClaimsRefused(f"All claims of a user together take at most {MOST_BYTES} bytes of JSON.")


def _refuse_name(name: str) -> None:
    if name in _REGISTERED:
        raise ClaimsRefused("A name that tokens have by themselves (RFC 7519 §4.1, RFC 9068 §2.2) cannot be given.")
    if not _NAME.fullmatch(name):
        raise ClaimsRefused("A name has a letter first, then letters, digits or any of _ . : / - and 64 at most.")
