"""What the hashing of passwords yields on this machine: how many a second, by which build of Argon2, and how to get a faster."""

from pathlib import Path

from app.crypto.builds import Build, build
from app.crypto.calibration import Cost, verifications

_CPUINFO = Path("/proc/cpuinfo")
_WIDE: dict[Build, str] = {"avx2": "AVX2", "avx512": "AVX-512"}


def yields(cost: Cost, threads: int, parallelism: int = 1) -> str:
    """Measured now, on one thread and on *threads* at once."""
    alone = verifications(cost, threads=1, parallelism=parallelism)
    told = f"{alone:.1f} verified a second on one thread"
    if threads > 1:
        told += f", {verifications(cost, threads=threads, parallelism=parallelism):.1f} on {threads}"
    return f"{told}. {says(build(), avx2=_has_avx2())}"


def says(running: Build, *, avx2: bool) -> str:
    """Which build it is; *avx2*: whether the processor has that."""
    if running in _WIDE:
        return f"Argon2 is built for {_WIDE[running]}."
    if running == "unknown":
        return "How Argon2 is built cannot be told here."
    if not avx2:
        return "Argon2 is built without AVX2, which this processor does not have either."
    return "Argon2 is built without AVX2, which verifies up to twice as many: `make fast-hash` builds it, and the image has it."


def _has_avx2() -> bool:
    return _CPUINFO.exists() and "avx2" in _CPUINFO.read_text().split()
