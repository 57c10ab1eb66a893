"""A voice speaks: through Home Assistant's own interface, fetched over HTTP as a speaker does."""

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

from ..simulator import Fault, Simulator
from ..support.audio import decode, read_wav_stream
from ..support.speech import SATELLITE, SENTENCE, Hear, get_speech_requests


async def test_the_provider_is_told_only_what_was_set(simulator: Simulator, hear: Hear) -> None:
    """A voice with nothing set sends nothing but what the provider needs."""
    await hear()
    assert get_speech_requests(simulator) == [
        {"model": "gpt-4o-mini-tts", "input": SENTENCE, "voice": "coral", "response_format": "mp3"}
    ]


async def test_sound_of_one_request_is_passed_on_untouched(
    hass: HomeAssistant, simulator: Simulator, hear: Hear
) -> None:
    """What the provider sends is what the player gets, byte for byte."""
    heard = await hear()
    body = get_speech_requests(simulator)[0]
    async with (
        ClientSession() as session,
        session.post(
            f"{simulator.openai_url}/audio/speech",
            json=body,
            headers={"Authorization": f"Bearer {simulator.api_key}"},
        ) as answer,
    ):
        assert heard == await answer.read()


@pytest.mark.parametrize("extension", ["mp3", "wav", "opus", "ogg", "oga", "aac", "flac"])
async def test_every_file_type_is_what_it_says_and_speaks(hear: Hear, extension: str) -> None:
    """A player that prefers a format gets it, and it decodes to speech without complaint."""
    heard = await hear(preferred_format=extension)
    container = detect_format(heard[:12])
    assert container
    wanted = AudioFormat.OGG if extension == "oga" else AudioFormat(extension)
    assert is_same_container(container, wanted)
    sound = await decode(heard)
    assert 1.5 < sound.seconds < 5
    assert sound.level > 0.01


async def test_wav_has_its_true_length(hear: Hear) -> None:
    """A strict player reads the length in the header; OpenAI's own header has none."""
    heard = await hear(preferred_format="wav")
    with wave.open(io.BytesIO(heard)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24_000, 1, 2)
        assert len(heard) == 44 + file.getnframes() * 2
        assert 1.5 < file.getnframes() / file.getframerate() < 5


async def test_satellite_gets_its_samples(hear: Hear) -> None:
    """A satellite's wishes for its samples are met."""
    heard = await hear(**SATELLITE)
    assert detect_format(heard[:12]) is AudioFormat.WAV
    assert int.from_bytes(heard[24:28], "little") == 16_000
    assert int.from_bytes(heard[22:24], "little") == 1
    sound = read_wav_stream(heard)
    assert 1.5 < sound.seconds < 5
    assert sound.level > 0.01


async def test_a_server_that_always_answers_wav_is_understood(simulator: Simulator, hear: Hear) -> None:
    """The first bytes decide what sound is; Home Assistant makes of it what the player wants."""
    wav = await hear("First this one.", preferred_format="wav")
    simulator.fail(Fault(path="*/audio/speech", body=wav, headers={"Content-Type": "audio/mpeg"}))
    heard = await hear("Then that one.")
    assert detect_format(heard[:12]) is AudioFormat.MP3
    assert (await decode(heard)).level > 0.01


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
]


@pytest.mark.parametrize("change", CHANGES)
async def test_options_of_a_call_reach_the_provider(simulator: Simulator, hear: Hear, change: dict[str, Any]) -> None:
    """Whatever a voice has set can be set for one message."""
    await hear(**change)
    (body,) = get_speech_requests(simulator)
    assert change.items() <= body.items()


@pytest.mark.parametrize(("options", "said"), TEXT_CHANGES)
async def test_text_is_read_as_a_person_would(
    simulator: Simulator, hear: Hear, options: dict[str, Any], said: str
) -> None:
    """Markup is for the eye; words can be said otherwise than they are written."""
    await hear("**Bold** words use 3 kWh.", **options)
    assert get_speech_requests(simulator)[0]["input"] == said


@pytest.mark.parametrize("change", [*CHANGES, {"format": "flac"}, *(change for change, _ in TEXT_CHANGES[1:])])
async def test_changed_voice_is_never_answered_from_the_cache(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hear: Hear, change: dict[str, Any]
) -> None:
    """Home Assistant keeps what was spoken: as long as the voice is the same, and no longer."""
    assert await hear()
    assert await hear()
    assert len(get_speech_requests(simulator)) == 1

    (subentry,) = account.subentries.values()
    hass.config_entries.async_update_subentry(account, subentry, data={**subentry.data, **change})
    await hass.async_block_till_done()
    assert await hear()
    assert len(get_speech_requests(simulator)) == 2


async def test_another_server_is_never_answered_from_the_cache(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hear: Hear
) -> None:
    """The same words from another server are other sound."""
    await hear()
    async with Simulator(api_key=simulator.api_key) as other:
        hass.config_entries.async_update_entry(account, data={**account.data, "base_url": other.openai_url})
        await hass.async_block_till_done()
        await hear()
        assert len(get_speech_requests(other)) == 1


async def test_format_of_a_voice_is_what_players_get(hass: HomeAssistant, account: MockConfigEntry, hear: Hear) -> None:
    """A voice that makes wav is not converted to mp3 for a player without a wish."""
    (subentry,) = account.subentries.values()
    hass.config_entries.async_update_subentry(account, subentry, data={**subentry.data, "format": "wav"})
    await hass.async_block_till_done()
    assert detect_format((await hear())[:12]) is AudioFormat.WAV


async def test_format_of_a_call_is_what_the_provider_is_asked_for(simulator: Simulator, hear: Hear) -> None:
    """The file type stays what the player gets; Home Assistant makes it of what the provider sends."""
    heard = await hear(format="flac")
    assert get_speech_requests(simulator)[0]["response_format"] == "flac"
    assert detect_format(heard[:12]) is AudioFormat.MP3
    assert (await decode(heard)).level > 0.01


async def test_setting_that_the_model_ignores_is_not_sent(simulator: Simulator, hear: Hear) -> None:
    """A model that takes no instructions is asked without them, instead of refusing to speak."""
    assert await hear(model="tts-1", voice="nova", instructions="Whisper.")
    assert "instructions" not in get_speech_requests(simulator)[0]


async def test_own_voice_is_sent_as_an_object(simulator: Simulator, hear: Hear) -> None:
    """OpenAI takes the ID of a custom voice in an object."""
    assert await hear(voice="voice_1234")
    assert get_speech_requests(simulator)[0]["voice"] == {"id": "voice_1234"}


@pytest.mark.parametrize("language", ["en", "en-US", "de", "de-DE", "pt-BR", "zh-Hans", "zh-CN", "nb"])
async def test_languages_bare_and_regional(hear: Hear, language: str) -> None:
    """Home Assistant compares languages literally; both ways to write one are taken."""
    assert await hear(language=language)


async def test_voice_picker_begins_with_the_voice_itself(
    hass: HomeAssistant, account: MockConfigEntry, hass_ws_client: WebSocketGenerator
) -> None:
    """Assist takes the first voice of the list: it must not replace the one that was configured."""
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
    """Assist's settings list the model's voices."""
    client = await hass_ws_client()
    await client.send_json_auto_id({"type": "tts/engine/voices", "engine_id": "tts.ann", "language": "en-US"})
    voices = (await client.receive_json())["result"]["voices"]
    assert {"voice_id": "marin", "name": "Marin"} in voices
    assert len(voices) == 13


async def test_unknown_option_is_refused(hear: Hear) -> None:
    """A misspelt option is told, not ignored."""
    with pytest.raises((HomeAssistantError, ServiceValidationError), match="wobble"):
        await hear(wobble=1)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"speed": 9}, "speed"),
        ({"speed": "fast"}, "speed"),
        ({"instructions": 7}, "instructions"),
        ({"replacements": "kWh"}, "replacements"),
        ({"format": "banana"}, "format"),
        ({"preferred_sample_rate": 1}, "preferred_sample_rate"),
        ({"preferred_sample_channels": 9}, "preferred_sample_channels"),
        ({"replacements": [{"say": "kilowatt hours"}]}, "replacements"),
        ({"replacements": [{"find": "", "say": "x"}]}, "replacements"),
    ],
)
async def test_impossible_option_is_told(
    simulator: Simulator, hear: Hear, caplog: pytest.LogCaptureFixture, options: dict[str, Any], told: str
) -> None:
    """A value out of range never reaches the provider; the message names the setting."""
    assert not await hear(**options)
    assert f"The value of {told} is not possible" in caplog.text
    assert not get_speech_requests(simulator)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"status": 400, "json": {"error": {"message": "m", "type": "t", "code": "invalid_value"}}}, "invalid_value"),
        ({"status": 403}, "does not permit"),
        ({"status": 404, "json": {"error": {"code": "model_not_found"}}}, "model_not_found"),
        ({"status": 429, "json": {"error": {"code": "insufficient_quota"}}}, "Add credit"),
        ({"status": 501}, "cannot do this"),
        ({"body": '{"error": "no"}', "headers": {"Content-Type": "audio/mpeg"}}, "not audio"),
        ({"body": "<html>Hello</html>"}, "not audio"),
        ({"body": b""}, "not audio"),
        ({"status": 302, "headers": {"Location": "/elsewhere"}}, "sends visitors on"),
    ],
)
async def test_failure_is_told_and_not_kept(
    simulator: Simulator, hear: Hear, caplog: pytest.LogCaptureFixture, fault: dict[str, Any], told: str
) -> None:
    """What is no sound is not played and not kept: the next time the provider is asked again."""
    simulator.fail(Fault(path="*/audio/speech", **fault))
    assert await hear() == b""
    assert told in caplog.text
    assert len(get_speech_requests(simulator)) == 1
    assert await hear()
    assert len(get_speech_requests(simulator)) == 2


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 429, "headers": {"Retry-After": "0"}}, {"status": 408}])
async def test_passing_failure_is_not_noticed(simulator: Simulator, hear: Hear, fault: dict[str, Any]) -> None:
    """What passes by itself is tried again before anyone hears of it."""
    simulator.fail(Fault(path="*/audio/speech", **fault))
    assert await hear()
    assert len(get_speech_requests(simulator)) == 2


async def test_refused_key_starts_reauthentication(hass: HomeAssistant, simulator: Simulator, hear: Hear) -> None:
    """The user is asked for a new key as soon as the old one fails."""
    simulator.api_key = "sk-another"
    assert not await hear()
    assert [flow["context"]["source"] for flow in hass.config_entries.flow.async_progress()] == ["reauth"]


async def test_neither_key_nor_provider_message_is_logged(
    simulator: Simulator, account: MockConfigEntry, hear: Hear, caplog: pytest.LogCaptureFixture
) -> None:
    """OpenAI's message for a wrong key echoes it; it stays out of the log and of what users see."""
    key = account.data["api_key"]
    for status in (400, 401, 429, 500):
        message = f"Incorrect API key provided: {key}. You said: {SENTENCE}"
        simulator.fail(Fault(path="*/audio/speech", status=status, json={"error": {"message": message}}, times=9))
        await hear()
        simulator.reset()
    told = [record.getMessage() for record in caplog.records if record.levelno > logging.DEBUG]
    assert not [line for line in told if key in line or "You said" in line]


async def test_broken_stream_is_not_kept(simulator: Simulator, hear: Hear) -> None:
    """A connection that breaks in the middle of the sound leaves nothing behind."""
    simulator.fail(Fault(path="*/audio/speech", truncate_after=4000))
    await hear()
    whole = await hear()
    assert len(get_speech_requests(simulator)) == 2
    assert (await decode(whole)).seconds > 1.5
