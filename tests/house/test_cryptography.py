"""docs/cryptography.md is the inventory: what the code imports is listed there, and what ASVS forbids is imported nowhere."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "cryptography.md").read_text()
KNOWN = {"bcrypt", "cryptography", "hashlib", "hmac", "jwt", "passlib", "pyotp", "secrets", "ssl"}
LISTED = dict(re.findall(r"^\| `(app/[\w/]+\.py)` \| ([\w, ]+) \|", PAGE, re.MULTILINE))
TREES = {str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in sorted((ROOT / "app").rglob("*.py"))}


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def attributes(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"


def test_every_use_of_cryptography_is_listed_with_what_it_uses() -> None:
    used = {path: {name.partition(".")[0] for name in imported(tree)} & KNOWN for path, tree in TREES.items()}
    assert {path: ", ".join(sorted(names)) for path, names in used.items() if names} == LISTED


def test_no_mode_or_padding_but_authenticated_ones_is_imported() -> None:
    primitives = {name for tree in TREES.values() for name in imported(tree) if "primitives" in name}
    assert {name for name in primitives if "ciphers" in name} == {"cryptography.hazmat.primitives.ciphers.aead.AESGCM"}
    assert not [name for name in primitives if "padding" in name or "modes" in name]


def test_md5_is_used_nowhere_and_sha_1_only_to_look_a_breached_password_up() -> None:
    weak = {
        (path, name) for path, tree in TREES.items() for name in attributes(tree) if name.endswith((".md5", ".sha1"))
    }
    assert weak == {("app/crypto/passwords.py", "hashlib.sha1")}
    assert "usedforsecurity=False" in (ROOT / "app/crypto/passwords.py").read_text()


def test_secrets_and_proofs_are_compared_in_constant_time() -> None:
    """Of what is named like one; in `store`, `==` is SQL's."""
    secret = re.compile(r"(?:^|_)(?:mac|digest|fingerprint|signature|code|token|password)$")
    for path, tree in TREES.items():
        for node in [] if path.startswith("app/store/") else ast.walk(tree):
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq):
                names = [getattr(side, "id", getattr(side, "attr", "")) for side in (node.left, node.comparators[0])]
                both = [name for name in names if secret.search(name)]
                assert len(both) < 2, (path, node.lineno, names)


def test_every_certificate_is_verified() -> None:
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg in {"verify", "check_hostname", "validate_certs"}:
                assert not (isinstance(node.value, ast.Constant) and node.value.value is False), path
        assert not {"ssl.CERT_NONE", "ssl._create_unverified_context"} & set(attributes(tree)), path
