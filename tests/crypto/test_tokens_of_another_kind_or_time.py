"""A token of another kind, key, issuer or time opens nothing; only a valid one of another kind is named."""

from datetime import timedelta

import pytest

from app.crypto.claims import Scope
from app.crypto.signing import KeySet, SigningKey
from app.crypto.tokens import Tokens
from app.problems import InvalidToken
from app.settings.groups import TokenSettings
from tests.crypto.forge import ISSUER, LIFE, SESSION, SIGN_IN, Forge, Make, as_json, refused
from tests.standins.clock import ManualClock


def test_a019_another_kind_that_is_valid_is_refused_by_name(tokens: Tokens, forge: Forge) -> None:
    with pytest.raises(InvalidToken) as refusal:
        tokens.read(forge.pending(), scope=Scope.FULL)
    assert refusal.value.detail == "This is an mfa-pending token; this route takes an access token."
    with pytest.raises(InvalidToken) as refusal:
        tokens.read(forge.token(), scope=Scope.MFA_PENDING)
    assert refusal.value.detail == "This is an access token; this route takes an mfa-pending token."


def test_an_enrolment_token_is_refused_by_name(tokens: Tokens, forge: Forge) -> None:
    token = forge.pending(header={"typ": "mfa-enroll+jwt"}, aud=f"{ISSUER}#enroll", scope="mfa:enroll")
    for scope in (Scope.FULL, Scope.MFA_PENDING):
        with pytest.raises(InvalidToken, match="This is an enrolment token") as refusal:
            tokens.read(token, scope=scope)
        assert refusal.value.detail


CROSSED: dict[str, Make] = {
    "pending claims as an access token": lambda forge: forge.token(payload=as_json(forge.pending_claims)),
    "access claims as a pending token": lambda forge: forge.token(
        header=as_json(forge.pending_header), payload=as_json(forge.claims), key=forge.keys.internal
    ),
    "an access token under the internal key": lambda forge: forge.with_header(
        key=forge.keys.internal, kid=forge.keys.internal.kid
    ),
    "a pending token under the access key": lambda forge: forge.pending(
        header={"kid": forge.keys.access.kid}, key=forge.keys.access
    ),
    "pending, relabelled": lambda forge: forge.pending(header={"typ": "at+jwt"}),
    "pending with the audience of access tokens": lambda forge: forge.pending(aud=ISSUER),
    "pending with the scope of access tokens": lambda forge: forge.pending(scope="full"),
    "access with the audience of pending tokens": lambda forge: forge.with_claims(aud=f"{ISSUER}#mfa"),
    "pending, relabelled as an enrolment": lambda forge: forge.pending(header={"typ": "mfa-enroll+jwt"}),
    "an enrolment with the audience of sign-ins": lambda forge: forge.pending(
        header={"typ": "mfa-enroll+jwt"}, scope="mfa:enroll"
    ),
    "an id token": lambda forge: forge.with_header(typ="JWT"),
}


@pytest.mark.parametrize("make", CROSSED.values(), ids=CROSSED)
def test_a019_kinds_exclude_each_other(tokens: Tokens, forge: Forge, make: Make) -> None:
    refused(tokens, make(forge))


def test_a_signature_under_another_kid_is_none(tokens: Tokens, forge: Forge) -> None:
    refused(tokens, forge.token(key=forge.keys.internal))
    refused(tokens, forge.pending(key=forge.keys.access))
    head, claims, _ = forge.token().split(".")
    _, _, other = forge.with_claims(acr="urn:gatehouse:mfa").split(".")
    refused(tokens, f"{head}.{claims}.{other}")


def test_every_flipped_character_is_refused(tokens: Tokens, forge: Forge) -> None:
    """But for the unused bits of the last character, which `test_a_twin_token_is_the_same_token` is about."""
    token = forge.token()
    for place in range(0, len(token) - 1, 7):
        if token[place] != ".":
            changed = "A" if token[place] != "A" else "B"
            refused(tokens, token[:place] + changed + token[place + 1 :])


def test_an_expired_token_is_not_told_its_kind(tokens: Tokens, forge: Forge, clock: ManualClock) -> None:
    clock.forward(timedelta(seconds=LIFE))
    refused(tokens, forge.token())
    refused(tokens, forge.pending())


def test_a_token_is_good_until_its_last_second_and_not_in_it(tokens: Tokens, forge: Forge, clock: ManualClock) -> None:
    token = forge.token()
    clock.forward(timedelta(seconds=LIFE) - timedelta(microseconds=1))
    assert tokens.read(token, scope=Scope.FULL).sid == SESSION
    clock.forward(timedelta(microseconds=1))
    refused(tokens, token)


@pytest.mark.parametrize("early", [1, 5])
def test_a_clock_five_seconds_ahead_is_forgiven(tokens: Tokens, forge: Forge, early: int) -> None:
    assert tokens.read(forge.with_claims(iat=forge.now + early), scope=Scope.FULL).sid == SESSION


@pytest.mark.parametrize("early", [6, 60, 10**6])
def test_a_token_from_the_future_is_refused(tokens: Tokens, forge: Forge, early: int) -> None:
    refused(tokens, forge.with_claims(iat=forge.now + early, exp=forge.now + early + LIFE))


def test_expiry_has_no_leeway(tokens: Tokens, forge: Forge) -> None:
    refused(tokens, forge.with_claims(exp=forge.now))
    refused(tokens, forge.with_claims(exp=forge.now - 1, iat=forge.now - LIFE))


def test_a025_a_pending_token_ends_with_its_sign_in(tokens: Tokens, clock: ManualClock) -> None:
    minted = tokens.mint_pending(user_id=SESSION, sign_in=SIGN_IN)
    assert minted.expires_in == LIFE
    clock.forward(timedelta(seconds=LIFE - 1))
    assert tokens.read(minted.token, scope=Scope.MFA_PENDING).jti == SIGN_IN
    clock.forward(timedelta(seconds=1))
    refused(tokens, minted.token)


def test_a025_no_setting_makes_a_pending_token_live_longer_than_ten_minutes() -> None:
    with pytest.raises(ValueError, match="pending_life"):
        TokenSettings(pending_life=timedelta(seconds=601))


def test_a028_a_token_of_another_environment_is_refused(tokens: Tokens, forge: Forge) -> None:
    staging = KeySet(access=SigningKey.new(), internal=SigningKey.new())
    abroad = Forge(staging, forge.now)
    refused(tokens, abroad.token())
    refused(tokens, abroad.pending())
    refused(tokens, forge.token(key=staging.access))
    refused(tokens, forge.with_claims(iss="https://staging.gatehouse.example"))


def test_a028_the_same_keys_under_another_issuer_open_nothing(keys: KeySet, forge: Forge, clock: ManualClock) -> None:
    elsewhere = Tokens(TokenSettings(issuer="https://other.example"), clock=clock)
    elsewhere.keys = keys
    refused(elsewhere, forge.token())
    refused(elsewhere, forge.pending())


def test_a_token_is_read_with_the_keys_of_its_moment(tokens: Tokens, forge: Forge) -> None:
    tokens.keys = KeySet(access=SigningKey.new(), internal=SigningKey.new())
    refused(tokens, forge.token())
