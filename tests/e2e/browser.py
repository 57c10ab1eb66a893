"""A visitor of Home Assistant's web page: Debian's Chromium, and somebody who clicks, pastes and listens."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
import json
from pathlib import Path
import re
from typing import Final

from playwright.async_api import Locator, Page, Position, ViewportSize, async_playwright

from .stage import Stage

_SIZE: Final = ViewportSize(width=1000, height=680)
_SHARPNESS: Final = 1.5  # pixels of a picture per pixel of the page
_PATIENCE: Final = 20.0  # seconds
_POLL: Final = 0.1
_SETTLING: Final = 600  # milliseconds that the page's transitions take
_PLAY_BUTTON: Final = Position(x=28, y=27)  # in Chromium's own controls of an audio element
_FLAGS: Final = (
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_NEVER: Final = 9_999_999_999_999  # milliseconds since 1970; the page would renew its log-in before

# Everything that sounds on a page, whoever made the element, tells what becomes of it.
_EARS: Final = """
window.oratorHeard = [];
const ears = new WeakSet();
const listen = element => {
  if (ears.has(element)) return element;
  ears.add(element);
  for (const event of ["playing", "ended", "error"]) element.addEventListener(event, () =>
    window.oratorHeard.push({event, url: element.currentSrc || element.src, at: element.currentTime,
      message: element.error ? element.error.message : ""}));
  return element;
};
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () { return play.call(listen(this)); };
const Plain = window.Audio;
window.Audio = function (url) { return listen(new Plain(url)); };
window.Audio.prototype = Plain.prototype;
const attach = Element.prototype.attachShadow;
Element.prototype.attachShadow = function (options) {
  const root = attach.call(this, options);
  root.addEventListener("play", event => listen(event.target), true); // it is not told outside of the root
  return root;
};
"""


@dataclass(frozen=True, slots=True)
class Played:
    """What an audio element has played to its end. duration: seconds."""

    url: str
    duration: float


class Visitor:
    """Somebody at the page. clicks, pastes: how many it took."""

    def __init__(self, page: Page, url: str) -> None:
        """Sit down before a page of the Home Assistant at an address."""
        self.page = page
        self.clicks = 0
        self.pastes = 0
        self._url = url

    async def open(self, path: str) -> None:
        """Go to a page."""
        await self.page.goto(self._url + path)

    def text(self, text: str) -> Locator:
        """Return what shows a text."""
        return self.page.get_by_text(text, exact=True).locator("visible=true").first

    def button(self, name: str, *, last: bool = False) -> Locator:
        """Return the first button, or the last, of a name."""
        found = self.page.get_by_role("button", name=name, exact=True).locator("visible=true")
        return found.last if last else found.first

    def field(self, name: str) -> Locator:
        """Return the field to write in under a label."""
        label = re.compile(rf"^{re.escape(name)}\s*\*?$")
        return self.page.get_by_role("textbox", name=label).locator("visible=true").first

    async def click(self, what: Locator) -> None:
        """Click on something once it is there."""
        await what.click()
        self.clicks += 1

    async def play(self, player: Locator) -> None:
        """Click on the button with which a player on the page begins."""
        await player.click(position=_PLAY_BUTTON)
        self.clicks += 1

    async def paste(self, text: str) -> None:
        """Paste a text to where the cursor is."""
        await self.page.keyboard.insert_text(text)
        self.pastes += 1

    async def write(self, text: str) -> None:
        """Write a text to where the cursor is, as one does to find something in a list."""
        await self.page.keyboard.type(text)

    async def press_enter(self) -> None:
        """Confirm what was written, or pasted."""
        await self.page.keyboard.press("Enter")

    async def close_dialog(self) -> None:
        """Leave a dialog that has said what it had to say."""
        names = re.compile("^(Finish|Skip and finish|Close|OK)$")
        button = self.page.get_by_role("button", name=names).locator("visible=true").last
        await self.click(button)
        await button.wait_for(state="hidden")
        await self.page.wait_for_timeout(_SETTLING)  # it also goes back in the page's history

    async def choose(self, label: str, present: str, wanted: str) -> None:
        """Choose from a list that opens under a field."""
        field = self.page.locator("ha-selector").filter(has_text=label).locator("visible=true").first
        await self.click(field.get_by_text(present, exact=True).first)
        await self.page.get_by_placeholder("Search | Add custom item").locator("visible=true").fill(wanted)
        await self.click(self.text(wanted))

    async def hear(self) -> Played:
        """Return what has been played since the last time, once it has ended."""
        try:
            async with asyncio.timeout(_PATIENCE):
                while True:
                    for event in await self.page.evaluate("window.oratorHeard"):
                        if event["event"] == "error":
                            raise AssertionError(f"{event['url']} can't be played: {event['message']}")
                        if event["event"] == "ended":
                            await self.page.evaluate("window.oratorHeard = []")
                            return Played(event["url"], event["at"])
                    await asyncio.sleep(_POLL)
        except TimeoutError as err:
            raise AssertionError(f"nothing was played to its end: {await self.events()}") from err

    async def events(self) -> list[str]:
        """Return what audio elements have told."""
        return [event["event"] for event in await self.page.evaluate("window.oratorHeard")]

    async def picture(self, file: Path) -> None:
        """Take a picture of what is seen, once it stands still."""
        await self.page.wait_for_timeout(_SETTLING)
        await self.page.screenshot(path=file)


@asynccontextmanager
async def open_browser(stage: Stage) -> AsyncGenerator[Visitor]:
    """Open a browser in which the owner is logged in, until the end of the `async with`."""
    tokens = {
        **stage.tokens,
        "hassUrl": stage.instance.url,
        "clientId": f"{stage.instance.url}/",
        "expires": _NEVER,
    }
    log_in = f"localStorage.setItem('hassTokens', {json.dumps(json.dumps(tokens))})"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=stage.programs.find("chromium"), args=_FLAGS, env=dict(stage.programs.environment)
        )
        try:
            context = await browser.new_context(
                viewport=_SIZE, device_scale_factor=_SHARPNESS, color_scheme="light", locale="en-US"
            )
            context.set_default_timeout(_PATIENCE * 1000)
            await context.add_init_script(log_in)
            await context.add_init_script(_EARS)
            page = await context.new_page()
            yield Visitor(page, stage.instance.url)
        finally:
            await browser.close()
