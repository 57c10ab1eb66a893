"""Tests of the documentation: its links, its generated tables, and that every message and label can be found."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
import re
import subprocess
import sys
from urllib.parse import quote, unquote

import pytest

from tests.support.repository import ROOT, TRANSLATIONS, load_json, walk_texts

REPOSITORY = "https://github.com/orator-tts/orator"
FILES_ON_GITHUB = (f"{REPOSITORY}/blob/main/", "https://raw.githubusercontent.com/orator-tts/orator/main/")
PAGES = sorted(path for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / ".github").rglob("*.md")))
HOME_ASSISTANT_LABELS = {
    "Actions",
    "Configure",
    "Devices & services",
    "Disable debug logging",
    "Download diagnostics",
    "Enable debug logging",
    "Home Assistant URL",
    "Logs",
    "Media",
    "Network",
    "Orator",
    "Reload",
    "Repairs",
    "Settings",
    "System",
    "Text-to-speech",
    "Clear TTS cache",
    "Tools",
    "Voice",
    "Voice assistants",
}
"""Labels of Home Assistant 2026.11 that these pages name."""


def read_prose(path: Path) -> str:
    """Return the text of a page without code."""
    return re.sub(r"^```.*?^```$|`[^`\n]*`", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)


def find_anchors(path: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page; repeated ones are numbered."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    seen: Counter[str] = Counter()
    found: set[str] = set()
    for heading in re.findall(r"^#+ +(.*)$", text, re.MULTILINE):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)|[`*]", lambda link: link[1] or "", heading).strip().lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def find_links(path: Path) -> Iterator[str]:
    """Yield the targets of the links and images of a page."""
    text = read_prose(path)
    yield from re.findall(r"\]\(<?([^)>\s]+)>?(?: \"[^\"]*\")?\)", text)
    yield from re.findall(r"(?:src|href|srcset)=\"([^\"]+)\"", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links(page: Path) -> None:
    """Linked files and headings of this repository exist, whether the link is relative or a GitHub URL."""
    for link in find_links(page):
        local = next((link.removeprefix(start) for start in FILES_ON_GITHUB if link.startswith(start)), None)
        if local is None and re.match(r"\w+:", link):
            assert link.startswith(("https://", "http://homeassistant.local")), link
            continue
        target, _, anchor = (local or link).partition("#")
        path = (ROOT if local else page.parent) / unquote(target) if target else page
        assert path.exists(), f"{page.name} links to {link}"
        assert path.resolve().is_relative_to(ROOT)
        assert not anchor or anchor in find_anchors(path), f"{page.name} links to {link}"


def test_pages_are_linked() -> None:
    """Every page of the documentation can be reached from the README."""
    found, queue = set[Path](), [ROOT / "README.md"]
    while queue:
        page = queue.pop()
        if page not in found:
            found.add(page)
            targets = [link.partition("#")[0] for link in find_links(page)]
            queue += [
                (page.parent / target).resolve() for target in targets if target.endswith(".md") and ":" not in target
            ]
    assert set((ROOT / "docs").rglob("*.md")) <= found


def test_readme_images() -> None:
    """Images have absolute URLs: the Marketplace (HACS) drops relative ones."""
    images = re.findall(r"!\[[^]]*\]\(([^)]+)\)|<img[^>]*src=\"([^\"]+)\"", (ROOT / "README.md").read_text())
    assert all((markdown or html).startswith("https://") for markdown, html in images)


def test_readme_names_the_account_form() -> None:
    """The README names every option of the first form."""
    english = load_json(TRANSLATIONS / "en.json")
    readme = " ".join((ROOT / "README.md").read_text().split())
    assert all(f"**{option}**" in readme for option in english["config"]["step"]["user"]["menu_options"].values())


def test_sensors_are_described() -> None:
    """The page about costs names every sensor and attribute, and every state of the connection."""
    sensors = load_json(TRANSLATIONS / "en.json")["entity"]["sensor"]
    page = " ".join((ROOT / "docs/costs.md").read_text().split())
    texts = [sensor["name"] for sensor in sensors.values()]
    texts += [
        attribute["name"] for sensor in sensors.values() for attribute in sensor.get("state_attributes", {}).values()
    ]
    assert [text for text in (*texts, *sensors["connection"]["state"].values()) if text not in page] == []


def test_readme_commands() -> None:
    """The README names the command that runs all checks, and every command that it names exists."""
    commands = set(re.findall(r"\bscript/[\w-]+", (ROOT / "README.md").read_text()))
    assert "script/test" in commands
    assert all((ROOT / command).is_file() for command in commands)


def test_generated_tables() -> None:
    """The generated tables are up to date."""
    result = subprocess.run(
        [sys.executable, "script/lib/write_docs.py", "--check"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_messages_can_be_found() -> None:
    """The troubleshooting page has the longest part between the placeholders of every error and issue."""
    english = load_json(TRANSLATIONS / "en.json")
    page = (ROOT / "docs/troubleshooting.md").read_text()
    messages = [text for path, text in walk_texts(english) if is_message(path)]
    assert len(messages) > len(english["exceptions"]) + len(english["issues"]) + len(english["config"]["error"])
    for message in messages:
        longest = max(re.split(r"{\w+}", message), key=len)
        assert longest.strip() in page, f"docs/troubleshooting.md lacks {message!r}"


def is_message(path: tuple[str, ...]) -> bool:
    """Return whether a text of the translations is an error, a reason for which a form closes, or an issue's title."""
    match path:
        case ("exceptions", _, "message") | ("issues", _, "title") | (*_, "error", _):
            return True
        case (*_, "abort", name):
            return not name.endswith("_successful")
    return False


@pytest.mark.parametrize("page", ["faults", "limits", "troubleshooting"])
def test_labels_exist(page: str) -> None:
    """Labels in bold, which end without punctuation, are those of Orator's forms and sensors, or of Home Assistant."""
    texts = [text for _, text in walk_texts(load_json(TRANSLATIONS / "en.json"))]
    labels = {re.sub(r" \([^)]*\)$", "", text) for text in texts} | HOME_ASSISTANT_LABELS
    text = re.sub(r"\s+", " ", (ROOT / f"docs/{page}.md").read_text())
    for label in re.findall(r"\*\*(.+?)\*\*", text):
        if not label.endswith((".", ":")):  # otherwise it is the cause of a problem
            assert set(label.split(" → ")) <= labels, f"docs/{page}.md names {label!r}"


def test_blueprints_are_listed() -> None:
    """The README and the page about actions list every blueprint, the README with a button that imports it."""
    readme, actions = (ROOT / "README.md").read_text(), (ROOT / "docs/actions.md").read_text()
    blueprints = sorted((ROOT / "blueprints").rglob("*.yaml"))
    assert blueprints
    for path in blueprints:
        file = str(path.relative_to(ROOT))
        name = re.search(r"^  name: \"?(.*?)\"?$", path.read_text(), re.MULTILINE)
        assert name
        assert f"| [{name[1]}](../{file}) |" in actions
        address = quote(f"{REPOSITORY}/blob/main/{file}", safe="")
        assert f"| [{name[1]}]({file}) |" in readme
        assert f"https://my.home-assistant.io/redirect/blueprint_import/?blueprint_url={address})" in readme
