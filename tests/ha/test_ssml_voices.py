"""Styles of messages with SSML: what the providers receive, levels, the caches, reports and interruptions."""

from typing import Any

from homeassistant.components.tts.const import DATA_TTS_MANAGER
from homeassistant.core import HomeAssistant
import numpy as np
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.audio.effects import CHIME_PAUSE_S, BuiltInChime, load_built_in_chime
from tests.simulator import Fault, Simulator
from tests.support.actions import call_action
from tests.support.audio import RATE, Sound, decode, decode_output
from tests.support.speech import (
    SPEECH_PATH,
    Hear,
    create_account,
    get_post_requests,
    get_speech_requests,
    load_account,
    speak,
)
from tests.support.streams import SATELLITE
from tests.support.word_decoder import assert_spoken, codes_of, heard_words, voice_of

FIRST, SECOND = "The kettle has boiled and the tea is ready.", "Come down before it is cold."
WHISPERED = f'<amazon:effect name="whispered">{SECOND}</amazon:effect>'
ALL_OPTIONS: list[dict[str, Any]] = [{}, {"chime": "alert"}, {"gain_db": -3}, {"loudness": -18, "tail_ms": 300}]


@pytest.fixture(autouse=True)
def speak_tones(simulator: Simulator) -> None:
    """Let the providers speak words that can be decoded."""
    simulator.audio_mode = "tones"


async def test_whispering(simulator: Simulator, hear: Hear) -> None:
    """An expression is an instruction for its text only."""
    await hear(f"<speak>{FIRST} {WHISPERED} Hurry up.</speak>", instructions="Be kind.")
    sent = [(request["input"], request.get("instructions")) for request in get_speech_requests(simulator)]
    assert sent == [(FIRST, "Be kind."), (SECOND, "Be kind.\nWhisper."), ("Hurry up.", "Be kind.")]


async def test_whispering_of_other_voice(hass: HomeAssistant, simulator: Simulator, hear: Hear) -> None:
    """Another voice of Orator whispers with the options of its own model."""
    other = create_account(simulator, "openai", {"model": "gpt-4o-mini-tts", "voice": "nova", "speed": 1.2}, "Ben")
    await load_account(hass, other)
    text = f'<speak>{FIRST} <voice name="tts.ben"><prosody rate="1.5">{WHISPERED}</prosody></voice></speak>'
    assert await hear(text)
    _, request = get_speech_requests(simulator)
    assert (request["voice"], request["instructions"], request["speed"]) == ("nova", "Whisper.", pytest.approx(1.8))


async def test_emphasis_does_not_divide(simulator: Simulator, hear: Hear) -> None:
    """An emphasized word is an instruction for the whole sentence."""
    await hear('<speak>You must <emphasis level="strong">never</emphasis> open it.</speak>')
    (request,) = get_speech_requests(simulator)
    assert (request["input"], request["instructions"]) == (
        "You must never open it.",
        'Emphasize strongly: "never".',
    )


async def test_markup_without_effect(simulator: Simulator, hear: Hear) -> None:
    """Markup that the model cannot follow neither divides the text nor changes the request."""
    text = f'<speak>{FIRST} <lang xml:lang="fr">Oui.</lang> {WHISPERED} <voice name="Joanna">Yes.</voice></speak>'
    await hear(text, model="tts-1")
    requests = get_speech_requests(simulator)
    assert [request["input"] for request in requests] == [f"{FIRST} Oui.", f"{SECOND} Yes."]
    assert {request["voice"] for request in requests} == {"coral"}


async def test_pronunciation(hass: HomeAssistant, simulator: Simulator, hear: Hear) -> None:
    """A pronunciation goes to a provider that takes some, beside the voice's own."""
    other = create_account(
        simulator,
        "speechbase",
        {"model": "openai/tts-1", "voice": "nova", "replacements": [{"find": "tea", "say": "coffee"}]},
        "Ben",
    )
    await load_account(hass, other)
    text = '<speak>The <phoneme alphabet="ipa" ph="ˈkɛtəl">kettle</phoneme> has tea.</speak>'  # noqa: RUF001
    await speak(hass, text, entity_id="tts.ben")
    (body,) = get_post_requests(simulator)
    rules = [(rule["word"], rule["replacement"]) for rule in body["pronunciations"]["rules"]]
    assert rules == [("kettle", "ˈkɛtəl"), ("tea", "coffee")]  # noqa: RUF001


@pytest.mark.parametrize("options", ALL_OPTIONS, ids=lambda options: " ".join(options) or "none")
@pytest.mark.parametrize("output_format", [{}, SATELLITE], ids=["mp3", "satellite"])
async def test_break_with_post_processing(hear: Hear, options: dict[str, Any], output_format: dict[str, Any]) -> None:
    """A break has its duration with every kind of post-processing."""
    options = {**options, **output_format}
    without = await decode_output(await hear(f"<speak>{FIRST} {SECOND}</speak>", **options), output_format)
    text = f'<speak>{FIRST}<break time="1500ms"/>{SECOND}</speak>'
    sound = await decode_output(await hear(text, **options), output_format)
    assert sound.seconds - without.seconds == pytest.approx(1.5, abs=0.02)
    chime_s = load_built_in_chime(BuiltInChime.ALERT).seconds + CHIME_PAUSE_S if "chime" in options else 0.0
    assert_spoken(sound.samples[round(chime_s * RATE) :], RATE, f"{FIRST} {SECOND}")


@pytest.mark.parametrize("options", [{}, {"loudness": -20}], ids=["none", "loudness"])
async def test_loudness_of_dialogue(
    hass: HomeAssistant, simulator: Simulator, hear: Hear, options: dict[str, Any]
) -> None:
    """Voices of different levels have one loudness, the first time and later."""
    quiet = {"model": "openai/tts-1", "voice": "nova", "volume_dbfs": -25}
    await load_account(hass, create_account(simulator, "speechbase", quiet, "Ben"))
    for number in range(2):
        text = f'<speak>{FIRST} <voice name="tts.ben">{SECOND}</voice> {FIRST} Number {number}.</speak>'
        sound = await decode(await hear(text, **options))
        words = assert_spoken(sound.samples, RATE, f"{FIRST} {SECOND} {FIRST} Number {number}.")
        levels: dict[int | None, list[float]] = {}
        for word in words:
            part = sound.samples[round(word.start_seconds * RATE) : round(word.end_seconds * RATE)]
            levels.setdefault(word.voice, []).append(Sound(part).level)
        ann, ben = (np.mean(levels[voice_of(name)]) for name in ("coral", "nova"))
        assert 20 * np.log10(ben / ann) == pytest.approx(0, abs=1)


async def test_sentence_cache(simulator: Simulator, hear: Hear) -> None:
    """Sentences are cached with their styles; without one, they are those of plain text."""
    style = f'<prosody rate="80%">{SECOND}</prosody>'
    await hear(f"<speak>{FIRST} {style}</speak>", preferred_format="wav")
    assert len(get_speech_requests(simulator)) == 2
    await hear(f'<speak>{style}<break time="1s"/>{FIRST}</speak>', preferred_format="wav")
    assert len(get_speech_requests(simulator)) == 2
    await hear(f'<speak>{FIRST} <prosody rate="90%">{SECOND}</prosody></speak>', preferred_format="wav")
    assert len(get_speech_requests(simulator)) == 3


async def test_cached_dialogue(
    hass: HomeAssistant, simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear
) -> None:
    """A dialogue is no work of a fallback, so that Home Assistant caches it."""
    text = f'<speak>{FIRST} <voice name="tts.ben">{SECOND}</voice></speak>'
    response = await call_action(hass, "synthesize", message=text)
    assert response["spoken_by"] == ["tts.ann", "tts.ben"]
    await hass.async_block_till_done(wait_background_tasks=True)  # until Home Assistant has saved the file
    assert [key for key in hass.data[DATA_TTS_MANAGER].file_cache if key.endswith("tts.ann")]
    requests = len(get_post_requests(simulator))
    assert (await call_action(hass, "synthesize", message=text))["from_cache"]
    assert len(get_post_requests(simulator)) == requests


async def test_refused_style(simulator: Simulator, hear: Hear) -> None:
    """A style that the provider refuses is left out."""
    simulator.fail(Fault(path=SPEECH_PATH, contains="Whisper", status=400, json={"error": {"code": "invalid_value"}}))
    sound = await decode(await hear(f"<speak>{FIRST} {WHISPERED}</speak>"))
    assert_spoken(sound.samples, RATE, f"{FIRST} {SECOND}")


@pytest.mark.parametrize("rate", ["100%", "90%"])
async def test_interrupted_style(simulator: Simulator, hear: Hear, rate: str) -> None:
    """Text in a style whose audio breaks off is resumed in the same style, without losing a word."""
    sentences = [f"Sentence number {number} has quite a few words to say." for number in range(4)]
    text = f'<speak>{FIRST} <prosody rate="{rate}" volume="-6dB">{" ".join(sentences)}</prosody></speak>'
    simulator.fail(Fault(path=SPEECH_PATH, contains="number 1", truncate_after=0.5))
    sound = await decode(await hear(text, preferred_format="wav"))
    requests = get_speech_requests(simulator)
    speeds = {request.get("speed") for request in requests if request["input"] != FIRST}
    assert speeds == {None if rate == "100%" else 0.9}
    heard = {word.code for word in heard_words(sound.samples, RATE)}
    assert heard >= set(codes_of(" ".join(sentences)))
