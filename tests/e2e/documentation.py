"""Chapter `documentation`: the README's first steps, followed literally, and every path through Home Assistant.

A path is written as **Settings → Devices & services**. Each of its labels must be on the page that the last one opens.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
import json
from pathlib import Path
import re
from typing import Final

import hass_frontend

from tests.support.processes import LOCALHOST

from .audio import assert_spoken_in_file
from .browser_page import BrowserPage, open_browser
from .context import Context
from .entities import wait_for_new_entity
from .player_programs import Mpd, run_mpd
from .report import Report
from .screenshots import Screenshots

_ROOT: Final = Path(__file__).parents[2]
_README: Final = _ROOT / "README.md"
_BOLD: Final = re.compile(r"\*\*([^*]+)\*\*")
_STEP: Final = re.compile(r"^\*\*(\d)\. [^*]+\*\*(.*?)\n\n", re.DOTALL | re.MULTILINE)
_FOLLOWED_STEPS: Final = ("2", "3")
"""Steps of the README after the installation, which needs the internet."""
_ALTERNATIVE: Final = re.compile(r",?( or(, if [^,.]+,)?)? ")
"""What stands between labels of which a reader chooses one."""
_SEPARATOR: Final = " → "
_STARTS: Final = ("Media", "Settings")
"""Labels in Home Assistant's sidebar with which a path begins."""
_ONLINE_PAGE: Final = "Marketplace"
"""Page whose content comes from the internet, so that the labels on it are only looked up in the frontend's texts."""
_SERVICE: Final = "OpenAI"
_MESSAGE: Final = "The washing machine has finished, and the tea is ready."


@dataclass(frozen=True, slots=True)
class _Label:
    """A label in an instruction. before: the words before it; alternatives: labels of which it is the first."""

    text: str
    before: str
    alternatives: tuple[str, ...] = ()


async def run_documentation(context: Context, report: Report) -> None:
    """Follow the README and the paths in all documents."""
    async with open_browser(context) as page, run_mpd(context.programs, context.folder) as mpd:
        report.on_failure = Screenshots(page, updates_readme=False, folder=context.folder).take_failure
        async with report.step("a player is added"):
            adding = context.api.add_entry("mpd", {"host": LOCALHOST, "port": mpd.port})
            speaker = await wait_for_new_entity(context.api, "media_player", adding)
        async with report.step("the README's steps lead to a first sentence that is heard on a player"):
            await _Reader(context, page, await _name(context, speaker)).follow(mpd)
        for path, file in _find_paths().items():
            async with report.step(f"{file}: {path}"):
                await _walk(page, path)


async def _name(context: Context, entity_id: str) -> str:
    return str((await context.api.attributes(entity_id))["friendly_name"])


def _find_labels(instruction: str) -> list[_Label]:
    """Return the labels in bold, in order."""
    labels: list[_Label] = []
    end = 0
    for match in _BOLD.finditer(instruction := " ".join(instruction.split())):
        before, text = instruction[end : match.start()], match[1]
        end = match.end()
        if labels and _ALTERNATIVE.fullmatch(before):
            labels[-1] = replace(labels[-1], alternatives=(*labels[-1].alternatives, text))
        else:
            labels.append(_Label(text, before.rstrip()))
    return labels


class _Reader:
    """Follows the README's steps as a new user who has an OpenAI account and a speaker."""

    def __init__(self, context: Context, page: BrowserPage, speaker: str) -> None:
        """Initialize a reader with the name of the speaker."""
        self._context = context
        self._page = page
        self._speaker = speaker

    async def follow(self, mpd: Mpd) -> None:
        """Follow the steps, and listen to the speaker."""
        steps = dict(_STEP.findall(_README.read_text(encoding="utf-8")))
        for number in _FOLLOWED_STEPS:
            for label in _find_labels(steps[number]):
                await self._follow(label)
        await mpd.play_to_end()
        await assert_spoken_in_file(mpd.recording, _MESSAGE)

    async def _follow(self, label: _Label) -> None:
        """Do what an instruction says about a label."""
        page = self._page
        if _SEPARATOR in label.text:
            await _walk(page, label.text)
        elif label.before.endswith("search for"):
            await page.search(label.text)
            await page.choose_result(label.text)
        elif label.before.endswith("Enter your"):
            await page.click(page.field(label.text))
            await page.paste(self._context.simulator.api_key or "")
        elif label.before.endswith("enter a"):
            row = page.playwright.locator("ha-settings-row").filter(
                has=page.playwright.get_by_text(label.text, exact=True)
            )
            await page.click(row.get_by_role("textbox").last)
            await page.type(_MESSAGE)
        elif label.before.endswith("your service or server and choose"):
            await page.click(page.text(_SERVICE))
            await page.click(page.button(label.text))
        elif label.before.endswith("speaker under"):
            await page.text(label.text).wait_for()
            await page.click(page.text("Select an entity *"))
            await page.search(self._speaker)
            await page.choose_result(self._speaker)
        else:
            for alternative in label.alternatives:
                await page.text(alternative).wait_for()
            await page.click(page.label(label.text))
            if label.text == "Add target":
                await page.search(_SERVICE)
                await page.choose_first_result()


def _find_paths() -> Mapping[str, str]:
    """Return all paths through Home Assistant, each with a document that names it."""
    paths: dict[str, str] = {}
    for file in (_README, *sorted((_ROOT / "docs").rglob("*.md"))):
        for match in _BOLD.finditer(file.read_text(encoding="utf-8")):
            path = " ".join(match[1].split())
            if path.startswith(tuple(f"{start}{_SEPARATOR}" for start in _STARTS)):
                paths.setdefault(path, str(file.relative_to(_ROOT)))
    return paths


async def _walk(page: BrowserPage, path: str) -> None:
    """Click the labels of a path, one after the other, from the start page."""
    await page.open("/")
    labels = path.split(_SEPARATOR)
    for number, label in enumerate(labels):
        await page.click(page.label(label))
        if label == _ONLINE_PAGE:
            for later in labels[number + 1 :]:
                assert _is_text_of_frontend(later), f"Home Assistant has no text {later!r}"
            return


def _is_text_of_frontend(text: str) -> bool:
    """Return whether a text is one of the English texts of Home Assistant's frontend."""
    folder = hass_frontend.where() / "static" / "translations"
    return any(text in json.loads(file.read_text()).values() for file in folder.rglob("en-*.json"))
