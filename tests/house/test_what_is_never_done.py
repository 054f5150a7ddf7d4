"""What no file of the app does: run a shell, evaluate what it read, build a pattern or a text out of input, write a file unasked."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted([*(ROOT / "app").rglob("*.py"), *(ROOT / "migrations").rglob("*.py")])
TREES = {str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in FILES}
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__", "breakpoint"}
UNSAFE_MODULES = {"pickle", "marshal", "shelve", "dill", "jsonpickle", "yaml", "xml", "lxml", "jinja2", "telnetlib"}
SHELLS = {
    "os.system",
    "os.popen",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
    "asyncio.create_subprocess_shell",
}
PATTERNS = {"compile", "match", "fullmatch", "search", "sub", "split", "findall", "finditer"}
FROM_INPUT = {"app/senders/breaches.py", "app/crypto/schemes.py"}
"""Patterns with a part that is put in: hexadecimal digits of our own digest; the forms of schemes, all of them constants."""


LISTENS = "app/watch/exposition.py"


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def modules(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        if isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").partition(".")[0]


@pytest.mark.parametrize("path", TREES)
def test_nothing_goes_through_a_shell(path: str) -> None:
    for name, call in calls(TREES[path]):
        assert name not in SHELLS
        assert not [word for word in call.keywords if word.arg == "shell"], name


@pytest.mark.parametrize("path", TREES)
def test_nothing_that_was_read_is_evaluated_or_makes_objects_of_its_choice(path: str) -> None:
    assert not {name for name, _ in calls(TREES[path])} & UNSAFE_CALLS
    assert not {*modules(TREES[path])} & UNSAFE_MODULES


def test_a_pattern_is_written_out_or_escaped() -> None:
    """So that no input is a pattern."""
    built = set()
    for path, tree in TREES.items():
        for name, call in calls(tree):
            room, _, verb = name.partition(".")
            if room == "re" and verb in PATTERNS and not _is_written(call.args[0]):
                built.add(path)
    assert built <= FROM_INPUT


def _is_written(node: ast.AST) -> bool:
    """Constants, names in capitals, which are constants too, and what is escaped."""
    if isinstance(node, ast.Call):
        return ast.unparse(node.func) == "re.escape"
    if isinstance(node, ast.Name):
        return node.id.strip("_").isupper()
    return all(map(_is_written, ast.iter_child_nodes(node)))


def test_files_are_written_only_where_the_documentation_says() -> None:
    """Development's folder, the dev inbox, the metrics of workers, and what an operator names."""
    written = set()
    for path, tree in TREES.items():
        for name, call in calls(tree):
            texts = [node.value for node in ast.walk(call) if isinstance(node, ast.Constant)]
            opens = name.rpartition(".")[2] == "open" and {"w", "a", "wb", "ab", "x", "w+"} & {*map(str, texts)}
            if opens or name.rpartition(".")[2] in {"write_text", "write_bytes"}:
                written.add(path)
    assert written
    rooms = ("app/cli/", "app/senders/inbox.py", "app/store/embedded.py", "app/store/binaries.py", "migrations/")
    assert [path for path in written if not path.startswith(rooms)] == []


def test_only_these_open_connections() -> None:
    """docs/deployment.md, "What it connects to": whoever else reaches out has to be told there."""
    reaching = {"socket", "requests", "httpx", "aiosmtplib", "plivo", "urllib3", "aiohttp", "asyncpg", "opentelemetry"}
    found = {path: {*modules(tree)} & reaching for path, tree in TREES.items()}
    rooms = ("app/senders/", "app/store/", "app/cli/", "app/watch/telemetry.py", "app/watch/spans.py", LISTENS)
    assert [path for path, names in found.items() if names and not path.startswith(rooms)] == []
    page = (ROOT / "docs" / "deployment.md").read_text().partition("## What it connects to\n")[2]
    for setting in (
        "DATABASE__URL",
        "SMS__PLIVO_BASE_URL",
        "SMS__FALLBACK_WEBHOOK_URL",
        "EMAIL__SMTP_URL",
        "TELEMETRY__ENDPOINT",
        "BREACH_CHECK_URL",
    ):
        assert setting in page
