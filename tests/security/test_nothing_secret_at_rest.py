"""A database dump holds no seed, number, code, password or token, in any encoding (law 6; N06, A112, A154)."""

import base64
from collections.abc import Iterator

import asyncpg

from tests.world import World


async def test_a_dump_holds_no_secret_in_any_encoding(world: World, database_url: str) -> None:
    ada = await world.with_phone()
    await ada.enrol_app()
    await ada.login(factor="sms")
    waiting = ada.code("sign_in")
    pending = world.person()
    await pending.register()
    mailed = (await world.message(pending.email, "verify_email")).code
    assert ada.app

    dump = await dump_of(database_url)

    secrets = {
        "phone": ada.phone,
        "phone digits": ada.phone[1:],
        "seed": ada.app.secret,
        "password": ada.password,
        "refresh token": ada.refresh_token,
        "access token": ada.access_token,
        "pending token": ada.mfa_token,
        **{f"recovery code {n}": code for n, code in enumerate(ada.recovery_codes)},
    }
    for name, secret in secrets.items():
        for encoding, form in forms(secret):
            assert form not in dump, f"{name} as {encoding}"
    for code in (waiting, mailed):
        assert code
        assert f"'{code}'" not in dump.decode(errors="replace")
        assert code.encode() not in dump.replace(b"-", b"").split()


async def dump_of(database_url: str) -> bytes:
    """Every row of every table, as text (bytea as hex) and as raw bytes."""
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    parts: list[bytes] = []
    for (table,) in await connection.fetch("select tablename from pg_tables where schemaname = 'public'"):
        for row in await connection.fetch(f'select * from "{table}"'):  # noqa: S608  names from the catalogue
            for value in row.values():
                parts.append(bytes(value) if isinstance(value, bytes) else str(value).encode())
                parts.append(value.hex().encode() if isinstance(value, bytes) else b"")
    await connection.close()
    assert len(parts) > 100
    return b"\n".join(parts)


def forms(secret: str) -> Iterator[tuple[str, bytes]]:
    raw = secret.encode()
    yield "text", raw
    yield "hex", raw.hex().encode()
    yield "base64", base64.b64encode(raw).rstrip(b"=")
    yield "base64url", base64.urlsafe_b64encode(raw).rstrip(b"=")
    yield "base32", base64.b32encode(raw).rstrip(b"=")
    yield "reversed", raw[::-1]
    plain = secret.replace("-", "")
    yield "without hyphens", plain.encode()
    if len(plain) == 32 and plain.isalnum() and plain.isupper():
        seed = base64.b32decode(plain)
        yield "raw seed", seed
        yield "raw seed as hex", seed.hex().encode()
        yield "raw seed as base64", base64.b64encode(seed).rstrip(b"=")
