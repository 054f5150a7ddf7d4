"""What is minted says what CONTRACT.md says, and no two tokens are one."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from app.crypto.chance import new_id
from app.crypto.claims import MFA, PASSWORD_ONLY, Scope
from app.crypto.signing import KeySet
from app.crypto.tokens import Minted, Tokens
from app.settings.groups import TokenSettings
from tests.crypto.forge import ISSUER, SESSION, SIGN_IN, USER, unb64
from tests.standins.clock import ManualClock


def access(tokens: Tokens, auth_time: datetime) -> Minted:
    return tokens.mint_access(user_id=USER, session_id=SESSION, auth_time=auth_time, acr=MFA, amr=("pwd", "sms", "mfa"))


def test_an_access_token_reads_as_it_was_minted(tokens: Tokens, clock: ManualClock) -> None:
    minted = access(tokens, clock.now())
    claims = tokens.read(minted.token, scope=Scope.FULL)
    assert (claims.sub, claims.sid, claims.acr, claims.amr) == (USER, SESSION, MFA, ("pwd", "sms", "mfa"))
    assert claims.authenticated_at() == clock.now()
    assert claims.exp - claims.iat == minted.expires_in
    assert claims.iat == int(clock.now().timestamp())


def test_an_access_token_is_one_of_rfc_9068(tokens: Tokens, keys: KeySet, clock: ManualClock) -> None:
    head, payload, _ = access(tokens, clock.now()).token.split(".")
    assert json.loads(unb64(head)) == {"alg": "ES256", "typ": "at+jwt", "kid": keys.access.kid}
    claims = json.loads(unb64(payload))
    assert set(claims) == {
        *("iss", "aud", "sub", "sid", "jti", "iat", "exp", "auth_time", "acr", "amr", "scope", "client_id")
    }
    assert (claims["iss"], claims["aud"], claims["scope"], claims["client_id"]) == (ISSUER, ISSUER, "full", "gatehouse")


def test_a_pending_token_is_its_sign_in_and_nothing_more(tokens: Tokens, keys: KeySet) -> None:
    head, payload, _ = tokens.mint_pending(user_id=USER, sign_in=SIGN_IN).token.split(".")
    assert json.loads(unb64(head)) == {"alg": "ES256", "typ": "mfa-pending+jwt", "kid": keys.internal.kid}
    claims = json.loads(unb64(payload))
    assert set(claims) == {"iss", "aud", "sub", "jti", "iat", "exp", "scope"}
    assert (claims["aud"], claims["scope"], claims["jti"]) == (f"{ISSUER}#mfa", "mfa:verify", str(SIGN_IN))


def test_the_audience_is_a_setting(keys: KeySet, clock: ManualClock) -> None:
    tokens = Tokens(TokenSettings(issuer=ISSUER, audience="https://api.example"), clock=clock)
    tokens.keys = keys
    assert tokens.read(access(tokens, clock.now()).token, scope=Scope.FULL).aud == "https://api.example"
    pending = tokens.mint_pending(user_id=USER, sign_in=SIGN_IN).token
    assert tokens.read(pending, scope=Scope.MFA_PENDING).aud == f"{ISSUER}#mfa"


def test_access_tokens_end_at_different_times_up_to_five_percent_early(tokens: Tokens, clock: ManualClock) -> None:
    lives = {access(tokens, clock.now()).expires_in for _ in range(300)}
    assert min(lives) >= 570
    assert max(lives) <= 600
    assert len(lives) > 15
    assert max(lives) - min(lives) > 15


def test_no_two_access_tokens_have_one_jti(tokens: Tokens, clock: ManualClock) -> None:
    jtis = {tokens.read(access(tokens, clock.now()).token, scope=Scope.FULL).jti for _ in range(200)}
    assert len(jtis) == 200
    assert len({new_id(clock.now()) for _ in range(100_000)}) == 100_000


@pytest.mark.parametrize("seconds", [2**31, 20_000_000_000])
def test_a049_tokens_outlive_32_bit_time(keys: KeySet, seconds: int) -> None:
    clock = ManualClock(datetime.fromtimestamp(seconds, UTC))
    tokens = Tokens(TokenSettings(issuer=ISSUER), clock=clock)
    tokens.keys = keys
    claims = tokens.read(access(tokens, clock.now()).token, scope=Scope.FULL)
    assert claims.authenticated_at() == clock.now()


@pytest.mark.parametrize("name", ["access_life", "pending_life"])
def test_a_token_lives_at_least_a_second(name: str) -> None:
    """Lives are cut to whole seconds; a token that is dead at birth is a setting that cannot be meant."""
    with pytest.raises(ValueError, match=name):
        TokenSettings.model_validate({name: timedelta(milliseconds=900)})


def test_auth_time_is_older_than_the_token_after_a_refresh(tokens: Tokens, clock: ManualClock) -> None:
    signed_in = clock.now()
    clock.forward(timedelta(days=3))
    claims = tokens.read(
        tokens.mint_access(
            user_id=USER, session_id=UUID(int=1), auth_time=signed_in, acr=PASSWORD_ONLY, amr=("pwd",)
        ).token,
        scope=Scope.FULL,
    )
    assert claims.authenticated_at() == signed_in
    assert claims.iat - claims.auth_time == 3 * 24 * 3600
