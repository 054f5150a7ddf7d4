"""The house rules that a reader relies on (DESIGN.md §6), so that no review has to look for them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "app"
FILES = sorted(APP.rglob("*.py"))
_LONGEST_FILE, _LONGEST_BODY = 200, 40
_BEGINS = ("begin", "run", "once")


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of code: a docstring and the routes declared inside a router's maker are counted by themselves."""
    body = function.body
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    inner = (ast.FunctionDef, ast.AsyncFunctionDef)
    return sum((node.end_lineno or 0) - node.lineno + 1 for node in body if not isinstance(node, inner))


def name(path: Path) -> str:
    return str(path.relative_to(APP))


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_file_is_short_and_says_what_it_is_for(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= _LONGEST_FILE
    assert ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("path", FILES, ids=name)
def test_functions_are_short_and_import_nothing(path: Path) -> None:
    for function in functions(path):
        assert body_lines(function) <= _LONGEST_BODY, function.name
        imports = [node for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)]
        assert not imports, function.name


def test_most_functions_are_very_short() -> None:
    lengths = sorted(body_lines(function) for path in FILES for function in functions(path))
    assert lengths[len(lengths) // 2] <= 5
    assert lengths[len(lengths) * 9 // 10] <= 18


def test_nothing_happens_on_import_of_main() -> None:
    """Importing it defines functions and names, and calls nothing."""
    tree = ast.parse((APP / "main.py").read_text())
    allowed = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.Expr, ast.Assign)
    assert all(isinstance(node, allowed) for node in tree.body)


_BEGIN = {f"{database}.{verb}" for database in ("database", "self.database", "self._database") for verb in _BEGINS}


def test_transactions_begin_where_the_rooms_say() -> None:
    """`app/flows/__init__.py`."""
    calls = {
        name(path).removesuffix(".py")
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in _BEGIN
    }
    watching = {"limits", "network_limits", "sealer", "sightings", "throttle"}
    beside = {f"watch/{one}" for one in watching} | {"store/audit_roles"}
    assert {path for path in calls if not path.startswith("flows/")} == beside


def test_sql_is_never_put_together_from_text() -> None:
    """V1.2.4: no f-string, format or % reaches `text()`."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "text":
                assert all(isinstance(argument, ast.Constant) for argument in node.args), path


def test_nothing_of_an_unfinished_thing_is_left() -> None:
    for path in FILES:
        assert not {"TODO", "FIXME", "XXX", "NotImplemented"} & set(path.read_text().split()), path
