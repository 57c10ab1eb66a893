"""Chapter `browser`: setting up, using and maintaining an account and its voices in a real browser."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
import json
from typing import Any, Final

from custom_components.orator.sample_sentences import SAMPLE_SENTENCES

from .audio import assert_spoken_in_file, download
from .browser_page import BrowserPage, open_browser
from .context import Context
from .report import Report, print_progress
from .screenshots import Screenshots

_INTEGRATION_PAGE: Final = "/config/integrations/integration/orator"
_WRONG_KEY: Final = "sk-wrong-key"
_INVALID_KEY: Final = "NanoGPT rejected this API key. Copy it again, or create a new one."
_NEW_KEY: Final = "sk-simulated-key-that-opens-nothing-0002"
_PREVIEW_SENTENCE: Final = SAMPLE_SENTENCES["en"].sentence
_MAX_CLICKS: Final = 7
_MAX_PASTES: Final = 1
_SENTENCE: Final = "The kettle has boiled, and the tea is ready."
_SENTENCE_WITH_NEW_KEY: Final = "The key is new, and so is the voice."
_SECOND_VOICE: Final = "Butler"
_DURATION_TOLERANCE_S: Final = 0.3


@dataclass(frozen=True, slots=True)
class Session:
    """The page and the environment of the chapter."""

    context: Context
    page: BrowserPage
    screenshots: Screenshots


async def run_browser(context: Context, report: Report) -> None:
    """Set up, use and maintain an account and its voices."""
    async with open_browser(context) as page:
        session = Session(context, page, Screenshots(page, context.updates_screenshots, context.folder))
        report.on_failure = session.screenshots.take_failure
        for name, step in _STEPS.items():
            async with report.step(name):
                await step(session)


async def _enter_wrong_key(session: Session) -> None:
    """Follow the link of the README, and enter a wrong key."""
    page = session.page
    await page.open("/_my_redirect/config_flow_start?domain=orator")
    await page.click(page.button("OK"))
    await page.click(page.text("Cloud service"))
    await page.text("Choose a cloud service").wait_for()
    await page.click(page.button("Submit"))
    await page.click(page.field("API key"))
    await page.paste(_WRONG_KEY)
    await page.click(page.button("Submit"))
    await page.text(_INVALID_KEY).wait_for()


async def _play_preview(session: Session) -> None:
    """Add an account and play the preview of its first voice, with as few clicks as possible."""
    page = session.page
    await page.open("/")
    page.clicks = page.pastes = 0
    await page.click(page.text("Settings"))
    await page.click(page.text("Devices & services"))
    await page.click(page.text("Add integration"))
    await page.playwright.get_by_placeholder("Search for a brand name").wait_for()
    await page.type("Orator")
    await page.text("Orator").wait_for()
    await page.press_enter()
    await page.click(page.text("Cloud service"))
    await page.text("Choose a cloud service").wait_for()
    await session.screenshots.take("1-choose-the-service")
    await page.click(page.button("Submit"))
    await page.text("Add your NanoGPT account").wait_for()
    await session.screenshots.take("2-paste-the-key")
    await page.click(page.field("API key"))
    await page.paste(session.context.simulator.api_key or "")
    await page.press_enter()
    await page.text("Orator created your first voice. Listen to it (costs less than $0.01):").wait_for()
    await session.screenshots.take("3-hear-the-first-voice")
    await page.play(page.playwright.get_by_role("figure", name="NanoGPT Coral").locator("audio"))
    await _assert_played(session, _PREVIEW_SENTENCE)
    print_progress(f"the preview took {page.clicks} clicks and {page.pastes} paste")
    assert page.clicks <= _MAX_CLICKS, f"{page.clicks} clicks"
    assert page.pastes <= _MAX_PASTES, f"{page.pastes} pastes"
    await page.close_dialog()


async def _add_voice(session: Session) -> None:
    """Add a voice with a name and instructions, and listen to it."""
    page = session.page
    await page.open(_INTEGRATION_PAGE)
    await page.click(page.button("Add voice"))
    await page.text("Add a voice").wait_for()
    await page.click(page.button("Next"))
    await page.text("Voice settings").wait_for()
    await page.field("Name").fill(_SECOND_VOICE)
    await page.field("Instructions").fill("Calm and friendly, like a butler.")
    await session.screenshots.take("4-add-more-voices")
    await page.click(page.button("Submit"))
    await page.text("The voice is ready. Listen to it (costs less than $0.01):").wait_for()
    await page.play(page.playwright.locator("ha-markdown audio"))
    await _assert_played(session, _PREVIEW_SENTENCE)
    await page.close_dialog()
    await page.text(_SECOND_VOICE).wait_for()


async def _speak_with_voice(session: Session) -> None:
    """Speak with the new voice in the media browser."""
    await _speak(session, _SECOND_VOICE, _SENTENCE)
    await _assert_played(session, _SENTENCE)


async def _change_voice(session: Session) -> None:
    """Change the voice to another of the model."""
    page = session.page
    await page.open(_INTEGRATION_PAGE)
    await page.text(_SECOND_VOICE).wait_for()
    await page.click(page.button("Reconfigure voice"))
    await page.text(f"Reconfigure {_SECOND_VOICE}").wait_for()
    await page.click(page.button("Next"))
    await page.text("Voice settings").wait_for()
    await page.select("Voice", current="Coral", option="Ash")
    await page.click(page.button("Submit"))
    await page.text("The voice was updated. Listen to it (costs less than $0.01):").wait_for()
    await page.close_dialog()
    subentries = (await _download_diagnostics(session))["voices"]
    assert {"Butler": "ash"}.items() <= {one["title"]: one["data"]["voice"] for one in subentries}.items(), subentries


async def _expire_key(session: Session) -> None:
    """Make the provider refuse the key, and speak."""
    page = session.page
    session.context.simulator.api_key = _NEW_KEY
    await _speak(session, _SECOND_VOICE, "This is not heard.")
    await page.playwright.wait_for_function("window.audioEvents.some(event => event.event === 'error')")
    await page.open(_INTEGRATION_PAGE)
    await page.text("Attention required").wait_for()


async def _reauthenticate(session: Session) -> None:
    """Enter a wrong key, then the new one."""
    page = session.page
    await page.click(page.text("Reconfigure"))
    await page.text("Enter a new API key for NanoGPT").wait_for()
    await page.field("API key").fill(_WRONG_KEY)
    await page.click(page.button("Submit"))
    await page.text(_INVALID_KEY).wait_for()
    await page.field("API key").fill(_NEW_KEY)
    await page.click(page.button("Submit"))
    await page.text("Re-authentication was successful").wait_for()
    await page.close_dialog()


async def _speak_with_new_key(session: Session) -> None:
    """Speak with the changed voice and the new key."""
    await _speak(session, _SECOND_VOICE, _SENTENCE_WITH_NEW_KEY)
    await _assert_played(session, _SENTENCE_WITH_NEW_KEY)


async def _play_media_browser_preview(session: Session) -> None:
    """Play the preview of a voice that has not been added."""
    page = session.page
    await page.open("/media-browser/browser")
    for place in ("Orator", "NanoGPT", "GPT-4o mini TTS"):
        await page.click(page.text(place))
    await page.text("Sage").wait_for()
    await session.screenshots.take("5-listen-before-choosing")
    await page.click(page.text("Sage"))
    await page.playwright.get_by_placeholder("Filter Sage").fill("Deutsch")
    await page.click(page.text("Deutsch"))
    await _assert_played(session, SAMPLE_SENTENCES["de"].sentence)


async def _view_usage(session: Session) -> None:
    """View usage and balance on the device page."""
    page = session.page
    await page.open(_INTEGRATION_PAGE)
    await page.click(page.playwright.locator("ha-config-entry-device-row").get_by_text("NanoGPT", exact=True).first)
    await page.text("Characters today").wait_for()
    await page.text("Balance").wait_for()
    await session.screenshots.take("6-see-what-it-costs")


async def _check_diagnostics(session: Session) -> None:
    """Search the diagnostics for secrets."""
    diagnostics = await _download_diagnostics(session)
    assert {"account", "voices"} <= diagnostics.keys(), diagnostics.keys()
    text = json.dumps(diagnostics)
    for secret in (session.context.simulator.api_key or "", _WRONG_KEY, _SENTENCE, _SENTENCE_WITH_NEW_KEY, "butler."):
        assert secret not in text, f"{secret!r} is in the diagnostics"


_STEPS: Final[Mapping[str, Callable[[Session], Awaitable[None]]]] = {
    "a wrong key is refused with a helpful message": _enter_wrong_key,
    "the preview is heard after at most seven clicks and one paste": _play_preview,
    "a second voice is added": _add_voice,
    "the voice speaks a message completely in the browser": _speak_with_voice,
    "the voice is changed to another of the model": _change_voice,
    "a refused key leads to silence and a message in Home Assistant": _expire_key,
    "a new key is requested; a wrong one is refused, the right one accepted": _reauthenticate,
    "the changed voice speaks with the new key": _speak_with_new_key,
    "the preview of another voice, in another language, is heard in the media browser": _play_media_browser_preview,
    "the device page shows usage and balance": _view_usage,
    "diagnostics contain no key and no message": _check_diagnostics,
}


async def _speak(session: Session, voice: str, text: str) -> None:
    """Speak a message with a voice in Home Assistant's media browser."""
    page = session.page
    await page.open("/media-browser/browser")
    await page.click(page.text("Text-to-speech"))
    await page.click(page.text(voice))
    message = page.playwright.locator("ha-textarea").get_by_role("textbox")
    await message.fill(text)
    await page.click(page.button("Say"))


async def _assert_played(session: Session, text: str) -> None:
    """Assert that the browser played exactly a text."""
    played = await session.page.wait_for_audio()
    audio = await assert_spoken_in_file(await download(session.context, played.url), text)
    assert abs(audio.duration - played.duration) < _DURATION_TOLERANCE_S, (
        f"{played.duration} s of {audio.duration} s were played"
    )


async def _download_diagnostics(session: Session) -> dict[str, Any]:
    """Download the diagnostics of an account, and return Orator's part."""
    page = session.page
    await page.open(_INTEGRATION_PAGE)
    menu = page.playwright.locator("ha-config-entry-row").get_by_role("button", name="Menu").first
    await page.click(menu)
    async with page.playwright.expect_download() as download_info:
        await page.click(page.text("Download diagnostics"))
    file = session.context.folder / "diagnostics.json"
    await (await download_info.value).save_as(file)
    diagnostics: dict[str, Any] = json.loads(await asyncio.to_thread(file.read_text))
    return dict(diagnostics["data"])
