"""Checkpoints of the audit log: how far the chain had come at a moment, as a document that is kept elsewhere.

Two proofs: a signature that whoever has the key set can check, and the house's MAC, which outlives the signing keys.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import jwt
from pydantic import BaseModel, ConfigDict, ValidationError

from app import strict_json
from app.crypto import base64url
from app.crypto.audit import Proofs, same
from app.crypto.documents import sign
from app.crypto.signing import SigningKey

TYP = "audit-checkpoint+jwt"
_SHAPE = re.compile(r"[\w-]{1,512}\.[\w-]{1,2048}\.[\w-]{1,512}", re.ASCII)
_JWS = jwt.PyJWS()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Link number *seq* was *link* at *at*. *pruned_before*: events written before it, and links up to seq, are dropped."""

    seq: int
    link: bytes
    at: datetime
    pruned_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Vouched:
    """A checkpoint that is ours. *signed*: its signature is right too; None when its key is no longer kept."""

    checkpoint: Checkpoint
    signed: bool | None


class _Claims(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    iss: str
    aud: str
    iat: int
    seq: int
    link: str
    pruned_before: int | None = None
    mac: str


class Checkpoints:
    """*issuer* is that of the tokens; a checkpoint's audience is its own, so that it is never taken for a token."""

    def __init__(self, issuer: str, proofs: Proofs) -> None:
        self._issuer = issuer
        self._proofs = proofs

    def mint(self, checkpoint: Checkpoint, *, key: SigningKey) -> str:
        before = checkpoint.pruned_before
        claims = {
            "iss": self._issuer,
            "aud": f"{self._issuer}#audit",
            "iat": int(checkpoint.at.timestamp()),
            "seq": checkpoint.seq,
            "link": base64url.encode(checkpoint.link),
            "mac": base64url.encode(self._vouch(checkpoint, self._issuer)),
        }
        pruned = {"pruned_before": int(before.timestamp())} if before else {}
        return sign(claims | pruned, typ=TYP, key=key)

    def read(self, token: str, *, keys: Iterable[SigningKey]) -> Vouched | None:
        """Read a checkpoint; None unless its MAC is ours. *keys* are those whose public halves are still known."""
        with suppress(ValueError, ValidationError, jwt.PyJWTError):
            return self._read(token, {key.kid: key for key in keys})
        return None

    def _read(self, token: str, keys: dict[str, SigningKey]) -> Vouched:
        if not _SHAPE.fullmatch(token):
            raise ValueError("not three segments of base64url")
        head, body, _ = token.split(".")
        claims = _Claims.model_validate(strict_json.parse(base64url.decode(body)))
        pruned = None if claims.pruned_before is None else datetime.fromtimestamp(claims.pruned_before, UTC)
        at = datetime.fromtimestamp(claims.iat, UTC)
        checkpoint = Checkpoint(claims.seq, base64url.decode(claims.link), at, pruned)
        if not same(base64url.decode(claims.mac), self._vouch(checkpoint, claims.iss)):
            raise ValueError("of another house")
        key = keys.get(jwt.get_unverified_header(token).get("kid", "")) if head else None
        return Vouched(checkpoint, _is_signed(token, key) if key else None)

    def _vouch(self, checkpoint: Checkpoint, issuer: str) -> bytes:
        """The MAC, over the issuer that the checkpoint names: one printed before the service moved is still its own."""
        before = checkpoint.pruned_before
        pruned = int(before.timestamp()) if before else None
        at = int(checkpoint.at.timestamp())
        return self._proofs.vouch(issuer, checkpoint.seq, checkpoint.link, at, pruned)


def _is_signed(token: str, key: SigningKey) -> bool:
    with suppress(jwt.PyJWTError):
        return bool(_JWS.decode_complete(token, key.public, [key.alg])["header"].get("typ") == TYP)
    return False
