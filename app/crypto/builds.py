"""Which build of Argon2 this process computes with, detected by the machine code of the library that is loaded.

The library does not say, what its package says is true of another file as well, and how long it takes depends on what
else runs. Every build makes the same hashes; they differ in how many bits a processor multiplies at a time.
"""

import platform
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

Build = Literal["avx512", "avx2", "portable", "unknown"]
_VEX_256 = bytes(range(0b101, 256, 0b1000))
_EVEX_WIDE = bytes(range(0b1000_0101, 256, 0b1000))
_MULTIPLY_256 = re.compile(rb"(?:\xc5|\xc4.)[" + re.escape(_VEX_256) + rb"]\xf4", re.DOTALL)
_MULTIPLY_512 = re.compile(rb"\x62.[" + re.escape(_EVEX_WIDE) + rb"][\x40\x48]\xf4", re.DOTALL)
"""VPMULUDQ (Intel SDM, volume 2): a build for AVX2 or AVX-512 is full of it, any other has none but by chance."""
_BY_CHANCE = 16


def build() -> Build:
    """The build of the library that is loaded, or would be: no other one ever computes a hash."""
    library = find_spec("_argon2_cffi_bindings._ffi")
    if not library or not library.origin or (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        return "unknown"
    return told_by(Path(library.origin).read_bytes())


def told_by(code: bytes) -> Build:
    """What the machine code of an x86_64 library was built for."""
    if len(_MULTIPLY_512.findall(code)) >= _BY_CHANCE:
        return "avx512"
    return "avx2" if len(_MULTIPLY_256.findall(code)) >= _BY_CHANCE else "portable"
