"""Tests of the translations: all languages have the same keys, placeholders and links."""

import json
from pathlib import Path
import re
from typing import Any

import pytest

from tests.support.repository import INTEGRATION, LANGUAGES, ROOT, TRANSLATIONS, Strings, load_json, walk_texts

RULED_OUT = re.compile(
    r"\b(?:somebody|whoever|swallow|stands? in|by itself|is told|speaks? for|developer tools|mend|simply|easily)\b",
    re.IGNORECASE,
)
"""Phrases that are not plain English, or not the terms of Orator and Home Assistant."""


@pytest.fixture(scope="module")
def english() -> Strings:
    """Return the English texts."""
    return load_json(TRANSLATIONS / "en.json")


@pytest.fixture(params=LANGUAGES)
def file(request: pytest.FixtureRequest) -> Path:
    """Return the translation file of each language."""
    return TRANSLATIONS / f"{request.param}.json"


def get_paths(strings: Strings) -> list[tuple[str, ...]]:
    """Return the paths of all texts, in order."""
    return [path for path, _ in walk_texts(strings)]


def find_placeholders(strings: Strings) -> dict[tuple[str, ...], set[str]]:
    """Return the placeholders of each text."""
    return {path: set(re.findall(r"{(\w+)}", text)) for path, text in walk_texts(strings)}


def find_code_spans(strings: Strings) -> dict[tuple[str, ...], set[str]]:
    """Return the code spans of each text."""
    return {path: set(re.findall(r"`[^`]+`", text)) for path, text in walk_texts(strings)}


def test_plain_english(english: Strings) -> None:
    """English texts, actions and blueprints use the terms of Orator and Home Assistant."""
    texts = {"/".join(path): text for path, text in walk_texts(english)}
    texts |= {path.name: path.read_text() for path in (ROOT / "blueprints").rglob("*.yaml")}
    texts["services.yaml"] = (INTEGRATION / "services.yaml").read_text()
    assert {name: found[0] for name, text in texts.items() if (found := RULED_OUT.search(text))} == {}


def test_languages() -> None:
    """There is one file per language, and no other file."""
    assert sorted(path.name for path in TRANSLATIONS.iterdir()) == sorted(f"{language}.json" for language in LANGUAGES)


def test_same_texts(file: Path, english: Strings) -> None:
    """Every language has the same keys, in the same order."""
    assert get_paths(load_json(file)) == get_paths(english)


def test_same_placeholders(file: Path, english: Strings) -> None:
    """Each text has the same placeholders as in English, and no other braces."""
    strings = load_json(file)
    assert find_placeholders(strings) == find_placeholders(english)
    for path, text in walk_texts(strings):
        assert not re.search(r"[{}]", re.sub(r"{\w+}", "", text)), path


def test_same_literals(file: Path, english: Strings) -> None:
    """Code spans are not translated."""
    assert find_code_spans(load_json(file)) == find_code_spans(english)


def test_plain_texts(file: Path) -> None:
    """No text is empty, or has spaces around it, a reference that only core resolves, or HTML.

    No apostrophe stands next to a brace: Home Assistant's frontend would not replace that placeholder.
    """
    for path, text in walk_texts(load_json(file)):
        assert text, path
        assert text == text.strip(), path
        assert not re.search(r"\[%key|<[a-zA-Z/]|https?://\w+\.\w|'[{}]", text), path


def test_links(file: Path, english: Strings) -> None:
    """Links have the same targets as in English."""
    links = re.compile(r"\]\(([^)]*)\)")
    found = {path: links.findall(text) for path, text in walk_texts(load_json(file))}
    assert found == {path: links.findall(text) for path, text in walk_texts(english)}


def test_file_format(file: Path) -> None:
    """Files are indented by two spaces, not escaped, and end with a newline, so that diffs stay small."""
    text = file.read_text(encoding="utf-8")
    assert text == json.dumps(load_json(file), ensure_ascii=False, indent=2) + "\n"


def test_icons_have_texts(english: Strings) -> None:
    """Every icon is for a state or a section that has a text."""
    icons: dict[str, Any] = load_json(INTEGRATION / "icons.json")
    for platform, entities in icons["entity"].items():
        for key, icon in entities.items():
            assert icon.get("state", {}).keys() <= english["entity"][platform][key].get("state", {}).keys(), key
    for name, icon in icons["services"].items():
        assert icon.get("sections", {}).keys() <= english["services"][name].get("sections", {}).keys(), name
