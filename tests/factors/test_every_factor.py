"""What every registered factor promises, whatever it is: the contract, walked over the register."""

import pytest
from pydantic import SecretStr

from app.crypto.codes import Fingerprints
from app.crypto.keys import KeyRing, new_secret_key
from app.factors import KINDS
from app.factors.base import AnyFactor, Shape
from app.factors.registry import faults
from app.settings import Settings
from tests.house.toy.word_of_the_day import Word


@pytest.fixture(params=[*KINDS, Word], ids=lambda kind: kind.kind)
def factor(request: pytest.FixtureRequest) -> AnyFactor:
    kind: type[AnyFactor] = request.param
    return kind(kind.Settings(), fingerprints=Fingerprints(KeyRing([SecretStr(new_secret_key())])))


def test_it_names_itself_in_its_shapes(factor: AnyFactor) -> None:
    for shape in (factor.Enroll, factor.Answer, factor.Setup):
        assert factor.kind in str(shape.model_fields["factor"].annotation)


def test_its_shapes_take_nothing_undeclared_and_never_change(factor: AnyFactor) -> None:
    for shape in (factor.State, factor.Enroll, factor.Answer, factor.Setup):
        assert issubclass(shape, Shape)
        assert shape.model_config["extra"] == "forbid"
        assert shape.model_config["frozen"] is True


def test_it_has_no_mutable_state_of_its_own(factor: AnyFactor) -> None:
    assert set(vars(factor)) == {"settings", "fingerprints"}


def test_kinds_are_told_apart_and_a_method_has_one_rank() -> None:
    """Two kinds may share a method, as RFC 8176 has one for all one-time codes: a token tells no kind."""
    assert not list(faults((*KINDS, Word), Settings(environment="development")))


def test_ranks_are_those_of_the_contract() -> None:
    """Sms < totp, and a recovery code approves anything."""
    ranks = {kind.kind: kind.strength for kind in KINDS}
    assert ranks["sms"] < ranks["totp"] < ranks["recovery_code"]
