"""The examples of the page about SSML are heard: words, voices, pauses and sounds."""

from itertools import pairwise
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.audio.effects import BuiltInChime, load_built_in_chime
from tests.simulator import Simulator
from tests.support.audio import RATE, Sound, decode
from tests.support.examples import read_examples, set_up_examples
from tests.support.repository import ROOT
from tests.support.speakers import Speaker, add_speakers
from tests.support.speech import create_account, get_post_requests, get_speech_requests, load_account
from tests.support.streams import wait_until
from tests.support.text import read_parts
from tests.support.word_decoder import HeardWord, assert_spoken

PAGE = "docs/ssml.md"
EXAMPLES = {example.name: example for example in read_examples(PAGE)}
EXPECTED: dict[str, str] = {
    "Ready, steady, go": "Ready? Steady? Go!",
    "Whisper": "The baby is asleep.",
    "Telephone number": "Call 5 5 5, 0 1 4 3.",
    "Spell a code": "The code of the guest network is K, 7, X, 2.",
    "Date": "The holidays begin on December 24, 2026.",
    "Abbreviation": "The uninterruptible power supply runs on battery.",
    "Slow instructions": "The recipe needs: 200 grams of flour, two eggs and a little salt.",
    "Emphasis": "Take two tablets, not one.",
    "Now playing": "Now playing: Tom & Jerry <3",
    "Loud and fast": "It is seven o'clock. The bus leaves in five minutes!",
    "Single tags": "The oven is hot. Put the pizza in.",
}
"""What is said by the voice of the message."""


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Return the account of the voice that the examples use."""
    simulator.audio_mode = "tones"
    return create_account(simulator, "openai", {"model": "gpt-4o-mini-tts", "voice": "coral"}, "OpenAI Coral")


@pytest.fixture
async def speaker(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> Speaker:
    """Add the second voice and the speakers, and return the one in the kitchen."""
    bella = {"model": "Kokoro-82m", "voice": "af_bella", "endpoint": "speech"}
    await load_account(hass, create_account(simulator, "nanogpt", bella, "NanoGPT Bella"))
    assert await async_setup_component(hass, "media_source", {})
    hass.states.async_set("input_datetime.holidays", "2026-12-24")
    hass.states.async_set("media_player.living_room", "playing", {"media_title": "Tom & Jerry <3"})
    speakers = await add_speakers(hass, "kitchen", "bedroom")
    speakers["bedroom"].played = speakers["kitchen"].played  # the examples use either
    return speakers["kitchen"]


async def hear(hass: HomeAssistant, speaker: Speaker, name: str, **variables: Any) -> Sound:
    """Run an example, and return what is played."""
    await set_up_examples(hass, EXAMPLES[name])
    await hass.services.async_call("script", EXAMPLES[name].object_id, variables, blocking=True)
    await wait_until(lambda: speaker.played)
    await wait_until(lambda: speaker.state == "idle")
    (audio,) = speaker.played
    return await decode(audio)


def find_pauses(words: list[HeardWord], min_s: float = 0.3) -> dict[int, float]:
    """Return the pauses in seconds, by the number of words before each."""
    gaps = (
        (number, after.start_seconds - before.end_seconds) for number, (before, after) in enumerate(pairwise(words))
    )
    return {number + 1: gap for number, gap in gaps if gap > min_s}


@pytest.mark.parametrize("name", EXPECTED)
async def test_words(hass: HomeAssistant, simulator: Simulator, speaker: Speaker, name: str) -> None:
    """The services get the words without markup, with the settings of the markup."""
    await hear(hass, speaker, name)
    requests = get_speech_requests(simulator)
    assert " ".join(request["input"].strip() for request in requests) == EXPECTED[name]
    manner = {"Whisper": "Whisper.", "Emphasis": 'Emphasize strongly: "two".'}
    assert requests[-1].get("instructions") == manner.get(name)
    speed = {"Slow instructions": 0.8, "Loud and fast": 1.55}
    assert requests[-1].get("speed") == speed.get(name)


@pytest.mark.parametrize(
    ("name", "pauses"),
    [
        ("Ready, steady, go", {1: 1.5, 2: 1.5}),
        ("Now playing", {2: 0.5}),
        ("Single tags", {4: 1.0}),
    ],
)
async def test_pauses(hass: HomeAssistant, speaker: Speaker, name: str, pauses: dict[int, float]) -> None:
    """The pauses are where the markup has them."""
    words = assert_spoken((await hear(hass, speaker, name)).samples, RATE, EXPECTED[name])
    assert find_pauses(words) == pytest.approx(pauses, abs=0.15)


async def test_list(hass: HomeAssistant, speaker: Speaker) -> None:
    """There is a pause before each item."""
    sound = await hear(hass, speaker, "Shopping list", items=["Milk", "Salt & pepper"])
    words = assert_spoken(sound.samples, RATE, "You need: Milk. Salt & pepper.")
    assert find_pauses(words) == pytest.approx({2: 0.7, 3: 0.7}, abs=0.15)


async def test_dialogue(hass: HomeAssistant, simulator: Simulator, speaker: Speaker) -> None:
    """Three voices speak, one of them of another account."""
    await hear(hass, speaker, "Dialogue")
    spoken: dict[str, str] = {}
    for body in filter(None, get_post_requests(simulator)):
        spoken[body["voice"]] = (
            f"{spoken.get(body['voice'], '')} {str(body.get('input', body.get('text'))).strip()}".strip()
        )
    assert spoken == {
        "coral": "Who has left the garage open?",
        "af_bella": "It was the wind. I am closing it now.",
        "sage": "I believe neither of you.",
    }


async def test_other_language(hass: HomeAssistant, simulator: Simulator, speaker: Speaker) -> None:
    """The other voice gets the language."""
    await hear(hass, speaker, "Another language")
    (body,) = [body for body in get_post_requests(simulator) if body and body["voice"] != "coral"]
    assert (str(body.get("input", body.get("text"))).strip(), body["language"]) == ("Soyez les bienvenus !", "fr-FR")


async def test_sound(hass: HomeAssistant, speaker: Speaker) -> None:
    """The chime is heard between the sentences, and its fallback is not spoken."""
    sound = await hear(hass, speaker, "Sound")
    chime = load_built_in_chime(BuiltInChime.DING_DONG)
    text = "Someone is at the door. Please answer it."
    start = (sound.seconds - chime.seconds) * 5 / 8
    assert Sound(sound.samples[round(start * RATE) : round((start + chime.seconds / 2) * RATE)]).level > 0.01
    assert sound.seconds > chime.seconds + 0.2 * len(text.split())


async def test_prepared(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """The alarm is prepared."""
    await set_up_examples(hass, EXAMPLES["Prepare an alarm"])
    await hass.services.async_call("script", "prepare_an_alarm", {}, blocking=True)
    assert {request["input"].strip() for request in get_speech_requests(simulator)} == {"Fire! Leave the house."}


def test_every_example_is_heard() -> None:
    """There are at least a dozen examples, each with a name of its own, and all are tested here."""
    others = {"Dialogue", "Sound", "Another language", "Shopping list", "Prepare an alarm"}
    assert EXAMPLES.keys() == EXPECTED.keys() | others
    assert len(EXAMPLES) == len(read_examples(PAGE)) >= 12


def test_every_element_is_described() -> None:
    """The page says of every element of SSML 1.1 what happens, and nothing that it says is ignored is spoken."""
    page = (ROOT / PAGE).read_text()
    elements = (
        *(
            "audio",
            "break",
            "desc",
            "emphasis",
            "lang",
            "lexicon",
            "lookup",
            "mark",
            "meta",
            "metadata",
            "p",
            "phoneme",
        ),
        *("prosody", "s", "say-as", "speak", "sub", "token", "voice", "w"),
    )
    table = page.partition("## All elements of SSML 1.1")[2]
    described = {name for row in table.splitlines() if row.startswith("| `") for name in row.split("|")[1].split("`")}
    assert set(elements) <= described


def test_prompt_is_understood() -> None:
    """Every tag in the prompt for assistants is read as markup in a reply."""
    prompt = (ROOT / PAGE).read_text().partition("```text\n")[2].partition("```")[0]
    words = " ".join(getattr(part, "text", "") for part in read_parts(prompt, allows_tags=True))
    assert "<" not in words
    assert len(read_parts(prompt, allows_tags=True)) >= 10
