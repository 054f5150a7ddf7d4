"""Signatures of callbacks, held against Plivo's published vectors, Plivo's own validator, and the Standard Webhooks example."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from plivo.utils import validate_signature, validate_v3_signature
from pydantic import SecretStr

from app.crypto.callbacks import Signature, read_secret, sign, verified
from tests.standins.receipts import Receipt, fields

VECTORS = json.loads((Path(__file__).parent / "plivo_signature_vectors.json").read_text())["vectors"]
POSTED = [one for one in VECTORS if one.get("method", "POST") == "POST"]
ADDRESS = "https://id.example.test/webhooks/plivo/AAAA"


def right(vector: dict[str, Any], **changes: Any) -> bool:
    given = vector | changes
    signature = Signature(given["version"].upper(), given["nonce"], (given["signature"],))
    form = list(given.get("params", {}).items())
    return bool(verified([signature], address=given["uri"], form=form, tokens=(given["auth_token"],)))


@pytest.mark.parametrize("vector", POSTED, ids=[f"{one['version']} {one['origin']} {one['uri']}" for one in POSTED])
def test_every_published_vector_is_judged_as_it_should_be(vector: dict[str, Any]) -> None:
    assert right(vector) is vector["valid"]
    assert not right(vector, nonce=vector["nonce"] + "0")
    assert not right(vector, auth_token="another")
    assert not right(vector, uri=vector["uri"].replace("https", "http", 1))


def test_the_vectors_are_all_there() -> None:
    assert len(POSTED) == 10
    assert {one["version"] for one in POSTED} == {"v2", "v3"}


def test_plivos_own_validator_agrees() -> None:
    receipt = Receipt(ADDRESS, fields("delivered"))
    for version in ("V3", "V2"):
        given = receipt.signature(version)
        signature = Signature(version, receipt.nonce, (given,))
        assert verified([signature], address=ADDRESS, form=receipt.fields, tokens=(receipt.token,))
    assert validate_v3_signature(
        "POST", ADDRESS, receipt.nonce, receipt.token, receipt.signature("V3"), dict(receipt.fields)
    )
    assert validate_signature(ADDRESS, receipt.nonce, receipt.signature("V2"), receipt.token)


def test_one_right_value_of_a_list_is_enough_and_every_account_counts() -> None:
    receipt = Receipt(ADDRESS, fields("sent"), token="of-the-subaccount")
    signature = Signature("V3", receipt.nonce, ("no base64 at all, nor ASCII: é", receipt.signature("V3")))
    assert verified([signature], address=ADDRESS, form=receipt.fields, tokens=("main", "of-the-subaccount"))
    assert not verified([signature], address=ADDRESS, form=receipt.fields, tokens=("main",))
    assert not verified([signature], address=ADDRESS, form=receipt.fields, tokens=())


def test_every_family_that_is_right_is_named() -> None:
    receipt = Receipt(ADDRESS, fields("sent"))
    both = [Signature(version, receipt.nonce, (receipt.signature(version),)) for version in ("V3", "V2")]
    found = verified(both, address=ADDRESS, form=receipt.fields, tokens=(receipt.token,))
    assert found == {("V3", receipt.nonce), ("V2", receipt.nonce)}
    other = verified(both, address=ADDRESS, form=fields("delivered"), tokens=(receipt.token,))
    assert other == {("V2", receipt.nonce)}


def test_the_example_of_standard_webhooks() -> None:
    """The specification's own: svix's libraries verify it, too."""
    secret = read_secret(SecretStr("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
    at = datetime.fromtimestamp(1614265330, UTC)
    signature = sign(b'{"test": 2432232314}', message_id="msg_p5jXN8AQM9LWM0D4loKWxJek", at=at, secret=secret)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    "text",
    ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!!!", "whsec_" + base64.b64encode(b"x" * 23).decode()],
)
def test_what_is_no_secret_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="FALLBACK_WEBHOOK_SECRET is not a secret"):
        read_secret(SecretStr(text))
