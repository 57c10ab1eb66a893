"""Chapter: in a real browser, from a Home Assistant without an account to a voice that is used and looked after."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
import json
from typing import Any, Final

from custom_components.orator.sample_sentences import SAMPLE_SENTENCES

from .browser import Visitor, open_browser
from .hearing import assert_heard, fetched
from .pictures import Album
from .report import Report, progress
from .stage import Stage

_PAGE: Final = "/config/integrations/integration/orator"
_WRONG_KEY: Final = "sk-nobody-knows-this-one"
_NEW_KEY: Final = "sk-simulated-key-that-opens-nothing-0002"
_GREETING: Final = SAMPLE_SENTENCES["en"].sentence
_MOST_CLICKS: Final = 6
_MOST_PASTES: Final = 1
_SENTENCE: Final = "The kettle has boiled, and the tea is ready."
_SENTENCE_AFTERWARDS: Final = "The key is new, and so is the voice."
_SECOND_VOICE: Final = "Butler"
_TOLERANCE: Final = 0.3  # seconds between what there was and what was played


@dataclass(frozen=True, slots=True)
class Visit:
    """Who visits what, and who takes the pictures."""

    stage: Stage
    visitor: Visitor
    album: Album


async def visit(stage: Stage, report: Report) -> None:
    """Do everything that a person does with an account and its voices."""
    async with open_browser(stage) as visitor:
        visit = Visit(stage, visitor, Album(visitor, stage.renews_pictures, stage.folder))
        report.on_failure = visit.album.take_failure
        for name, step in _STEPS.items():
            async with report.step(name):
                await step(visit)


async def _enter_wrong_key(visit: Visit) -> None:
    """Follow a link as the README has it, and enter a key that nobody has given."""
    visitor = visit.visitor
    await visitor.open("/_my_redirect/config_flow_start?domain=orator")
    await visitor.click(visitor.button("OK"))
    await visitor.text("Add an account").wait_for()
    await visitor.click(visitor.button("Submit"))
    await visitor.click(visitor.field("API key"))
    await visitor.paste(_WRONG_KEY)
    await visitor.click(visitor.button("Submit"))
    await visitor.text("NanoGPT does not accept this key. Copy it again, or make a new one.").wait_for()


async def _hear_first_sentence(visit: Visit) -> None:
    """Go the shortest way from the first page to the first voice's sample. Typing takes no click, nor does Enter."""
    visitor = visit.visitor
    await visitor.open("/")
    visitor.clicks = visitor.pastes = 0
    await visitor.click(visitor.text("Settings"))
    await visitor.click(visitor.text("Devices & services"))
    await visitor.click(visitor.text("Add integration"))
    await visitor.page.get_by_placeholder("Search for a brand name").wait_for()
    await visitor.write("Orator")
    await visitor.text("Orator").wait_for()
    await visitor.press_enter()
    await visitor.text("Add an account").wait_for()
    await visit.album.take("1-choose-the-service")
    await visitor.click(visitor.button("Submit"))
    await visitor.text("Add a NanoGPT account").wait_for()
    await visit.album.take("2-paste-the-key")
    await visitor.click(visitor.field("API key"))
    await visitor.paste(visit.stage.simulator.api_key or "")
    await visitor.press_enter()
    await visitor.text("Your first voice is ready. Listen to it:").wait_for()
    await visit.album.take("3-hear-the-first-voice")
    await visitor.play(visitor.page.locator("ha-markdown audio"))
    await _assert_played(visit, _GREETING)
    progress(f"the first sentence took {visitor.clicks} clicks and {visitor.pastes} paste")
    assert visitor.clicks <= _MOST_CLICKS, f"{visitor.clicks} clicks"
    assert visitor.pastes <= _MOST_PASTES, f"{visitor.pastes} pastes"
    await visitor.close_dialog()


async def _make_voice(visit: Visit) -> None:
    """Give a voice a name, and tell it how to speak."""
    visitor = visit.visitor
    await visitor.open(_PAGE)
    await visitor.click(visitor.button("Add voice"))
    await visitor.text("Add a voice").wait_for()
    await visitor.click(visitor.button("Next"))
    await visitor.text("How it speaks").wait_for()
    await visitor.field("Name").fill(_SECOND_VOICE)
    await visitor.field("Instructions").fill("Calm and friendly, like a butler.")
    await visit.album.take("4-make-more-voices")
    await visitor.click(visitor.button("Submit"))
    await visitor.close_dialog()
    await visitor.text(_SECOND_VOICE).wait_for()


async def _hear_voice(visit: Visit) -> None:
    """Let the new voice speak."""
    await _say(visit, _SECOND_VOICE, _SENTENCE)
    await _assert_played(visit, _SENTENCE)


async def _change_voice(visit: Visit) -> None:
    """Choose who speaks from the list."""
    visitor = visit.visitor
    await visitor.open(_PAGE)
    await visitor.text(_SECOND_VOICE).wait_for()
    await visitor.click(visitor.button("Change voice"))
    await visitor.text(f"Change {_SECOND_VOICE}").wait_for()
    await visitor.click(visitor.button("Next"))
    await visitor.text("How it speaks").wait_for()
    await visitor.choose("Voice", present="coral", wanted="Ash")
    await visitor.click(visitor.button("Submit"))
    await visitor.text("Reconfiguration was successful").wait_for()
    await visitor.close_dialog()
    subentries = (await _diagnose(visit))["voices"]
    assert {"Butler": "ash"}.items() <= {one["title"]: one["data"]["voice"] for one in subentries}.items(), subentries


async def _lose_key(visit: Visit) -> None:
    """Let the key expire, and speak."""
    visitor = visit.visitor
    visit.stage.simulator.api_key = _NEW_KEY
    await _say(visit, _SECOND_VOICE, "Nobody hears this.")
    await visitor.page.wait_for_function("window.oratorHeard.some(heard => heard.event === 'error')")
    await visitor.open(_PAGE)
    await visitor.text("Attention required").wait_for()


async def _reauthenticate(visit: Visit) -> None:
    """Enter a wrong key once more, then the new one."""
    visitor = visit.visitor
    await visitor.click(visitor.text("Reconfigure"))
    await visitor.text("NanoGPT: the key is no longer accepted").wait_for()
    await visitor.text(
        "The service refuses the key of this account. Make a new one there and enter it here."
    ).wait_for()
    await visitor.field("API key").fill(_WRONG_KEY)
    await visitor.click(visitor.button("Submit"))
    await visitor.text("NanoGPT does not accept this key. Copy it again, or make a new one.").wait_for()
    await visitor.field("API key").fill(_NEW_KEY)
    await visitor.click(visitor.button("Submit"))
    await visitor.text("Re-authentication was successful").wait_for()
    await visitor.close_dialog()


async def _hear_voice_again(visit: Visit) -> None:
    """Let the voice speak again."""
    await _say(visit, _SECOND_VOICE, _SENTENCE_AFTERWARDS)
    await _assert_played(visit, _SENTENCE_AFTERWARDS)


async def _audition(visit: Visit) -> None:
    """Listen to a voice that nobody has made yet."""
    visitor = visit.visitor
    await visitor.open("/media-browser/browser")
    for place in ("Orator", "NanoGPT", "GPT-4o mini TTS"):
        await visitor.click(visitor.text(place))
    await visitor.text("Sage").wait_for()
    await visit.album.take("5-listen-before-choosing")
    await visitor.click(visitor.text("Sage"))
    await visitor.page.get_by_placeholder("Filter Sage").fill("Deutsch")
    await visitor.click(visitor.text("Deutsch"))
    await _assert_played(visit, SAMPLE_SENTENCES["de"].sentence)


async def _look_at_costs(visit: Visit) -> None:
    """Open the device of the account."""
    visitor = visit.visitor
    await visitor.open(_PAGE)
    await visitor.click(visitor.page.locator("ha-config-entry-device-row").get_by_text("NanoGPT", exact=True).first)
    await visitor.text("Characters today").wait_for()
    await visitor.text("Balance").wait_for()
    await visit.album.take("6-see-what-it-costs")


async def _read_diagnostics(visit: Visit) -> None:
    """Look for secrets in what people send to strangers."""
    diagnostics = await _diagnose(visit)
    assert {"account", "voices"} <= diagnostics.keys(), diagnostics.keys()
    told = json.dumps(diagnostics)
    for secret in (visit.stage.simulator.api_key or "", _WRONG_KEY, _SENTENCE, _SENTENCE_AFTERWARDS, "butler."):
        assert secret not in told, f"{secret!r} is in the diagnostics"


_STEPS: Final[Mapping[str, Callable[[Visit], Awaitable[None]]]] = {
    "a wrong key is refused, in words that help": _enter_wrong_key,
    "the first sentence is heard after at most six clicks and one paste": _hear_first_sentence,
    "a second voice is made": _make_voice,
    "the voice says a sentence in the browser, whole": _hear_voice,
    "the voice is changed to another of the model's": _change_voice,
    "the service refuses the key: nothing is heard, and Home Assistant asks for attention": _lose_key,
    "a new key is asked for; a wrong one is refused, the right one works": _reauthenticate,
    "the changed voice says a sentence with the new key": _hear_voice_again,
    "a sample of another voice, in another language, is heard from the media browser": _audition,
    "the account shows what has been used, and what is left": _look_at_costs,
    "diagnostics are downloaded, and hold neither a key nor what was said": _read_diagnostics,
}


async def _say(visit: Visit, voice: str, text: str) -> None:
    """Let a voice say something in Home Assistant's media browser."""
    visitor = visit.visitor
    await visitor.open("/media-browser/browser")
    await visitor.click(visitor.text("Text-to-speech"))
    await visitor.click(visitor.text(voice))
    message = visitor.page.locator("ha-textarea").get_by_role("textbox")
    await message.fill(text)
    await visitor.click(visitor.button("Say"))


async def _assert_played(visit: Visit, text: str) -> None:
    """Fail unless the browser has played a text from its first word to its last."""
    played = await visit.visitor.hear()
    sound = await assert_heard(await fetched(visit.stage, played.url), text)
    assert abs(sound.duration - played.duration) < _TOLERANCE, f"{played.duration} s of {sound.duration} s were played"


async def _diagnose(visit: Visit) -> dict[str, Any]:
    """Download an account's diagnostics, and return what Orator tells."""
    visitor = visit.visitor
    await visitor.open(_PAGE)
    menu = visitor.page.locator("ha-config-entry-row").get_by_role("button", name="Menu").first
    await visitor.click(menu)
    async with visitor.page.expect_download() as download:
        await visitor.click(visitor.text("Download diagnostics"))
    file = visit.stage.folder / "diagnostics.json"
    await (await download.value).save_as(file)
    told: dict[str, Any] = json.loads(await asyncio.to_thread(file.read_text))
    return dict(told["data"])
