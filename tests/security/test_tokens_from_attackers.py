"""Forged, bent and oversized tokens, sent to the running service: one 401 for all of them, soon and without a query."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.settings.groups import TokenSettings
from tests.crypto.forge import GONE, Forge, as_json, b64, certified, public_forms, sign, unb64
from tests.crypto.test_tokens_of_another_form import SEGMENTS, SERIALISATIONS
from tests.crypto.test_tokens_with_bad_claims import ACCESS, BAD_CLAIMS, NO_IDS, NO_NUMBERS, NO_TEXTS, PAYLOADS
from tests.crypto.test_tokens_with_bad_headers import (
    CRITICAL,
    HEADERS,
    KIDS,
    MALLORY,
    NO_ALGORITHMS,
    NO_KINDS,
    OTHER_ALGORITHMS,
    PSYCHIC,
)
from tests.ring import hearing
from tests.security.attacker import Attacker, at_the_door
from tests.world import KEY, World

HMACS = ("HS256", "HS384", "HS512")
UNSECURED = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
"""RFC 7519 §6.1."""
WEAK = ["", "secret", "password", "changeme", "key", "jwt", "gatehouse", "your-256-bit-secret", "0" * 32, "\0" * 32]
"""What heads the lists of jwt_tool and its like."""


@pytest.fixture
async def attacker(world: World) -> Attacker:
    return await at_the_door(world)


async def test_a001_no_spelling_of_none_passes(attacker: Attacker) -> None:
    def unsigned(forge: Forge) -> Iterator[str]:
        for alg in NO_ALGORITHMS:
            signed = f"{b64(as_json(forge.header | {'alg': alg}))}.{b64(as_json(forge.claims))}"
            yield from (signed, f"{signed}.", f"{signed}.{b64(sign(signed, forge.keys.access))}")
            yield f"{signed}.{forge.token().rpartition('.')[2]}"

    await attacker.is_refused([UNSECURED, *unsigned(attacker.forge)])


async def test_a002_what_is_published_is_no_secret_to_sign_with(attacker: Attacker) -> None:
    published = (await attacker.world.client.get("/.well-known/jwks.json")).content
    forge = attacker.forge
    secrets = [*public_forms(forge.keys.access).values(), published, as_json(json.loads(published)["keys"][0])]
    await attacker.is_refused(forge.by_hmac(alg, secret) for alg in HMACS for secret in secrets)
    await attacker.is_refused(forge.with_header(alg=alg) for alg in OTHER_ALGORITHMS)


async def test_a004_a_psychic_signature_or_one_of_another_form_does_not_pass(attacker: Attacker) -> None:
    forge = attacker.forge
    psychic = [forge.with_signature(r.to_bytes(32) + s.to_bytes(32)) for r, s in PSYCHIC]
    await attacker.is_refused([*psychic, *forge.of_other_lengths()])


async def test_a005_a_key_that_came_with_the_token_is_never_used(attacker: Attacker) -> None:
    forge, jwk = attacker.forge, MALLORY.jwk()
    own = [forge.with_header(key=MALLORY, jwk=jwk, kid=kid) for kid in (forge.keys.access.kid, MALLORY.kid, GONE)]
    await attacker.is_refused([*own, forge.with_header(jwk=forge.keys.access.jwk()), forge.token(key=MALLORY)])


async def test_a007_a_certificate_or_an_address_of_keys_is_never_used(attacker: Attacker) -> None:
    forge, (key, members) = attacker.forge, certified()
    elsewhere = dict.fromkeys(("jku", "x5u"), "https://mallory.example/jwks.json")
    alone = [forge.with_header(key=key, **{name: value}) for name, value in (members | elsewhere).items()]
    beside = [forge.with_header(**{name: value}) for name, value in (members | elsewhere).items()]
    await attacker.is_refused([*alone, *beside, forge.with_header(key=key, **members)])


async def test_a008_a_kid_opens_no_file_asks_no_table_and_breaks_no_log(attacker: Attacker) -> None:
    await attacker.is_refused(attacker.forge.with_header(kid=kid) for kid in KIDS)


async def test_a010_there_is_no_hmac_whose_secret_could_be_guessed(attacker: Attacker) -> None:
    """Nothing is signed with a secret that two share; not even the ring's own keys make a token that passes."""
    person = await attacker.world.with_app()
    await person.login()
    for token in (person.access_token, person.mfa_token):
        assert header_of(token)["alg"] in {"ES256", "EdDSA", "PS256"}
    published = (await attacker.world.client.get("/.well-known/jwks.json")).json()["keys"]
    assert {key["kty"] for key in published} <= {"EC", "OKP", "RSA"}
    secrets = [*(secret.encode() for secret in (*WEAK, KEY)), unb64(KEY)]
    await attacker.is_refused(attacker.forge.by_hmac(alg, secret) for alg in HMACS for secret in secrets)


@pytest.mark.parametrize("alg", [*HMACS, "none", "RS256", "", "es256"])
def test_a010_no_algorithm_with_a_shared_secret_can_be_configured(alg: str) -> None:
    with pytest.raises(ValueError, match="algorithm"):
        TokenSettings.model_validate({"algorithm": alg})


async def test_a011_only_three_plain_segments_pass(attacker: Attacker) -> None:
    await attacker.is_refused(make(attacker.forge) for make in SEGMENTS.values())


async def test_a013_json_forms_encrypted_and_compressed_tokens_cost_nothing(attacker: Attacker) -> None:
    await attacker.is_refused(make(attacker.forge) for make in SERIALISATIONS.values())


async def test_a014_what_a_header_calls_critical_is_refused(attacker: Attacker) -> None:
    await attacker.is_refused(attacker.forge.with_header(**member) for member in CRITICAL)


async def test_a016_a_claim_of_another_type_is_a_401_and_never_a_500(attacker: Attacker) -> None:
    bent: list[dict[str, Any]] = [{name: value} for name in ("exp", "iat", "auth_time") for value in NO_NUMBERS]
    bent += [{name: value} for name in ("sub", "sid", "jti") for value in NO_IDS]
    bent += [{name: value} for name in ("iss", "aud") for value in NO_TEXTS]
    await attacker.is_refused(attacker.forge.with_claims(**changes) for changes in [*bent, *BAD_CLAIMS])
    await attacker.is_refused(make(attacker.forge) for make in [*PAYLOADS.values(), *HEADERS.values()])


async def test_a016_a_number_that_json_cannot_hold_is_a_401(attacker: Attacker) -> None:
    forge = attacker.forge
    written = [
        as_json(forge.claims | {"exp": -7}).replace(b"-7", literal) for literal in (b"NaN", b"1e400", b"-Infinity")
    ]
    await attacker.is_refused(forge.token(payload=payload) for payload in written)


async def test_a017_a_token_that_lacks_a_claim_is_refused(attacker: Attacker) -> None:
    forge = attacker.forge
    gone: list[dict[str, Any]] = [{name: GONE} for name in ACCESS]
    headless: list[dict[str, Any]] = [{"typ": GONE}, {"kid": GONE}, {"alg": GONE}]
    await attacker.is_refused(forge.with_claims(**lack) for lack in gone)
    await attacker.is_refused(forge.with_header(**lack) for lack in headless)


async def test_a020_another_typ_is_another_kind(attacker: Attacker) -> None:
    forge = attacker.forge
    await attacker.is_refused(forge.with_header(typ=typ) for typ in [*NO_KINDS, "mfa-pending+jwt", "mfa-enroll+jwt"])
    assert await attacker.opens(forge.with_header(typ="application/at+jwt")) == [200, 200]


@pytest.mark.parametrize("kib", [8, 12, 64, 1024])
async def test_a029_an_oversized_token_is_refused_in_bounded_time(attacker: Attacker, kib: int) -> None:
    head, claims, signature = attacker.forge.token().split(".")
    much = "A" * (kib * 1024)
    bodies = [much, f"{much}.{claims}.{signature}", f"{head}.{much}.{signature}", f"{head}.{claims}.{much}"]
    await attacker.is_refused([*bodies, "." * kib * 1024, attacker.forge.token(payload=b"[" * (kib * 700))])


async def test_a001_refused_tokens_are_a_security_event_and_no_flood_of_lines(attacker: Attacker) -> None:
    unsigned, refusals = attacker.forge.with_header(alg="none"), attacker.world.app.state.house.refusals
    refusals.tell()
    with hearing() as lines:
        answers = [await attacker.send("/session", unsigned) for _ in range(20)]
        answers.append(await attacker.send("/verify-otp", unsigned))
        refusals.tell()
    assert {answer.status_code for answer in answers} == {401}
    told = [int(line["times"]) for line in lines if line["event"] == "token.refused"]
    assert sum(told) == 21
    assert len(told) <= 3
    assert unsigned not in str(lines)


def header_of(token: str) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(unb64(token.partition(".")[0]))
    return header
