"""Tests of the source code: rules of this repository that ruff, mypy and import-linter cannot check."""

import ast
from collections import defaultdict
from pathlib import Path

from tests.support.repository import INTEGRATION, ROOT

MAX_LINES = 400


def parse(path: Path) -> ast.Module:
    """Parse a Python file."""
    return ast.parse(path.read_text(), str(path))


def python_files(folder: Path) -> list[Path]:
    """Return the Python files below a folder."""
    return sorted(folder.rglob("*.py"))


def test_files_are_short() -> None:
    """No file of the integration is so long that it must have several purposes."""
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in python_files(INTEGRATION)}
    assert {path: length for path, length in lengths.items() if length > MAX_LINES} == {}


def test_class_names_are_unique() -> None:
    """No two classes of the integration share a name, so that a name found anywhere leads to one definition."""
    modules: dict[str, list[str]] = defaultdict(list)
    for path in python_files(INTEGRATION):
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.ClassDef):
                modules[node.name].append(str(path.relative_to(INTEGRATION)))
    assert {name: paths for name, paths in modules.items() if len(paths) > 1} == {}


def test_no_context_variables() -> None:
    """The integration returns results to the caller; a context variable would hide where a value comes from."""
    assert [path.name for path in python_files(INTEGRATION) if "ContextVar" in path.read_text()] == []
