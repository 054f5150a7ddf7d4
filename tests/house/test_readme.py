"""What the README says, done: its commands exist, its curl session runs, its links lead somewhere."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.cli.service import ROOT, run, serving

README = (ROOT / "README.md").read_text()


def shell_of(heading: str) -> str:
    """The shell commands under *heading*."""
    section = README.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return "".join(re.findall(r"```sh\n(.*?)```", section, re.DOTALL))


def test_the_first_sign_in_works_as_it_is_written(tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", shell_of("First sign-in")],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "GATEHOUSE": f"http://127.0.0.1:{service.port}"},
        )
        assert done.returncode == 0, done.stderr
        assert '"acr":"urn:gatehouse:mfa"' in done.stdout

        (listing,) = re.findall(r"`(GATEHOUSE_ENVIRONMENT=development [^`]+)`", README)
        listed = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", listing],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            cwd=ROOT,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "GATEHOUSE_DATA_DIR": str(tmp_path)},
        )
        assert listed.returncode == 0, listed.stderr
        assert re.search(r"\bada\.\d+@example\.test\b", listed.stdout)

        demo = run("demo", "--base-url", f"http://127.0.0.1:{service.port}")
        assert demo.returncode == 0, demo.stderr
        assert demo.stdout.rstrip().endswith("The whole journey went well.")


def test_the_demo_says_when_there_is_no_server() -> None:
    refused = run("demo", "--base-url", "http://127.0.0.1:1")
    assert (refused.returncode, "make run" in refused.stderr) == (1, True)


def test_its_two_commands_are_there() -> None:
    commands = re.findall(r"^make (\w+)", shell_of("Two commands"), re.MULTILINE)
    assert commands == ["run", "test"]
    makefile = (ROOT / "Makefile").read_text()
    for command in commands:
        assert re.search(rf"^{command}:", makefile, re.MULTILINE)


@pytest.mark.parametrize("page", [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")], ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_every_variable_that_is_named_exists() -> None:
    known = (ROOT / ".env.example").read_text()
    for page in [ROOT / "README.md", *ROOT.glob("docs/*.md")]:
        for name in re.findall(r"GATEHOUSE_[A-Z_]+[A-Z]", page.read_text()):
            assert name in known, (page.name, name)
