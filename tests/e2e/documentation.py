"""Chapter `documentation`: the README's first steps, followed literally, and every path through Home Assistant.

Each label of a path must be on the page that the last one opens.
"""

import json
from typing import Final

import hass_frontend

from tests.support.processes import LOCALHOST

from .audio import assert_spoken_in_file
from .browser_page import BrowserPage, open_browser
from .context import Context
from .entities import wait_for_new_entity
from .instructions import Action, Label, find_first_steps, find_paths, split_path
from .player_programs import Mpd, run_mpd
from .report import Report
from .screenshots import Screenshots

_ONLINE_PAGE: Final = "Marketplace"
"""Page whose content comes from the internet, so that the labels on it are only looked up in the frontend's texts."""
_SERVICE: Final = "OpenAI"
_MESSAGE: Final = "The washing machine has finished, and the tea is ready."


async def run_documentation(context: Context, report: Report) -> None:
    """Follow the README and the paths in all documents."""
    async with open_browser(context) as page, run_mpd(context.programs, context.folder) as mpd:
        report.on_failure = Screenshots(page, updates_readme=False, folder=context.folder).take_failure
        async with report.step("a player is added"):
            adding = context.api.add_entry("mpd", {"host": LOCALHOST, "port": mpd.port})
            speaker = await wait_for_new_entity(context.api, "media_player", adding)
        async with report.step("the README's steps lead to a first sentence that is heard on a player"):
            await _Reader(context, page, await _name(context, speaker)).follow(mpd)
        for path, file in find_paths().items():
            async with report.step(f"{file}: {path}"):
                await _walk(page, path)


async def _name(context: Context, entity_id: str) -> str:
    return str((await context.api.attributes(entity_id))["friendly_name"])


class _Reader:
    """Follows the README's steps as a new user who has an OpenAI account and a speaker."""

    def __init__(self, context: Context, page: BrowserPage, speaker: str) -> None:
        """Initialize a reader with the name of the speaker."""
        self._context = context
        self._page = page
        self._speaker = speaker

    async def follow(self, mpd: Mpd) -> None:
        """Follow the steps, and listen to the speaker."""
        for label in find_first_steps():
            await self._follow(label)
        await mpd.play_to_end()
        await assert_spoken_in_file(mpd.recording, _MESSAGE)

    async def _follow(self, label: Label) -> None:
        """Do what an instruction says about a label."""
        page = self._page
        match label.action:
            case Action.WALK:
                await _walk(page, label.text)
            case Action.SEARCH:
                await page.search(label.text)
                await page.choose_result(label.text)
            case Action.ENTER_KEY:
                await page.click(page.field(label.text))
                await page.paste(self._context.simulator.api_key or "")
            case Action.ENTER_MESSAGE:
                row = page.playwright.locator("ha-settings-row").filter(
                    has=page.playwright.get_by_text(label.text, exact=True)
                )
                await page.click(row.get_by_role("textbox").last)
                await page.type(_MESSAGE)
            case Action.SELECT_SERVICE:
                await page.click(page.text(_SERVICE))
                await page.click(page.button(label.text))
            case Action.CLICK:
                for alternative in label.alternatives:
                    await page.text(alternative).wait_for()
                await page.click(page.label(label.text))
                if label.text == "Add target":
                    await page.search(self._speaker)
                    await page.choose_first_result()


async def _walk(page: BrowserPage, path: str) -> None:
    """Click the labels of a path, one after the other, from the start page."""
    await page.open("/")
    labels = split_path(path)
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
