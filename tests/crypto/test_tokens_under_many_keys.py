"""Tokens while keys rotate: each is read with the key that its `kid` names, by that key's algorithm and by no other."""

import hashlib
import hmac
from datetime import timedelta
from itertools import permutations
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.crypto.algorithms import ALGORITHMS
from app.crypto.claims import PASSWORD_ONLY, Scope
from app.crypto.signing import KeySet, SigningKey
from app.crypto.tokens import Tokens
from app.settings.groups import TokenSettings
from tests.crypto.forge import ISSUER, SESSION, SIGN_IN, USER, Forge, as_json, b64, refused
from tests.standins.clock import ManualClock

KEYS = {alg: SigningKey.new(alg) for alg in ALGORITHMS}
INTERNAL = SigningKey.new()
PAIRS = list(permutations(ALGORITHMS, 2))


def reading(keys: KeySet, clock: ManualClock) -> Tokens:
    tokens = Tokens(TokenSettings(issuer=ISSUER), clock=clock)
    tokens.keys = keys
    return tokens


def access_token(tokens: Tokens, clock: ManualClock) -> str:
    return tokens.mint_access(
        user_id=USER, session_id=SESSION, auth_time=clock.now(), acr=PASSWORD_ONLY, amr=("pwd",)
    ).token


def signed(claims: Forge, key: SigningKey, *, alg: str, kid: str) -> str:
    """With whatever header, by the rules of *alg*."""
    return jwt.encode(claims.claims, key.private, alg, {"typ": "at+jwt", "kid": kid})


@pytest.fixture
def mixed(clock: ManualClock) -> Tokens:
    """A key of each algorithm, all of them published."""
    return reading(KeySet(KEYS["ES256"], INTERNAL, next=KEYS["EdDSA"], retired=(KEYS["PS256"],)), clock)


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_key_of_each_algorithm_signs_what_it_reads(alg: str, clock: ManualClock) -> None:
    tokens = reading(KeySet(KEYS[alg], KEYS[alg]), clock)
    token = access_token(tokens, clock)
    assert jwt.get_unverified_header(token) == {"alg": alg, "typ": "at+jwt", "kid": KEYS[alg].kid}
    assert tokens.read(token, scope=Scope.FULL).sid == SESSION
    pending = tokens.mint_pending(user_id=USER, sign_in=SIGN_IN).token
    assert tokens.read(pending, scope=Scope.MFA_PENDING).jti == SIGN_IN


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_another_implementation_verifies_it_with_what_is_published(alg: str, mixed: Tokens, clock: ManualClock) -> None:
    token = access_token(reading(KeySet(KEYS[alg], INTERNAL), clock), clock)
    published = jwt.PyJWKSet.from_dict(mixed.keys.jwks())
    key = published[jwt.get_unverified_header(token)["kid"]]
    read = jwt.decode(
        token, key, [key.algorithm_name], audience=ISSUER, options={"verify_exp": False, "verify_iat": False}
    )
    assert UUID(read["sid"]) == SESSION


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_token_is_read_whether_its_key_signs_now_will_sign_or_signed_before(
    alg: str, mixed: Tokens, clock: ManualClock
) -> None:
    token = access_token(reading(KeySet(KEYS[alg], INTERNAL), clock), clock)
    assert mixed.read(token, scope=Scope.FULL).sub == USER


def test_a_pending_token_is_read_under_the_internal_keys_before_and_after(clock: ManualClock) -> None:
    before = SigningKey.new()
    token = reading(KeySet(KEYS["ES256"], before), clock).mint_pending(user_id=USER, sign_in=SIGN_IN).token
    now = reading(KeySet(KEYS["ES256"], INTERNAL, other_internal=(before,)), clock)
    assert now.read(token, scope=Scope.MFA_PENDING).jti == SIGN_IN
    refused(reading(KeySet(KEYS["ES256"], INTERNAL), clock), token)


def test_a_key_that_is_gone_opens_nothing_however_good_its_signature(mixed: Tokens, clock: ManualClock) -> None:
    """Revoked, or withdrawn because nothing of it should live."""
    token = access_token(mixed, clock)
    mixed.read(token, scope=Scope.FULL)
    mixed.keys = KeySet(KEYS["EdDSA"], INTERNAL, next=SigningKey.new(), retired=(KEYS["PS256"],))
    refused(mixed, token)
    clock.forward(timedelta(seconds=1))
    assert mixed.session_of(token) is None


@pytest.mark.parametrize(("named", "signs"), PAIRS)
def test_a002_a_signature_by_one_key_is_none_under_the_name_of_another(
    mixed: Tokens, forge: Forge, named: str, signs: str
) -> None:
    """Both are published and good, each with its own algorithm; neither the header nor the signature chooses another."""
    assert mixed.read(signed(forge, KEYS[signs], alg=signs, kid=KEYS[signs].kid), scope=Scope.FULL).sub == USER
    refused(mixed, signed(forge, KEYS[signs], alg=signs, kid=KEYS[named].kid))


@pytest.mark.parametrize(("named", "said"), PAIRS)
def test_a002_a_key_is_not_used_with_the_algorithm_of_another(
    mixed: Tokens, forge: Forge, named: str, said: str
) -> None:
    """The right key signed, and the header says another algorithm that is at home here."""
    head = {"alg": said, "typ": "at+jwt", "kid": KEYS[named].kid}
    body = f"{b64(as_json(head))}.{b64(as_json(forge.claims))}"
    genuine = jwt.get_algorithm_by_name(named).sign(body.encode(), KEYS[named].private)
    refused(mixed, f"{body}.{b64(genuine)}")


@pytest.mark.parametrize("alg", ["RS256", "RS384", "PS384", "PS512"])
def test_a002_an_rsa_key_signs_ps256_and_nothing_else(mixed: Tokens, forge: Forge, alg: str) -> None:
    refused(mixed, signed(forge, KEYS["PS256"], alg=alg, kid=KEYS["PS256"].kid))


@pytest.mark.parametrize("named", ALGORITHMS)
@pytest.mark.parametrize("alg", ["HS256", "HS512"])
def test_a002_no_published_key_is_an_hmac_secret(mixed: Tokens, forge: Forge, named: str, alg: str) -> None:
    key = KEYS[named]
    pem = key.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = {"alg": alg, "typ": "at+jwt", "kid": key.kid}
    body = f"{b64(as_json(head))}.{b64(as_json(forge.claims))}"
    mac = hmac.new(pem, body.encode(), getattr(hashlib, f"sha{alg[2:]}")).digest()
    refused(mixed, f"{body}.{b64(mac)}")


def test_an_internal_key_reads_no_access_token_and_a_published_one_no_pending_token(
    mixed: Tokens, clock: ManualClock
) -> None:
    swapped = reading(KeySet(INTERNAL, KEYS["ES256"]), clock)
    refused(mixed, access_token(swapped, clock))
    refused(mixed, swapped.mint_pending(user_id=USER, sign_in=SIGN_IN).token)
