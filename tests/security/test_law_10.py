"""An enrolled factor counts while its row exists (law 10): every combination of enrolled × usable, and the broken ones."""

from collections.abc import AsyncIterator
from itertools import chain, combinations
from pathlib import Path

import pytest
from sqlalchemy import update

from app.factors import KINDS
from app.store.tables import enrollments
from tests.world import Person, World, running, settings_for

CHOOSABLE = [kind.kind for kind in KINDS if not kind.issued]
SETS = [*chain.from_iterable(combinations(CHOOSABLE, size) for size in range(1, len(CHOOSABLE) + 1))]


@pytest.fixture
async def before(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """The service with every factor switched on."""
    async with running(settings_for(database_url, tmp_path)) as world:
        yield world


async def enrolled_with(world: World, kinds: tuple[str, ...]) -> Person:
    ada = await world.signed_up()
    await ada.sign_in()
    if "sms" in kinds:
        await ada.enrol_phone()
    if "totp" in kinds:
        await ada.enrol_app()
    return ada


@pytest.mark.parametrize("policy", ["optional", "required"])
@pytest.mark.parametrize("usable", SETS, ids="+".join)
@pytest.mark.parametrize("enrolled", SETS, ids="+".join)
async def test_no_combination_of_enrolled_and_usable_lets_a_password_alone_in(
    before: World, database_url: str, tmp_path: Path, enrolled: tuple[str, ...], usable: tuple[str, ...], policy: str
) -> None:
    ada = await enrolled_with(before, enrolled)
    settings = settings_for(database_url, tmp_path, mfa={"factors": usable, "policy": policy})
    async with running(settings) as after:
        bea = Person(after, email=ada.email)
        asked = (await bea.login()).json()
        assert asked["status"] == "mfa_required"
        offered = {choice["kind"] for choice in asked["factors"]}
        assert offered == {*(set(enrolled) & set(usable)), "recovery_code"}
        assert (asked["challenge"] is None) == (not set(enrolled) & set(usable))
        for kind in {*CHOOSABLE} - set(usable):
            refused = await bea.verify("123456", factor=kind)
            assert refused.status_code in {404, 422}
        assert (await bea.verify(ada.recovery_codes[0], factor="recovery_code")).status_code == 200


@pytest.mark.parametrize("kinds", SETS, ids="+".join)
async def test_a_factor_whose_state_cannot_be_opened_is_not_no_factor(before: World, kinds: tuple[str, ...]) -> None:
    """A149, A152: corrupt at rest; the sign-in waits, and nothing is answered but generic refusals."""
    ada = await enrolled_with(before, kinds)
    async with before.app.state.house.database.begin() as tx:
        await tx.execute(update(enrollments).values(state=b"\x01corrupt beyond repair, certainly"))
    asked = await ada.login()
    assert asked.json()["status"] == "mfa_required"
    assert asked.json()["challenge"] is None
    for proof in ({"code": "123456", "factor": kinds[0]}, {"code": ada.recovery_codes[0], "factor": "recovery_code"}):
        refused = await ada.call("POST", "/verify-otp", proof, token=ada.mfa_token)
        assert refused.json()["code"] == "invalid_mfa_code"
