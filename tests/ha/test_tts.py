"""Speech through Home Assistant: requests, output formats, cache, voice picker, options and errors."""

import io
import logging
from typing import Any
import wave

from aiohttp import ClientSession
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.orator.audio.formats import AudioFormat, detect_format, is_same_container
from tests.simulator import Fault, Simulator
from tests.support.audio import decode, read_wav_stream
from tests.support.speech import SPEECH_PATH, Hear, get_speech_requests
from tests.support.streams import SATELLITE, SENTENCE


async def test_request_has_only_set_options(simulator: Simulator, hear: Hear) -> None:
    """The request of a voice with only its required settings has only the required fields."""
    await hear()
    assert get_speech_requests(simulator) == [
        {"model": "gpt-4o-mini-tts", "input": SENTENCE, "voice": "coral", "response_format": "mp3"}
    ]


async def test_single_response_is_unchanged(hass: HomeAssistant, simulator: Simulator, hear: Hear) -> None:
    """The player gets the bytes of a single response unchanged."""
    audio = await hear()
    body = get_speech_requests(simulator)[0]
    async with (
        ClientSession() as session,
        session.post(
            f"{simulator.openai_url}/audio/speech",
            json=body,
            headers={"Authorization": f"Bearer {simulator.api_key}"},
        ) as answer,
    ):
        assert audio == await answer.read()


@pytest.mark.parametrize("extension", ["mp3", "wav", "opus", "ogg", "oga", "aac", "flac"])
async def test_preferred_format(hear: Hear, extension: str) -> None:
    """A player gets valid audio in its preferred format."""
    audio = await hear(preferred_format=extension)
    container = detect_format(audio[:12])
    assert container
    expected = AudioFormat.OGG if extension == "oga" else AudioFormat(extension)
    assert is_same_container(container, expected)
    sound = await decode(audio)
    assert 1.5 < sound.seconds < 5
    assert sound.level > 0.01


async def test_wav_size(hear: Hear) -> None:
    """The WAV header has the true size, which OpenAI's header lacks and some players need."""
    audio = await hear(preferred_format="wav")
    with wave.open(io.BytesIO(audio)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24_000, 1, 2)
        assert len(audio) == 44 + file.getnframes() * 2
        assert 1.5 < file.getnframes() / file.getframerate() < 5


async def test_satellite(hear: Hear) -> None:
    """A satellite gets WAV audio with its sample rate and channels."""
    audio = await hear(**SATELLITE)
    assert detect_format(audio[:12]) is AudioFormat.WAV
    assert int.from_bytes(audio[24:28], "little") == 16_000
    assert int.from_bytes(audio[22:24], "little") == 1
    sound = read_wav_stream(audio)
    assert 1.5 < sound.seconds < 5
    assert sound.level > 0.01


async def test_wrong_content_type(simulator: Simulator, hear: Hear) -> None:
    """The format is detected from the first bytes, and Home Assistant converts the audio."""
    wav = await hear("First this one.", preferred_format="wav")
    simulator.fail(Fault(path=SPEECH_PATH, body=wav, headers={"Content-Type": "audio/mpeg"}))
    audio = await hear("Then that one.")
    assert detect_format(audio[:12]) is AudioFormat.MP3
    assert (await decode(audio)).level > 0.01


CHANGES: list[dict[str, Any]] = [
    {"model": "tts-1"},
    {"voice": "sage"},
    {"speed": 1.5},
    {"instructions": "Whisper."},
]
TEXT_CHANGES: list[tuple[dict[str, Any], str]] = [
    ({}, "Bold words use 3 kWh."),
    ({"clean_text": False}, "**Bold** words use 3 kWh."),
    ({"replacements": [{"find": "kWh", "say": "kilowatt hours"}]}, "Bold words use 3 kilowatt hours."),
    ({"replacements": [{"find": "bold", "say": ""}]}, "words use 3 kWh."),
    ({"spoken_units": True}, "Bold words use 3 kilowatt hours."),
]


@pytest.mark.parametrize("change", CHANGES)
async def test_options_of_call(simulator: Simulator, hear: Hear, change: dict[str, Any]) -> None:
    """The options of a call replace the settings of the voice."""
    await hear(**change)
    (body,) = get_speech_requests(simulator)
    assert change.items() <= body.items()


@pytest.mark.parametrize(("options", "expected"), TEXT_CHANGES)
async def test_text_options(simulator: Simulator, hear: Hear, options: dict[str, Any], expected: str) -> None:
    """Markdown is removed unless turned off, and replacements are applied."""
    await hear("**Bold** words use 3 kWh.", **options)
    assert get_speech_requests(simulator)[0]["input"] == expected


@pytest.mark.parametrize("change", [*CHANGES, {"format": "flac"}, *(change for change, _ in TEXT_CHANGES[1:])])
async def test_changed_voice_is_not_played_from_cache(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hear: Hear, change: dict[str, Any]
) -> None:
    """Cached speech is played again until a setting of the voice changes."""
    assert await hear(sentence_cache=False)
    assert await hear(sentence_cache=False)
    assert len(get_speech_requests(simulator)) == 1

    (subentry,) = account.subentries.values()
    hass.config_entries.async_update_subentry(account, subentry, data={**subentry.data, **change})
    await hass.async_block_till_done()
    assert await hear(sentence_cache=False)
    assert len(get_speech_requests(simulator)) == 2


async def test_other_server_is_not_played_from_cache(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hear: Hear
) -> None:
    """Speech that another server has synthesized is not played from the cache."""
    await hear()
    async with Simulator(api_key=simulator.api_key) as other:
        hass.config_entries.async_update_entry(account, data={**account.data, "base_url": other.openai_url})
        await hass.async_block_till_done()
        await hear()
        assert len(get_speech_requests(other)) == 1


async def test_format_of_voice(hass: HomeAssistant, account: MockConfigEntry, hear: Hear) -> None:
    """A player without a preferred format gets the format of the voice."""
    (subentry,) = account.subentries.values()
    hass.config_entries.async_update_subentry(account, subentry, data={**subentry.data, "format": "wav"})
    await hass.async_block_till_done()
    assert detect_format((await hear())[:12]) is AudioFormat.WAV


async def test_format_of_call(simulator: Simulator, hear: Hear) -> None:
    """The format of a call is requested from the provider; the player still gets its preferred format."""
    audio = await hear(format="flac")
    assert get_speech_requests(simulator)[0]["response_format"] == "flac"
    assert detect_format(audio[:12]) is AudioFormat.MP3
    assert (await decode(audio)).level > 0.01


async def test_unsupported_option(simulator: Simulator, hear: Hear) -> None:
    """An option that the model does not support is not sent."""
    assert await hear(model="tts-1", voice="nova", instructions="Whisper.")
    assert "instructions" not in get_speech_requests(simulator)[0]


@pytest.mark.parametrize("stream_format", ["sse", "audio"])
async def test_stream_format(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hear: Hear, stream_format: str
) -> None:
    """OpenAI's stream format can be set; with events, the tokens are counted."""
    assert await hear(stream_format=stream_format)
    assert get_speech_requests(simulator)[0]["stream_format"] == stream_format
    assert bool(account.runtime_data.provider.counters["input_tokens"]) is (stream_format == "sse")


async def test_custom_voice(simulator: Simulator, hear: Hear) -> None:
    """The ID of a custom voice is sent in an object, as OpenAI requires."""
    assert await hear(voice="voice_1234")
    assert get_speech_requests(simulator)[0]["voice"] == {"id": "voice_1234"}


@pytest.mark.parametrize("language", ["en", "en-US", "de", "de-DE", "pt-BR", "zh-Hans", "zh-CN", "nb"])
async def test_languages(hear: Hear, language: str) -> None:
    """Languages are supported with and without a region, since Home Assistant compares them literally."""
    assert await hear(language=language)


async def test_first_voice_of_picker(
    hass: HomeAssistant, account: MockConfigEntry, hass_ws_client: WebSocketGenerator
) -> None:
    """The configured voice is the first in the list, because Assist selects the first."""
    (subentry,) = account.subentries.values()
    client = await hass_ws_client()
    for voice_id, name in (("sage", "Sage"), ("voice_1234", "voice_1234")):
        hass.config_entries.async_update_subentry(account, subentry, data={**subentry.data, "voice": voice_id})
        await hass.async_block_till_done()
        await client.send_json_auto_id({"type": "tts/engine/voices", "engine_id": "tts.ann", "language": "en"})
        voices = (await client.receive_json())["result"]["voices"]
        assert voices[0] == {"voice_id": voice_id, "name": name}
        assert len({voice["voice_id"] for voice in voices}) == len(voices)


async def test_voice_picker(hass: HomeAssistant, account: MockConfigEntry, hass_ws_client: WebSocketGenerator) -> None:
    """The voice picker of Assist lists the model's voices."""
    client = await hass_ws_client()
    await client.send_json_auto_id({"type": "tts/engine/voices", "engine_id": "tts.ann", "language": "en-US"})
    voices = (await client.receive_json())["result"]["voices"]
    assert {"voice_id": "marin", "name": "Marin"} in voices
    assert len(voices) == 13


async def test_unknown_option(hear: Hear) -> None:
    """An unknown option is an error that names the option."""
    with pytest.raises((HomeAssistantError, ServiceValidationError), match="wobble"):
        await hear(wobble=1)


@pytest.mark.parametrize(
    ("options", "setting"),
    [
        ({"speed": 9}, "speed"),
        ({"speed": "fast"}, "speed"),
        ({"instructions": 7}, "instructions"),
        ({"replacements": "kWh"}, "replacements"),
        ({"spoken_units": "metric"}, "spoken_units"),
        ({"speech_tags": 2}, "speech_tags"),
        ({"format": "banana"}, "format"),
        ({"stream_format": "video"}, "stream_format"),
        ({"preferred_sample_rate": 1}, "preferred_sample_rate"),
        ({"preferred_sample_channels": 9}, "preferred_sample_channels"),
        ({"replacements": [{"say": "kilowatt hours"}]}, "replacements"),
        ({"replacements": [{"find": "", "say": "x"}]}, "replacements"),
        ({"model": "gpt-4o" + "tts" * 70}, "model"),
        ({"model": "tts\n-1"}, "model"),
        ({"model": {"id": "tts-1"}}, "model"),
        ({"voice": " "}, "voice"),
        ({"voice": "nova\x00"}, "voice"),
        ({"voice": ["nova"]}, "voice"),
        ({"model": "tts-1", "voice": True}, "voice"),
        ({"fallback": ["tts.ben"] * 101}, "fallback"),
        ({"fallback": ["tts." + "b" * 252]}, "fallback"),
        ({"chime": "x" * 1_001}, "chime"),
    ],
)
async def test_invalid_option(
    simulator: Simulator, hear: Hear, caplog: pytest.LogCaptureFixture, options: dict[str, Any], setting: str
) -> None:
    """An invalid value is not sent, and the error names the setting."""
    assert not await hear(**options)
    assert f"The value of {setting} is invalid" in caplog.text
    assert not get_speech_requests(simulator)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"status": 400, "json": {"error": {"message": "m", "type": "t", "code": "invalid_value"}}}, "invalid_value"),
        ({"status": 403}, "does not allow"),
        ({"status": 404, "json": {"error": {"code": "model_not_found"}}}, "model_not_found"),
        ({"status": 429, "json": {"error": {"code": "insufficient_quota"}}}, "Add credit"),
        ({"status": 501}, "does not support this"),
        ({"body": '{"error": "no"}', "headers": {"Content-Type": "audio/mpeg"}}, "did not send audio"),
        ({"body": "<html>Hello</html>"}, "did not send audio"),
        ({"body": b""}, "did not send audio"),
        ({"status": 302, "headers": {"Location": "/elsewhere"}}, "redirects to"),
    ],
)
async def test_failure_is_not_cached(
    simulator: Simulator, hear: Hear, caplog: pytest.LogCaptureFixture, fault: dict[str, Any], message: str
) -> None:
    """A failed request is logged and not cached, and a response without audio is not played."""
    simulator.fail(Fault(path=SPEECH_PATH, **fault))
    assert await hear() == b""
    assert message in caplog.text
    assert len(get_speech_requests(simulator)) == 1
    assert await hear()
    assert len(get_speech_requests(simulator)) == 2


@pytest.mark.parametrize(
    "fault",
    [{"status": 500}, {"status": 429, "headers": {"Retry-After": "0"}}, {"status": 408}],
    ids=["server error", "rate limit", "timeout"],
)
async def test_retry(simulator: Simulator, hear: Hear, fault: dict[str, Any]) -> None:
    """A temporary failure is retried, and the message is spoken."""
    simulator.fail(Fault(path=SPEECH_PATH, **fault))
    assert await hear()
    assert len(get_speech_requests(simulator)) == 2


async def test_invalid_key(hass: HomeAssistant, simulator: Simulator, hear: Hear) -> None:
    """An invalid API key starts reauthentication."""
    simulator.api_key = "sk-another"
    assert not await hear()
    assert [flow["context"]["source"] for flow in hass.config_entries.flow.async_progress()] == ["reauth"]


async def test_neither_key_nor_provider_message_is_logged(
    simulator: Simulator, account: MockConfigEntry, hear: Hear, caplog: pytest.LogCaptureFixture
) -> None:
    """Messages of the provider, which may contain the API key and the text, are not logged."""
    key = account.data["api_key"]
    for status in (400, 401, 429, 500):
        message = f"Incorrect API key provided: {key}. You said: {SENTENCE}"
        simulator.fail(Fault(path=SPEECH_PATH, status=status, json={"error": {"message": message}}, times=9))
        await hear()
        simulator.reset()
    messages = [record.getMessage() for record in caplog.records if record.levelno > logging.DEBUG]
    assert not [message for message in messages if key in message or "You said" in message]


async def test_truncated_audio_is_not_cached(simulator: Simulator, hear: Hear) -> None:
    """Audio whose connection broke is not cached, although the voice has repeated the interrupted sentence."""
    simulator.fail(Fault(path=SPEECH_PATH, truncate_after=4000))
    await hear()
    assert len(get_speech_requests(simulator)) == 2
    complete = await hear()
    assert len(get_speech_requests(simulator)) == 3
    assert (await decode(complete)).seconds > 1.5
