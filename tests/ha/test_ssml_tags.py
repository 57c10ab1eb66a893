"""Single tags in the replies of assistants, and tags in brackets for models that understand them."""

from math import inf
from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.simulator import Fault, Simulator
from tests.support.audio import RATE, decode
from tests.support.speech import Hear, create_account, get_post_requests, get_speech_requests, load_account, speak
from tests.support.streams import stream_text
from tests.support.word_decoder import assert_spoken

FIRST, SECOND = "The **kettle** has boiled.", "Come down before it is cold."
WORDS = "The kettle has boiled. Come down before it is cold."
REPLY = f'{FIRST}<break time="1500ms"/> <prosody rate="90%">{SECOND}</prosody>'
TAGGED = "[whispers] The baby is asleep. [sighs] At last."
UNTAGGED = "The baby is asleep. At last."

every_way = pytest.mark.parametrize("is_streamed", [False, True], ids=["complete", "streamed"])


def write(text: str, *, is_streamed: bool) -> Any:
    """Return a text, or its deltas."""
    return stream_text(*(text[start : start + 5] for start in range(0, len(text), 5))) if is_streamed else text


def get_texts(simulator: Simulator) -> list[str]:
    """Return the texts that the providers have received."""
    bodies = [body for body in get_post_requests(simulator) if body]
    return [str(body.get("input", body.get("text"))).strip() for body in bodies]


@every_way
@pytest.mark.parametrize("is_setting", [False, True], ids=["option of the call", "setting of the voice"])
async def test_tags_in_reply(  # noqa: PLR0913, PLR0917
    hass: HomeAssistant,
    simulator: Simulator,
    account: MockConfigEntry,
    hear: Hear,
    is_streamed: bool,  # noqa: FBT001
    is_setting: bool,  # noqa: FBT001
) -> None:
    """Tags within Markdown have their effects, and none is spoken."""
    simulator.audio_mode = "tones"
    (voice,) = account.subentries.values()
    if is_setting:
        hass.config_entries.async_update_subentry(account, voice, data={**voice.data, "speech_tags": True})
        await hass.async_block_till_done(wait_background_tasks=True)
    options = {} if is_setting else {"speech_tags": True}
    sound = await decode(await hear(write(REPLY, is_streamed=is_streamed), **options))
    words = assert_spoken(sound.samples, RATE, WORDS)
    assert words[4].start_seconds - words[3].end_seconds == pytest.approx(1.5, abs=0.1)
    assert [request.get("speed") for request in get_speech_requests(simulator)] == [None, 0.9]


@every_way
async def test_tags_are_off(simulator: Simulator, hear: Hear, *, is_streamed: bool) -> None:
    """By default, tags in a reply have no effect, and are not spoken: Markdown may contain HTML."""
    simulator.audio_mode = "tones"
    sound = await decode(await hear(write(REPLY, is_streamed=is_streamed)))
    words = assert_spoken(sound.samples, RATE, WORDS)
    assert words[4].start_seconds - words[3].end_seconds < 0.3
    assert {request.get("speed") for request in get_speech_requests(simulator)} == {None}


async def test_other_tags(simulator: Simulator, hear: Hear) -> None:
    """The option changes nothing about text without tags of SSML."""
    texts = ["2 < 3 and 5 > 4.", "Use the <b>bold</b> tag.", "Write <name> here.", "AT&amp;T", "[1] the cat"]
    for text in texts:
        for options in ({}, {"speech_tags": True}):
            await hear(text, sentence_cache=False, **options)
    requested = get_texts(simulator)
    assert requested[::2] == requested[1::2]


async def test_invalid_value(hear: Hear) -> None:
    """A value that is no switch is an error."""
    assert not await hear("Hello.", speech_tags="maybe")
    assert await hear("Hello.", speech_tags="on")


async def load_eleven(hass: HomeAssistant, simulator: Simulator, model: str, **settings: Any) -> MockConfigEntry:
    """Add a voice of ElevenLabs at NanoGPT."""
    voice = {"model": model, "voice": "Rachel", "endpoint": "tts", **settings}
    return await load_account(hass, create_account(simulator, "nanogpt", voice, "Eleven"))


@pytest.mark.parametrize(
    ("model", "expected"), [("Elevenlabs-V3", TAGGED), ("Elevenlabs-Turbo-V2.5", UNTAGGED)], ids=["v3", "turbo"]
)
@pytest.mark.parametrize("text", [f"<speak>{TAGGED}</speak>", TAGGED], ids=["document", "option"])
async def test_audio_tags(hass: HomeAssistant, simulator: Simulator, model: str, expected: str, text: str) -> None:
    """A model that understands tags in brackets gets them; other models get the words only."""
    await load_eleven(hass, simulator, model)
    await speak(hass, text, entity_id="tts.eleven", speech_tags=True)
    assert " ".join(filter(lambda sent: sent != "None", get_texts(simulator))) == expected


async def test_audio_tags_without_option(hass: HomeAssistant, simulator: Simulator) -> None:
    """A text without markup is passed on as it is."""
    await load_eleven(hass, simulator, "Elevenlabs-V3")
    await speak(hass, TAGGED, entity_id="tts.eleven")
    assert TAGGED in " ".join(get_texts(simulator))


async def test_audio_tags_of_fallback(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """A fallback that would speak the tags gets the words only."""
    await load_eleven(hass, simulator, "Elevenlabs-V3", fallback=["tts.ann"])
    simulator.fail(Fault(contains="Rachel", status=402, json={"error": "empty"}, times=inf))
    await speak(hass, f"<speak>{TAGGED}</speak>", entity_id="tts.eleven")
    spoken = [request["input"].strip() for request in get_speech_requests(simulator)]
    assert " ".join(spoken) == UNTAGGED


async def test_audio_tags_of_named_voice(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """In a dialogue, each voice gets the tags in brackets that it understands."""
    await load_eleven(hass, simulator, "Elevenlabs-V3")
    await speak(hass, f'<speak>[sighs] Who is there? <voice name="tts.eleven">{TAGGED}</voice></speak>')
    assert [request["input"].strip() for request in get_speech_requests(simulator)] == ["Who is there?"]
    assert TAGGED in " ".join(get_texts(simulator))
