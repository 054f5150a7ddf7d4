"""JWTs: minted for one scope, read for one scope (law 4), as strictly as RFC 8725 and its successor draft ask.

Expiry is judged by the service's clock, never by the library's.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, overload
from uuid import UUID

import jwt
from pydantic import BaseModel, ConfigDict, ValidationError

from app import strict_json
from app.clock import Clock
from app.crypto.chance import below, new_id
from app.crypto.claims import AccessClaims, Claims, EnrollmentClaims, Own, PendingClaims, Scope
from app.crypto.kinds import Kind, kinds_of
from app.crypto.signing import KeySet, SigningKey
from app.problems import InvalidToken
from app.settings.groups import TokenSettings

_LEEWAY = timedelta(seconds=5)
_JITTER_PARTS = 1000
_JITTER = 0.05
_SHAPE = re.compile(r"[\w-]{1,512}\.[\w-]{1,4096}\.[\w-]{1,512}", re.ASCII)
_JWS = jwt.PyJWS()
_MOST_REMEMBERED = 4096
"""Tokens, of about 3 KiB each."""


class _Header(BaseModel):
    """Exactly these members: no jwk, jku, x5u, crit or b64 is ever looked at, because none is let in."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    alg: str
    kid: str
    typ: str


@dataclass(frozen=True, slots=True)
class Minted:
    """A token and its remaining life in whole seconds."""

    token: str
    expires_in: int


class Tokens:
    """`keys` are set before the first token and may be replaced while running: a token is read with the current ones.

    Tokens whose signature was verified are cached by their whole text, until they are evicted or the keys change.
    """

    def __init__(self, settings: TokenSettings, *, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        kinds = kinds_of(settings)
        self._kinds = {kind.scope: kind for kind in kinds}
        self._by_typ = {kind.typ: kind for kind in kinds}
        self._keys: KeySet | None = None
        self._verified: dict[str, tuple[Kind, Claims]] = {}

    @property
    def keys(self) -> KeySet:
        if self._keys is None:
            raise RuntimeError("no keys were put in yet")
        return self._keys

    @keys.setter
    def keys(self, keys: KeySet) -> None:
        self._keys = keys
        self._verified = {}

    def mint_access(
        self,
        *,
        user_id: UUID,
        session_id: UUID,
        auth_time: datetime,
        acr: str,
        amr: tuple[str, ...],
        claims: Mapping[str, Own] | None = None,
    ) -> Minted:
        """Mint a token. It lives up to 5 % less than the setting, so that clients do not all refresh in one second."""
        life = self._settings.access_life * (1 - _JITTER * below(_JITTER_PARTS) / _JITTER_PARTS)
        own: dict[str, Any] = {
            "sid": str(session_id),
            "auth_time": int(auth_time.timestamp()),
            "acr": acr,
            "amr": list(amr),
        }
        own |= {"client_id": "gatehouse", **({"claims": dict(claims)} if claims else {})}
        return self._mint(Scope.FULL, user_id, new_id(self._clock.now()), life, own)

    def mint_pending(self, *, user_id: UUID, sign_in: UUID) -> Minted:
        return self._mint(Scope.MFA_PENDING, user_id, sign_in, self._settings.pending_life, {})

    def mint_enrollment(self, *, user_id: UUID, sign_in: UUID) -> Minted:
        return self._mint(Scope.MFA_ENROLL, user_id, sign_in, self._settings.pending_life, {})

    def _mint(self, scope: Scope, user_id: UUID, jti: UUID, life: timedelta, own: dict[str, Any]) -> Minted:
        kind, now = self._kinds[scope], int(self._clock.now().timestamp())
        seconds = int(life.total_seconds())
        claims = {
            "iss": self._settings.issuer,
            "aud": kind.audience,
            "sub": str(user_id),
            "jti": str(jti),
            "iat": now,
            "exp": now + seconds,
            "scope": scope,
            **own,
        }
        key = self._key_of(kind)
        return Minted(jwt.encode(claims, key.private, key.alg, {"typ": kind.typ, "kid": key.kid}), seconds)

    def _key_of(self, kind: Kind) -> SigningKey:
        return self.keys.access if kind.scope == Scope.FULL else self.keys.internal

    @overload
    def read(self, token: str, *, scope: Literal[Scope.FULL]) -> AccessClaims: ...
    @overload
    def read(self, token: str, *, scope: Literal[Scope.MFA_PENDING]) -> PendingClaims: ...
    @overload
    def read(self, token: str, *, scope: Literal[Scope.MFA_ENROLL]) -> EnrollmentClaims: ...
    def read(self, token: str, *, scope: Scope) -> Claims:
        """The claims of a valid token of *scope*.

        Raises InvalidToken for anything else, always with the same words; only a valid token of another kind is named.
        """
        try:
            kind, claims = self._open(token)
        except (ValueError, ValidationError, jwt.PyJWTError):
            raise InvalidToken from None
        if kind.scope != scope:
            raise InvalidToken(f"This is {kind.name}; this route takes {self._kinds[scope].name}.")
        return claims

    def session_of(self, token: str) -> UUID | None:
        """The session of an access token, be it expired or not: for ending it, and for nothing else."""
        with suppress(ValueError, ValidationError, jwt.PyJWTError):
            _, claims = self._open(token, expired=True)
            if isinstance(claims, AccessClaims):
                return claims.sid
        return None

    def _open(self, token: str, *, expired: bool = False) -> tuple[Kind, Claims]:
        """Read a token, from the cache or not; its times are checked in any case."""
        kind, claims = self._verified.get(token) or self._verify(token)
        self._judge(claims, kind, expired=expired)
        return kind, claims

    def _verify(self, token: str) -> tuple[Kind, Claims]:
        if not _SHAPE.fullmatch(token):
            raise ValueError("not three segments of base64url")
        head = _Header.model_validate(strict_json.parse(_segment(token)))
        kind = self._by_typ.get(head.typ.removeprefix("application/"))
        if kind is None:
            raise ValueError("of an unknown kind")
        key = self.keys.find(head.kid, published=kind.scope == Scope.FULL)
        if key is None:
            raise ValueError("under an unknown key")
        payload = _JWS.decode_complete(token, key.public, [key.alg])["payload"]
        found = kind, kind.claims.model_validate(strict_json.parse(payload))
        self._remember(token, found)
        return found

    def _remember(self, token: str, found: tuple[Kind, Claims]) -> None:
        """Cache a token, evicting the one verified first: one that is in use comes back for one verification."""
        if len(self._verified) >= _MOST_REMEMBERED:
            del self._verified[next(iter(self._verified))]
        self._verified[token] = found

    def _judge(self, claims: Claims, kind: Kind, *, expired: bool) -> None:
        now = self._clock.now().timestamp()
        if claims.iss != self._settings.issuer or claims.aud != kind.audience:
            raise ValueError("for somebody else")
        if (claims.exp <= now and not expired) or claims.iat > now + _LEEWAY.total_seconds():
            raise ValueError("expired, or from the future")


def _segment(token: str) -> bytes:
    return jwt.utils.base64url_decode(token.partition(".")[0])
