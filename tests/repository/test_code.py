"""Tests of the source code: rules of this repository that ruff, mypy and import-linter cannot check."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.support.repository import INTEGRATION, ROOT

FOLDERS = [INTEGRATION, *(ROOT / folder for folder in ("benchmarks", "script", "tests"))]
RULED_OUT = ("Somebody", "somebody", "Take note", "Tell whether")
"""Phrases that name no subject or no fact."""
MAX_LINES = 400


def parse(path: Path) -> ast.Module:
    """Parse a Python file."""
    return ast.parse(path.read_text(), str(path))


def list_python_files(folder: Path) -> list[Path]:
    """Return the Python files below a folder."""
    return sorted(folder.rglob("*.py"))


def find_docstrings(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the docstrings of a file, those of constants and fields included, with their first lines."""
    for node in ast.walk(parse(path)):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield node.lineno, text


def find_constants(module: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the name and the value expression of every upper-case constant at the top of a module."""
    for node in module.body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=value)
            ) if name.isupper() and value:
                yield name, ast.unparse(value)


def test_docstrings_are_plain() -> None:
    """Docstrings are plain English: subjects are things, and first lines state what a function does."""
    found = [
        f"{path.relative_to(ROOT)}:{line}: {phrase}"
        for folder in FOLDERS
        for path in list_python_files(folder)
        for line, text in find_docstrings(path)
        for phrase in RULED_OUT
        if phrase in " ".join(text.split())
    ]
    assert found == []


def test_files_are_short() -> None:
    """No file of the integration is so long that it must have several purposes."""
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in list_python_files(INTEGRATION)
    }
    assert {path: length for path, length in lengths.items() if length > MAX_LINES} == {}


def test_class_names_are_unique() -> None:
    """No two classes of the integration share a name, so that a name found anywhere leads to one definition."""
    modules: dict[str, list[str]] = defaultdict(list)
    for path in list_python_files(INTEGRATION):
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.ClassDef):
                modules[node.name].append(str(path.relative_to(INTEGRATION)))
    assert {name: paths for name, paths in modules.items() if len(paths) > 1} == {}


def test_constants_have_one_value() -> None:
    """A constant's name has one meaning: modules that define the same name give it the same value."""
    modules: dict[str, dict[str, str]] = defaultdict(dict)
    for path in list_python_files(INTEGRATION):
        for name, value in find_constants(parse(path)):
            modules[name][str(path.relative_to(INTEGRATION))] = value
    assert {name: values for name, values in modules.items() if len(set(values.values())) > 1} == {}


def test_no_context_variables() -> None:
    """The integration returns results to the caller; a context variable would hide where a value comes from."""
    assert [path.name for path in list_python_files(INTEGRATION) if "ContextVar" in path.read_text()] == []
