"""`make fast-hash` refuses with a sentence where it cannot work, and the image takes its build only where it can run."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "requirements"
AVX2, OLD = "flags\t\t: fpu sse2 avx avx2 bmi2\n", "flags\t\t: fpu sse2 avx\n"
IMAGE = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)[1:]


def script(name: str, folder: Path, processor: str) -> Path:
    """The script as it is, but that it reads about another processor, and that /opt is *folder*."""
    cpuinfo, copy = folder / "cpuinfo", folder / name
    cpuinfo.write_text(processor)
    text = (SCRIPTS / name).read_text().replace("/proc/cpuinfo 2>", f"{cpuinfo} 2>").replace("/opt/", f"{folder}/opt/")
    assert str(cpuinfo) in text
    copy.write_text(text)
    return copy


def run(*command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", *command], check=False, env={**os.environ, **variables}, capture_output=True, text=True, timeout=60
    )


def machine(folder: Path, name: str) -> Mapping[str, str]:
    """A PATH on which `uname -m` says *name*."""
    (folder / "bin").mkdir()
    (folder / "bin" / "uname").write_text(f"#!/bin/sh\necho {name}\n")
    (folder / "bin" / "uname").chmod(0o755)
    return {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}


@pytest.mark.parametrize(
    ("kind", "processor", "compiler", "said"),
    [
        ("aarch64", AVX2, "true", "AVX2 is of x86_64 processors, and this one is aarch64. Nothing was changed.\n"),
        ("x86_64", OLD, "true", "This processor has no AVX2: /proc/cpuinfo does not name it. Nothing was changed.\n"),
        ("x86_64", AVX2, "false", "No C compiler builds for AVX2 here (false -mavx2): install one"),
        ("x86_64", AVX2, "/nowhere/cc", "No C compiler builds for AVX2 here (/nowhere/cc -mavx2): install one"),
    ],
)
def test_it_says_in_a_sentence_why_it_cannot_be_built(
    tmp_path: Path, kind: str, processor: str, compiler: str, said: str
) -> None:
    built = tmp_path / "argon2"
    given = machine(tmp_path, kind)
    refused = run(script("fast-hash", tmp_path, processor), "/nowhere/python", built, CC=compiler, **given)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith(said)
    assert refused.stderr.count("\n") == 1
    assert not built.exists()


def test_without_the_headers_of_python_it_says_so_too(tmp_path: Path) -> None:
    given = machine(tmp_path, "x86_64")
    refused = run(script("fast-hash", tmp_path, AVX2), "false", tmp_path / "argon2", CC="true", **given)
    assert (refused.returncode, refused.stderr.startswith("The headers of false are missing: ")) == (2, True)


def test_a_machine_that_only_builds_need_not_have_avx2(tmp_path: Path) -> None:
    given = machine(tmp_path, "x86_64")
    refused = run(script("fast-hash", tmp_path, OLD), "false", tmp_path / "argon2", "--elsewhere", CC="true", **given)
    assert refused.stderr.startswith("The headers")


@pytest.mark.parametrize(
    ("processor", "built", "before", "path"),
    [
        (AVX2, True, "", "{0}/opt/fast-hash/avx2"),
        (AVX2, True, "/mine", "{0}/opt/fast-hash/avx2:/mine"),
        (AVX2, False, "/mine", "/mine"),  # an image for another kind of processor has no such build
        (OLD, True, "", ""),
        (OLD, True, "/mine", "/mine"),
        (OLD.replace("avx", "avx2x xavx2"), True, "", ""),
    ],
)
def test_the_image_takes_the_fast_build_only_where_it_can_run(
    tmp_path: Path, processor: str, built: bool, before: str, path: str
) -> None:
    gatehouse = tmp_path / "opt/gatehouse/bin/gatehouse"
    gatehouse.parent.mkdir(parents=True)
    gatehouse.write_text('#!/bin/sh\necho "$PYTHONPATH|$*|$$"\nexit 7\n')
    gatehouse.chmod(0o755)
    if built:
        (tmp_path / "opt/fast-hash/avx2").mkdir(parents=True)
    process = subprocess.Popen(
        ["sh", script("with-fast-hash", tmp_path, processor), "serve", "--workers", "2"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": before},
        stdout=subprocess.PIPE,
        text=True,
    )
    told, _ = process.communicate(timeout=10)
    assert told == f"{path.format(tmp_path)}|serve --workers 2|{process.pid}\n"  # the same process: signals arrive
    assert process.returncode == 7


def test_the_image_has_both_builds_and_no_compiler() -> None:
    *stages, last = IMAGE
    [building] = [stage for stage in stages if "requirements/fast-hash " in stage]
    assert building.startswith("python:${PYTHON} AS argon2\n")
    assert "install -D --mode=755 requirements/with-fast-hash /opt/fast-hash/bin/gatehouse" in building
    assert last.startswith("python:${PYTHON}-slim\n")
    assert "COPY --from=argon2 /opt/fast-hash /opt/fast-hash\n" in last
    assert "COPY --from=build /opt/gatehouse /opt/gatehouse\n" in last
    assert re.search(r"^ENV PATH=/opt/fast-hash/bin:/opt/gatehouse/bin:\$PATH ", last, re.MULTILINE)
    assert 'ENTRYPOINT ["gatehouse"]' in last


def test_what_is_built_is_what_the_service_is_pinned_to() -> None:
    pinned = re.compile(r"^argon2-cffi-bindings==.*?^    # via", re.MULTILINE | re.DOTALL)
    ours, built = (pinned.findall((SCRIPTS / name).read_text()) for name in ("main.txt", "argon2.txt"))
    assert len(ours) == 1
    assert ours == built


def test_the_next_sync_puts_the_wheels_build_back() -> None:
    """Its version is the same, so it has to be asked for."""
    makefile = (ROOT / "Makefile").read_text()
    [sync] = re.findall(r"uv pip sync .*", makefile)
    assert "--reinstall-package argon2-cffi-bindings" in sync
    assert "@rm -rf $(VENV)/argon2\n" in makefile
