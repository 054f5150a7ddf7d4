"""A token whose signature is remembered is judged like any other: by its kind, its time, and the keys of the moment."""

from datetime import timedelta

import pytest

from app.crypto.claims import PASSWORD_ONLY, Scope
from app.crypto.signing import KeySet, SigningKey
from app.crypto.tokens import Tokens
from app.problems import InvalidToken
from app.settings.groups import TokenSettings
from tests.crypto.forge import ISSUER, SESSION, SIGN_IN, USER
from tests.standins.clock import ManualClock


@pytest.fixture
def token(tokens: Tokens, clock: ManualClock) -> str:
    """An access token that was read already."""
    minted = tokens.mint_access(
        user_id=USER, session_id=SESSION, auth_time=clock.now(), acr=PASSWORD_ONLY, amr=("pwd",)
    )
    tokens.read(minted.token, scope=Scope.FULL)
    return minted.token


def test_it_ends_when_it_says(tokens: Tokens, token: str, clock: ManualClock) -> None:
    claims = tokens.read(token, scope=Scope.FULL)
    clock.forward(timedelta(seconds=claims.exp - claims.iat - 1))
    assert tokens.read(token, scope=Scope.FULL) == claims
    clock.forward(timedelta(seconds=1))
    with pytest.raises(InvalidToken):
        tokens.read(token, scope=Scope.FULL)
    assert tokens.session_of(token) == SESSION


def test_it_opens_nothing_else(tokens: Tokens, token: str) -> None:
    for scope in (Scope.MFA_PENDING, Scope.MFA_ENROLL):
        with pytest.raises(InvalidToken, match="an access token"):
            tokens.read(token, scope=scope)
    pending = tokens.mint_pending(user_id=USER, sign_in=SIGN_IN).token
    tokens.read(pending, scope=Scope.MFA_PENDING)
    with pytest.raises(InvalidToken, match="an mfa-pending token"):
        tokens.read(pending, scope=Scope.FULL)


def test_it_dies_with_its_key(tokens: Tokens, token: str, keys: KeySet) -> None:
    tokens.keys = KeySet(access=SigningKey.new(), internal=keys.internal)
    with pytest.raises(InvalidToken):
        tokens.read(token, scope=Scope.FULL)


def test_another_spelling_of_it_is_another_token(tokens: Tokens, token: str) -> None:
    """Whatever is changed is verified again."""
    head, payload, signature = token.split(".")
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = last[last.index(signature[-1]) ^ 32]
    with pytest.raises(InvalidToken):
        tokens.read(f"{head}.{payload}.{signature[:-1]}{other}", scope=Scope.FULL)
    with pytest.raises(InvalidToken):
        tokens.read(f"{head}.{payload[:-2]}AA.{signature}", scope=Scope.FULL)


def test_only_so_many_are_remembered(
    tokens: Tokens, token: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.crypto.tokens._MOST_REMEMBERED", 3)
    for _ in range(10):
        tokens.read(tokens.mint_pending(user_id=USER, sign_in=SIGN_IN).token, scope=Scope.MFA_PENDING)
        clock.forward(timedelta(seconds=1))
    assert len(tokens._verified) == 3
    assert token not in tokens._verified
    assert tokens.read(token, scope=Scope.FULL).sid == SESSION


def test_without_keys_nothing_is_read(clock: ManualClock, token: str) -> None:
    from_nowhere = Tokens(TokenSettings(issuer=ISSUER), clock=clock)
    with pytest.raises(RuntimeError, match="no keys"):
        from_nowhere.read(token, scope=Scope.FULL)
