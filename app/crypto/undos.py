"""Tokens that undo a change of e-mail: derived from the undo's id and a ring key when the mail is written; stored as a digest.

So the notice that waits in the outbox holds no secret, and however often it is sent it carries the same token.
"""

import hmac
from uuid import UUID

from app.crypto import base64url
from app.crypto.keys import KeyRing

_PURPOSE = "email undo"


class UndoTokens:
    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    @property
    def key_id(self) -> bytes:
        return self._ring.newest(_PURPOSE).id

    def mint(self, undo_id: UUID, *, key_id: bytes) -> str:
        """The one token of *undo_id* under that key: 256 bits. LookupError when the key has left the ring."""
        key = self._ring.find(_PURPOSE, key_id)
        if key is None:
            raise LookupError("the key of this link is no longer in GATEHOUSE_SECRET_KEYS")
        return base64url.encode(hmac.digest(key.key, undo_id.bytes, "sha256"))
