"""Every build of Argon2 makes the same hashes, and which one is loaded is told by its machine code."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from argon2.low_level import Type, hash_secret, verify_secret

from app.crypto import builds

BUILDS = Path(sys.prefix) / "argon2"
"""Where `make fast-hash` leaves both."""
NAMES = ["plain", "avx2"]
REFERENCE = [
    "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
    "$argon2id$v=19$m=65536,t=4,p=1$c29tZXNhbHQ$kCXUjmjvc5XMqQedpMTsOv+zyJEf5PhtGiUghW9jFyw",
]
"""Of "password" and "somesalt": the reference implementation's own tests (phc-winner-argon2, src/test.c)."""
HASHING = """
import sys
from argon2.low_level import Type, hash_secret
for kind in Type:
    for passes, memory_kib, lanes in [(1, 8, 1), (2, 19456, 1), (3, 4096, 4), (2, 1000, 3)]:
        for size in (0, 1, 16, 64, 1000, 4096):
            print(hash_secret(b"p" * size, b"a salt of it", passes, memory_kib, lanes, 32, kind).decode())
"""
VERIFYING = """
import sys
from argon2.low_level import Type, verify_secret
from argon2.exceptions import VerifyMismatchError
kinds = {"argon2" + kind.name.lower(): kind for kind in Type}
for nth, line in enumerate(sys.stdin):
    hashed, size = line.strip(), (0, 1, 16, 64, 1000, 4096)[nth % 6]
    kind = kinds[hashed.split("$")[1]]
    assert verify_secret(hashed.encode(), b"p" * size, kind)
    try:
        verify_secret(hashed.encode(), b"p" * size + b"x", kind)
    except VerifyMismatchError:
        print("right and wrong told apart")
"""
BUILD = "from app.crypto.builds import build; print(build())"
WIDE = bytes.fromhex("c5f5f4c2")  # vpmuludq ymm0,ymm1,ymm2
WIDEST = bytes.fromhex("62f1d548f4f3")  # vpmuludq zmm6,zmm5,zmm3
NARROW = bytes.fromhex("660ff4c1")  # pmuludq xmm0,xmm1
NARROW_VEX = bytes.fromhex("c5f1f4c2")  # vpmuludq xmm0,xmm1,xmm2


def by(build: str, program: str, given: str = "") -> str:
    """What *program* prints where *build* is the Argon2 that it finds."""
    if not (BUILDS / build).is_dir():
        pytest.skip("there is one build of Argon2 here: `make fast-hash` makes the other")
    found = {**os.environ, "PYTHONPATH": f"{BUILDS / build}{os.pathsep}{Path(__file__).parents[2]}"}
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, env=found, input=given, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_both_builds_make_the_same_hashes() -> None:
    plain, fast = (by(name, HASHING) for name in NAMES)
    assert plain == fast
    assert len(set(plain.splitlines())) == 72


@pytest.mark.parametrize(("made_by", "read_by"), [NAMES, NAMES[::-1]])
def test_each_build_verifies_what_the_other_made_and_nothing_else(made_by: str, read_by: str) -> None:
    verified = by(read_by, VERIFYING, by(made_by, HASHING))
    assert verified.splitlines() == ["right and wrong told apart"] * 72


def test_each_build_is_told_for_what_it_is() -> None:
    assert [by(name, BUILD).strip() for name in NAMES] == ["portable", "avx2"]


@pytest.mark.parametrize("hashed", REFERENCE)
def test_the_build_that_is_installed_makes_the_hashes_of_the_reference(hashed: str) -> None:
    numbers = dict(pair.split("=") for pair in hashed.split("$")[3].split(","))
    memory_kib, passes, lanes = (int(numbers[name]) for name in "mtp")
    assert hash_secret(b"password", b"somesalt", passes, memory_kib, lanes, 32, Type.ID).decode() == hashed
    assert verify_secret(hashed.encode(), b"password", Type.ID)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (NARROW * 99 + WIDE * 32, "avx2"),
        (NARROW * 99 + WIDEST * 32, "avx512"),
        (NARROW * 99 + NARROW_VEX * 99, "portable"),
        (NARROW * 99 + WIDE * 3 + WIDEST * 3, "portable"),  # by chance
    ],
)
def test_a_build_is_told_by_its_instructions(code: bytes, told: str) -> None:
    assert builds.told_by(code) == told


@pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"), reason="elsewhere no build is told from another"
)
def test_it_is_the_loaded_library_that_is_looked_at() -> None:
    mapped = {line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "/" in line}
    [loaded] = [path for path in map(Path, mapped) if path.parent.name == "_argon2_cffi_bindings"]
    assert builds.build() == builds.told_by(loaded.read_bytes())
