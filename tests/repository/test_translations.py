"""What holds for the texts of all languages together."""

import json
from pathlib import Path
import re
from typing import Any

import pytest

from .test_metadata import INTEGRATION, TRANSLATIONS, Strings, load, texts

LANGUAGES = ["cs", "de", "el", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt-BR", "sv", "zh-Hans"]
"""The languages that Orator speaks, by the names that Home Assistant's frontend gives them."""


@pytest.fixture(scope="module")
def english() -> Strings:
    """Return the texts that all translations are made from."""
    return load(TRANSLATIONS / "en.json")


@pytest.fixture(params=LANGUAGES)
def file(request: pytest.FixtureRequest) -> Path:
    """Return where the texts of each language are."""
    return TRANSLATIONS / f"{request.param}.json"


def paths(strings: Strings) -> list[tuple[str, ...]]:
    """Return the paths of keys to all texts, in their order."""
    return [path for path, _ in texts(strings)]


def placeholders(strings: Strings) -> dict[tuple[str, ...], set[str]]:
    """Return the names that each text expects to be filled in."""
    return {path: set(re.findall(r"{(\w+)}", text)) for path, text in texts(strings)}


def literals(strings: Strings) -> dict[tuple[str, ...], set[str]]:
    """Return what each text shows as code, which is to be entered as it is, whatever the language."""
    return {path: set(re.findall(r"`[^`]+`", text)) for path, text in texts(strings)}


def test_languages() -> None:
    """There is one file for each language, and nothing else."""
    assert sorted(path.name for path in TRANSLATIONS.iterdir()) == sorted(f"{language}.json" for language in LANGUAGES)


def test_same_texts(file: Path, english: Strings) -> None:
    """Every language has the same texts, in the same order."""
    assert paths(load(file)) == paths(english)


def test_same_placeholders(file: Path, english: Strings) -> None:
    """The same is filled into each text, and no brace is left over, which would be shown as it is."""
    strings = load(file)
    assert placeholders(strings) == placeholders(english)
    for path, text in texts(strings):
        assert not re.search(r"[{}]", re.sub(r"{\w+}", "", text)), path


def test_same_literals(file: Path, english: Strings) -> None:
    """What is shown as code is the same in every language."""
    assert literals(load(file)) == literals(english)


def test_plain_texts(file: Path) -> None:
    """No text is empty, surrounded by space, a reference that only core resolves, or markup.

    Nor is an apostrophe before a brace: Home Assistant's frontend would show the name in the braces.
    """
    for path, text in texts(load(file)):
        assert text, path
        assert text == text.strip(), path
        assert not re.search(r"\[%key|<[a-zA-Z/]|https?://\w+\.\w|'[{}]", text), path


def test_links(file: Path, english: Strings) -> None:
    """Every link leads where it leads in English."""
    links = re.compile(r"\]\(([^)]*)\)")
    found = {path: links.findall(text) for path, text in texts(load(file))}
    assert found == {path: links.findall(text) for path, text in texts(english)}


def test_file_is_as_an_editor_leaves_it(file: Path) -> None:
    """A change to a text is a change to one line: the file is indented, in its own letters, and ends with a line."""
    text = file.read_text(encoding="utf-8")
    assert text == json.dumps(load(file), ensure_ascii=False, indent=2) + "\n"


def test_icons_follow_the_texts(english: Strings) -> None:
    """Every icon is of a state, an action or a section of one that has words."""
    icons: dict[str, Any] = load(INTEGRATION / "icons.json")
    for platform, entities in icons["entity"].items():
        for key, icon in entities.items():
            assert icon.get("state", {}).keys() <= english["entity"][platform][key].get("state", {}).keys(), key
    for name, icon in icons["services"].items():
        assert icon.get("sections", {}).keys() <= english["services"][name].get("sections", {}).keys(), name
