"""What the tests of crypto share: one key set (keys cost time), a clock a test, and real rings."""

import pytest
from pydantic import SecretStr

from app.crypto.keys import KeyRing, new_secret_key
from app.crypto.signing import KeySet, SigningKey
from app.crypto.tokens import Tokens
from app.settings.groups import TokenSettings
from tests.crypto.forge import ISSUER, Forge
from tests.standins.clock import ManualClock

FIRST, SECOND = new_secret_key(), new_secret_key()


def ring_of(*keys: str) -> KeyRing:
    return KeyRing([SecretStr(key) for key in keys])


@pytest.fixture(scope="session")
def keys() -> KeySet:
    return KeySet(access=SigningKey.new(), internal=SigningKey.new())


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def tokens(keys: KeySet, clock: ManualClock) -> Tokens:
    made = Tokens(TokenSettings(issuer=ISSUER), clock=clock)
    made.keys = keys
    return made


@pytest.fixture
def forge(keys: KeySet, clock: ManualClock) -> Forge:
    return Forge(keys, int(clock.now().timestamp()))


@pytest.fixture(scope="session")
def ring() -> KeyRing:
    return ring_of(FIRST)
