"""Home Assistant's frontend in Debian's Chromium: clicking, pasting, and audio that the page plays."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
import json
from pathlib import Path
import re
from typing import Final

from playwright.async_api import Locator, Page, Position, ViewportSize, async_playwright

from .context import Context

_VIEWPORT: Final = ViewportSize(width=1000, height=680)
_SCALE_FACTOR: Final = 1.5  # pixels of a screenshot per CSS pixel
_TIMEOUT_S: Final = 20.0
_POLL_S: Final = 0.1
_TRANSITION_MS: Final = 600
_PLAY_BUTTON: Final = Position(x=28, y=27)  # position in Chromium's controls of an audio element
_FLAGS: Final = (
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_NEVER_MS: Final = 9_999_999_999_999  # since 1970; the page refreshes an access token that expires earlier

# Records events of all audio elements of a page, including those that its scripts create.
_AUDIO_RECORDER: Final = """
window.audioEvents = [];
const known = new WeakSet();
const watch = element => {
  if (known.has(element)) return element;
  known.add(element);
  for (const event of ["playing", "ended", "error"]) element.addEventListener(event, () =>
    window.audioEvents.push({event, url: element.currentSrc || element.src, at: element.currentTime,
      message: element.error ? element.error.message : ""}));
  return element;
};
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () { return play.call(watch(this)); };
const OriginalAudio = window.Audio;
window.Audio = function (url) { return watch(new OriginalAudio(url)); };
window.Audio.prototype = OriginalAudio.prototype;
const attach = Element.prototype.attachShadow;
Element.prototype.attachShadow = function (options) {
  const root = attach.call(this, options);
  root.addEventListener("play", event => watch(event.target), true); // does not leave the shadow root
  return root;
};
"""


@dataclass(frozen=True, slots=True)
class PlayedAudio:
    """Audio that an element played to its end. duration: seconds."""

    url: str
    duration: float


class BrowserPage:
    """A page of Home Assistant's frontend. clicks, pastes: how many there were."""

    def __init__(self, page: Page, url: str) -> None:
        """Control a Playwright page of the Home Assistant at a URL."""
        self.playwright = page
        self.clicks = 0
        self.pastes = 0
        self._url = url

    async def open(self, path: str) -> None:
        """Open a path."""
        await self.playwright.goto(self._url + path)

    def text(self, text: str) -> Locator:
        """Return the first visible element with a text."""
        return self.playwright.get_by_text(text, exact=True).locator("visible=true").first

    def button(self, name: str) -> Locator:
        """Return the first visible button with a name."""
        return self.playwright.get_by_role("button", name=name, exact=True).locator("visible=true").first

    def label(self, text: str) -> Locator:
        """Return the first visible button, link or other element with a text, as a reader finds it."""
        button = self.playwright.get_by_role("button", name=text, exact=True)
        return button.or_(self.playwright.get_by_text(text, exact=True)).locator("visible=true").first

    def field(self, name: str) -> Locator:
        """Return the text field with a label."""
        label = re.compile(rf"^{re.escape(name)}\s*\*?$")
        return self.playwright.get_by_role("textbox", name=label).locator("visible=true").first

    async def click(self, element: Locator) -> None:
        """Click an element once it is visible."""
        await element.click()
        self.clicks += 1

    async def play(self, player: Locator) -> None:
        """Click the play button of an audio element."""
        await player.click(position=_PLAY_BUTTON)
        self.clicks += 1

    async def paste(self, text: str) -> None:
        """Paste a text into the focused field."""
        await self.playwright.keyboard.insert_text(text)
        self.pastes += 1

    async def type(self, text: str) -> None:
        """Type a text into the focused field."""
        await self.playwright.keyboard.type(text)

    async def search(self, text: str) -> None:
        """Search the list that has just been opened."""
        box = self.playwright.get_by_placeholder(re.compile("^(Search|Search for a brand name|Filter .*)$"))
        await box.locator("visible=true").last.fill(text)

    async def choose_result(self, text: str) -> None:
        """Choose the result of a search with a text; the page below the list may have the same text."""
        await self.playwright.wait_for_timeout(_TRANSITION_MS)
        await self.click(self.playwright.get_by_text(text, exact=True).locator("visible=true").last)

    async def choose_first_result(self) -> None:
        """Choose the first result of a search."""
        await self.playwright.wait_for_timeout(_TRANSITION_MS)
        await self.playwright.keyboard.press("ArrowDown")
        await self.press_enter()

    async def press_enter(self) -> None:
        """Press Enter in the focused field."""
        await self.playwright.keyboard.press("Enter")

    async def close_dialog(self) -> None:
        """Close the dialog at the end of a flow."""
        names = re.compile("^(Finish|Skip and finish|Close|OK)$")
        button = self.playwright.get_by_role("button", name=names).locator("visible=true").last
        await self.click(button)
        await button.wait_for(state="hidden")
        await self.playwright.wait_for_timeout(_TRANSITION_MS)  # closing also navigates back

    async def select(self, label: str, current: str, option: str) -> None:
        """Select an option in a dropdown."""
        field = self.playwright.locator("ha-selector").filter(has_text=label).locator("visible=true").first
        await self.click(field.get_by_text(current, exact=True).first)
        await self.playwright.get_by_placeholder("Search | Add custom item").locator("visible=true").fill(option)
        await self.click(self.text(option))

    async def wait_for_audio(self) -> PlayedAudio:
        """Return the audio that was played since the last call, once it has ended."""
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                while True:
                    for event in await self.playwright.evaluate("window.audioEvents"):
                        if event["event"] == "error":
                            raise AssertionError(f"{event['url']} cannot be played: {event['message']}")
                        if event["event"] == "ended":
                            await self.playwright.evaluate("window.audioEvents = []")
                            return PlayedAudio(event["url"], event["at"])
                    await asyncio.sleep(_POLL_S)
        except TimeoutError as err:
            raise AssertionError(f"no audio was played to its end: {await self.audio_events()}") from err

    async def audio_events(self) -> list[str]:
        """Return the names of the events of audio elements."""
        return [event["event"] for event in await self.playwright.evaluate("window.audioEvents")]

    async def take_screenshot(self, file: Path) -> None:
        """Save a screenshot after transitions have ended."""
        await self.playwright.wait_for_timeout(_TRANSITION_MS)
        await self.playwright.screenshot(path=file)


@asynccontextmanager
async def open_browser(context: Context) -> AsyncGenerator[BrowserPage]:
    """Open a browser in which the owner is logged in."""
    tokens = {
        **context.tokens,
        "hassUrl": context.instance.url,
        "clientId": f"{context.instance.url}/",
        "expires": _NEVER_MS,
    }
    login = f"localStorage.setItem('hassTokens', {json.dumps(json.dumps(tokens))})"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=context.programs.find("chromium"), args=_FLAGS, env=dict(context.programs.environment)
        )
        try:
            browser_context = await browser.new_context(
                viewport=_VIEWPORT, device_scale_factor=_SCALE_FACTOR, color_scheme="light", locale="en-US"
            )
            browser_context.set_default_timeout(_TIMEOUT_S * 1000)
            await browser_context.add_init_script(login)
            await browser_context.add_init_script(_AUDIO_RECORDER)
            page = await browser_context.new_page()
            yield BrowserPage(page, context.instance.url)
        finally:
            await browser.close()
