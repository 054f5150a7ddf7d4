"""An operator says something of a user: their access tokens carry it from the next refresh on, under one name."""

import pytest

from app.crypto.claims import Own
from app.flows.own_claims import ClaimsRefused, OwnClaims
from tests.world import Person, World


async def give(ada: Person, **claims: Own | None) -> None:
    await OwnClaims(ada.world.app.state.house.database, "root")(ada.email, claims, reason=None)


async def said(ada: Person) -> object:
    return (await ada.call("GET", "/session")).json().get("claims")


async def test_the_next_refresh_and_every_sign_in_carry_them_and_nothing_ends(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    await give(ada, role="editor", level=3, beta=True, share=0.5)
    assert await said(ada) is None
    await ada.refresh_session()
    assert await said(ada) == {"role": "editor", "level": 3, "beta": True, "share": 0.5}
    await ada.enrol_app()
    assert await said(ada) == {"role": "editor", "level": 3, "beta": True, "share": 0.5}
    await give(ada, role=None, level=None, beta=None)
    assert await said(ada) == {"role": "editor", "level": 3, "beta": True, "share": 0.5}
    await ada.step_up(ada.app_code(), "totp")
    assert await said(ada) == {"share": 0.5}
    await ada.login(code=ada.app_code())
    assert await said(ada) == {"share": 0.5}
    await give(ada, share=None)
    await ada.refresh_session()
    assert await said(ada) is None


@pytest.mark.parametrize("name", ["sub", "exp", "nbf", "scope", "acr", "claims", "1st", "with blank", "", "x" * 65])
async def test_what_a_token_says_by_itself_or_no_name_at_all_is_refused(world: World, name: str) -> None:
    ada = await world.signed_up()
    with pytest.raises(ClaimsRefused):
        await give(ada, **{name: "x"})


async def test_a_token_stays_small_enough_for_a_header(world: World) -> None:
    ada = await world.signed_up()
    await give(ada, note="é" * 165)
    with pytest.raises(ClaimsRefused, match="1024"):
        await give(ada, more="x" * 20)
    await ada.sign_in()
    assert await said(ada) == {"note": "é" * 165}
