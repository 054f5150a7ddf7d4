"""Device tokens: derived from the device's id and a ring key, so that every answer can carry one; stored as a digest.

The digest outlives the key: a token stays valid when the key that made it has left the ring.
"""

import hmac
from uuid import UUID

from app.crypto import base64url
from app.crypto.keys import KeyRing

_PREFIX = "ghd_"
_PURPOSE = "device"


class DeviceTokens:
    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    @property
    def key_id(self) -> bytes:
        return self._ring.newest(_PURPOSE).id

    def holds(self, key_id: bytes) -> bool:
        return self._ring.find(_PURPOSE, key_id) is not None

    def mint(self, device_id: UUID, *, key_id: bytes) -> str:
        """The one token of *device_id* under that key: 256 bits. LookupError when the key has left the ring."""
        key = self._ring.find(_PURPOSE, key_id)
        if key is None:
            raise LookupError("the key of this device is no longer in GATEHOUSE_SECRET_KEYS")
        mac = hmac.digest(key.key, device_id.bytes, "sha256")
        return _PREFIX + base64url.encode(mac)
