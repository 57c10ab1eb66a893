"""Chapter `import`: from a voice of OpenAI TTS to an Orator voice under its entity ID, and back, in a real browser."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
import json
from pathlib import Path
from typing import Final

from .audio import assert_spoken_in_file, download
from .browser_page import BrowserPage, open_browser
from .context import Context
from .entities import wait_for_new_entity
from .report import Report, print_progress
from .screenshots import Screenshots

_TRANSLATIONS: Final = Path(__file__).parents[2] / "custom_components" / "orator" / "translations" / "en.json"
_FORM: Final = json.loads(_TRANSLATIONS.read_text())["config"]["step"]["import_accounts"]
_INTEGRATION_PAGE: Final = "/config/integrations/integration/orator"
_DASHBOARD: Final = "/config/integrations/dashboard"
_OPENAI_URL: Final = "https://api.openai.com/v1/audio/speech"
_VOICE: Final = "tts.openai_tts_kitchen"
_MAX_CLICKS: Final = 4
_SENTENCE_BEFORE: Final = "The old voice says that the soup is hot."
_SENTENCE_AFTER: Final = "The new voice says that the bread is fresh."
_SENTENCE_UNDONE: Final = "The old voice says that the cake is gone."


@dataclass(frozen=True, slots=True)
class Session:
    """The page and the environment of the chapter."""

    context: Context
    page: BrowserPage
    screenshots: Screenshots


async def run_import(context: Context, report: Report) -> None:
    """Import a voice of another integration, and undo it."""
    async with report.step("another integration has a voice, which speaks"):
        added = context.api.add_entry(
            "openai_tts",
            {
                "url": _OPENAI_URL,
                "api_key": context.simulator.api_key,
                "profile_name": "Kitchen",
                "model": "gpt-4o-mini-tts",
                "voice": "nova",
            },
        )
        assert await wait_for_new_entity(context.api, "tts", added) == _VOICE
        await _assert_speaks(context, _SENTENCE_BEFORE)
    async with open_browser(context) as page:
        session = Session(context, page, Screenshots(page, context.updates_screenshots, context.folder))
        report.on_failure = session.screenshots.take_failure
        for name, step in _STEPS.items():
            async with report.step(name):
                await step(session)
    async with report.step("both integrations are removed"):
        for domain in ("orator", "openai_tts"):
            for entry in await context.api.get(f"/api/config/config_entries/entry?domain={domain}"):
                if entry["title"].startswith("OpenAI"):
                    await context.api.delete(f"/api/config/config_entries/entry/{entry['entry_id']}")


async def _import(session: Session) -> None:
    """Import the voice with as few clicks as possible."""
    page = session.page
    await page.open(_DASHBOARD)
    page.clicks = page.pastes = 0
    await page.click(page.text("Add integration"))
    await page.playwright.get_by_placeholder("Search for a brand name").wait_for()
    await page.type("Orator")
    await page.text("Orator").wait_for()
    await page.press_enter()
    await page.text("Import from another integration").wait_for()
    await page.click(page.text("Import from another integration"))
    await page.text(_FORM["data"]["take_over"]).wait_for()
    await session.screenshots.take("7-see-what-is-imported")
    await page.click(page.button("Submit"))
    await page.text("Orator imported these voices: Kitchen.").wait_for()
    await page.close_dialog()
    print_progress(f"the import took {page.clicks} clicks")
    assert page.clicks <= _MAX_CLICKS, f"{page.clicks} clicks"


async def _speak_with_new_voice(session: Session) -> None:
    """Speak under the old entity ID, with Orator."""
    assert await _platform(session.context) == "orator"
    await _assert_speaks(session.context, _SENTENCE_AFTER)


async def _undo(session: Session) -> None:
    """Undo the import in the account's menu, and speak with the old voice."""
    page = session.page
    await page.open(_INTEGRATION_PAGE)
    row = page.playwright.locator("ha-config-entry-row").filter(has_text="OpenAI")
    await page.click(row.get_by_role("button", name="Configure").first)
    await page.click(page.text("Undo the import"))
    await page.text(_VOICE).wait_for()
    await session.screenshots.take("8-undo-the-import")
    await page.click(page.button("Submit"))
    await page.text("The import was undone. The previous voices have their entity IDs back.").wait_for()
    await page.close_dialog()


async def _speak_with_old_voice(session: Session) -> None:
    """Speak under the old entity ID, with the old integration."""
    assert await _platform(session.context) == "openai_tts"
    await _assert_speaks(session.context, _SENTENCE_UNDONE)


_STEPS: Final[Mapping[str, Callable[[Session], Awaitable[None]]]] = {
    "the voice is imported with at most four clicks": _import,
    "Orator's voice speaks under the old entity ID": _speak_with_new_voice,
    "the import is undone": _undo,
    "the old voice speaks again": _speak_with_old_voice,
}


async def _platform(context: Context) -> str:
    """Return the integration that the entity ID belongs to."""
    async with context.websocket() as websocket:
        return str((await websocket.send("config/entity_registry/get", entity_id=_VOICE))["platform"])


async def _assert_speaks(context: Context, text: str) -> None:
    """Assert that the entity speaks exactly a text."""
    response = await context.api.post("/api/tts_get_url", {"engine_id": _VOICE, "message": text})
    await assert_spoken_in_file(await download(context, response["url"]), text)
