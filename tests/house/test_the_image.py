"""What building and running the image showed, held without an engine."""

import re
from pathlib import Path

IMAGE = (Path(__file__).parents[2] / "Dockerfile").read_text()
LAST = IMAGE[IMAGE.rindex("\nFROM ") :]


def test_builders_of_old_distributions_understand_the_health_check() -> None:
    """Docker before 25, and Podman and Buildah of Debian 12, end the build at `--start-interval`."""
    [flags] = re.findall(r"^HEALTHCHECK ((?:--\S+ )+)CMD ", LAST, re.MULTILINE)
    assert set(re.findall(r"--([a-z-]+)=", flags)) <= {"interval", "timeout", "start-period", "retries"}


def test_the_standard_library_is_compiled_in_the_image() -> None:
    """Nothing is written later, so each start and each health check would do it again."""
    assert "PYTHONDONTWRITEBYTECODE=1" in LAST
    assert re.search(r"^RUN [^#]*python -m compileall -q /usr/local/lib/python3\*$", LAST, re.MULTILINE)
