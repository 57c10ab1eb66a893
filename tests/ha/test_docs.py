"""The documentation says what the code says, leaves no message unexplained, and its links lead somewhere."""

from collections import Counter
from collections.abc import Iterator
import json
from pathlib import Path
import re
import subprocess
import sys
from typing import Any
from urllib.parse import quote, unquote

from homeassistant.components.tts import async_get_media_source_audio, get_engine_instance
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import parse_yaml
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_mock_service

from custom_components.orator.providers import PROVIDERS

from ..simulator import Simulator
from ..support.listening import account_of, spoken
from ..support.sounds import RATE, decode
from ..support.words import assert_spoken

ROOT = Path(__file__).parents[2]
REPOSITORY = "https://github.com/orator-tts/orator"
FILES_ON_GITHUB = (f"{REPOSITORY}/blob/main/", "https://raw.githubusercontent.com/orator-tts/orator/main/")
PAGES = sorted(path for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / ".github").rglob("*.md")))


def prose(path: Path) -> str:
    """Return a page without its code."""
    return re.sub(r"^```.*?^```$|`[^`\n]*`", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(path: Path) -> set[str]:
    """Return what GitHub calls the headings of a page: repeated ones are numbered."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    seen: Counter[str] = Counter()
    found: set[str] = set()
    for heading in re.findall(r"^#+ +(.*)$", text, re.MULTILINE):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)|[`*]", lambda link: link[1] or "", heading).strip().lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def links(path: Path) -> Iterator[str]:
    """Yield where a page links to."""
    text = prose(path)
    yield from re.findall(r"\]\(<?([^)>\s]+)>?(?: \"[^\"]*\")?\)", text)
    yield from re.findall(r"(?:src|href|srcset)=\"([^\"]+)\"", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Files and headings of this repository that a page links to exist, also where it names them by their address."""
    for link in links(page):
        local = next((link.removeprefix(start) for start in FILES_ON_GITHUB if link.startswith(start)), None)
        if local is None and re.match(r"\w+:", link):
            assert link.startswith(("https://", "http://homeassistant.local")), link
            continue
        target, _, anchor = (local or link).partition("#")
        path = (ROOT if local else page.parent) / unquote(target) if target else page
        assert path.exists(), f"{page.name} links to {link}"
        assert path.resolve().is_relative_to(ROOT)
        assert not anchor or anchor in anchors(path), f"{page.name} links to {link}"


def test_pages_are_found() -> None:
    """Whoever follows links from the README comes to every page of the documentation."""
    found, ahead = set[Path](), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page not in found:
            found.add(page)
            targets = [link.partition("#")[0] for link in links(page)]
            ahead += [
                (page.parent / target).resolve() for target in targets if target.endswith(".md") and ":" not in target
            ]
    assert set((ROOT / "docs").rglob("*.md")) <= found


def test_readme_shows_outside_github() -> None:
    """The Marketplace (HACS) drops images whose address is relative."""
    images = re.findall(r"!\[[^]]*\]\(([^)]+)\)|<img[^>]*src=\"([^\"]+)\"", (ROOT / "README.md").read_text())
    assert all((markdown or html).startswith("https://") for markdown, html in images)


def test_tables_are_what_the_code_says() -> None:
    """`script/docs` would change nothing."""
    checked = subprocess.run(
        [sys.executable, "script/lib/write_docs.py", "--check"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_messages_are_explained() -> None:
    """Everything that tells people what is wrong is in the page that tells them what to do, once and with words."""
    english = json.loads((ROOT / "custom_components/orator/translations/en.json").read_text())
    flows = [english["config"], *english["config_subentries"].values()]
    told = {name for flow in flows for kind in ("error", "abort") for name in flow.get(kind, {})}
    told |= english["exceptions"].keys() | english["issues"].keys()
    page = (ROOT / "docs/troubleshooting.md").read_text()
    explained = re.findall(r"<!-- made by script/docs: texts ([^>]*) -->.*?<!-- end -->\n\n([^#<\n])", page, re.DOTALL)
    names = Counter(name for names, _ in explained for name in names.split())
    told = {name for name in told if not name.endswith("_successful")}
    assert told - names.keys() == set(), "not explained in docs/troubleshooting.md"
    assert names.keys() - told == set(), "explained, but nobody is told so any more"
    assert names.total() == len(names)


@pytest.fixture(params=sorted(PROVIDERS))
def entry(simulator: Simulator, request: pytest.FixtureRequest) -> MockConfigEntry:
    """Describe an account at each service."""
    return account_of(simulator, request.param, {"model": "tts-1", "voice": "nova"})


@pytest.mark.usefixtures("account")
def test_options_are_told(hass: HomeAssistant) -> None:
    """Every option that a voice takes is in the table of options; what receivers wish for is Home Assistant's."""
    told = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/announcements.md").read_text(), re.MULTILINE))
    voice = get_engine_instance(hass, "tts.ann")
    assert voice is not None
    own = {key for key in voice.supported_options or () if not key.startswith("preferred_")}
    assert own - {"chime_revision"} <= told  # nobody sets that one


def test_blueprints_are_listed() -> None:
    """Every blueprint is where people look for them, by its name, and can be taken with one click."""
    readme, actions = (ROOT / "README.md").read_text(), (ROOT / "docs/actions.md").read_text()
    blueprints = sorted((ROOT / "blueprints").rglob("*.yaml"))
    assert blueprints
    for path in blueprints:
        where = str(path.relative_to(ROOT))
        name = re.search(r"^  name: \"?(.*?)\"?$", path.read_text(), re.MULTILINE)
        assert name
        assert f"| [{name[1]}](../{where}) |" in actions
        address = f"{REPOSITORY}/blob/main/{where}"
        assert f"- [{name[1]}](https://my.home-assistant.io/redirect/blueprint_import/?blueprint_url=" in readme
        assert f"blueprint_url={quote(address, safe='')})" in readme
        assert f"`{address}`" in readme


def example(action: str) -> dict[str, Any]:
    """Return the example of an action."""
    blocks = re.findall(r"^```yaml\n(.*?)^```$", (ROOT / "docs/actions.md").read_text(), re.MULTILINE | re.DOTALL)
    (found,) = [block for block in blocks if f"action: orator.{action}" in block]
    parsed: dict[str, Any] = parse_yaml(found)
    return parsed


async def test_examples_of_actions_work(hass: HomeAssistant, simulator: Simulator) -> None:
    """Home Assistant runs them as they are written, and what is played is what they say."""
    simulator.tongue = "tones"
    account = account_of(simulator, "openai", {"model": "tts-1", "voice": "coral"}, "OpenAI Coral")
    for component in ("homeassistant", "media_source"):
        assert await async_setup_component(hass, component, {})
    account.add_to_hass(hass)
    assert await hass.config_entries.async_setup(account.entry_id)
    await hass.async_block_till_done()
    played = async_mock_service(hass, "media_player", "play_media")
    announced = {"announce": {"sequence": example("synthesize")["actions"]}}
    assert await async_setup_component(hass, "script", {"script": announced})
    await hass.services.async_call("script", "announce", blocking=True)
    (call,) = played
    assert call.data["entity_id"] == ["media_player.kitchen"]
    _, sound = await async_get_media_source_audio(hass, call.data["media_content_id"])
    assert_spoken((await decode(sound)).samples, RATE, "The washing machine is done.")
    prepared = {"id": "night", "alias": "Night", **example("prepare")}
    assert await async_setup_component(hass, "automation", {"automation": [prepared]})
    await hass.services.async_call("automation", "trigger", {"entity_id": "automation.night"}, blocking=True)
    await hass.async_block_till_done(wait_background_tasks=True)
    await hass.services.async_call("automation", "turn_off", {"entity_id": "automation.night"}, blocking=True)
    asked_for = {body["input"] for body in spoken(simulator)}
    assert asked_for == {"The washing machine is done.", *prepared["actions"][0]["data"]["messages"]}
