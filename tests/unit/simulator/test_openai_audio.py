"""The audio of the simulated OpenAI API: formats, voices and languages."""

import asyncio
import base64
import json

import aiohttp
import pytest

from tests.simulator import Simulator
from tests.simulator.audio.espeak import Speaker, language_of
from tests.simulator.openai.contract import MAX_CHARACTERS, OLDER_VOICES, VOICES

from .openai_client import (
    MAX_SECONDS,
    MIN_SECONDS,
    OLDER_MODEL,
    SPEECH,
    TEXT,
    measure_duration,
    measure_pcm_duration,
    speech_body,
    synthesize,
)

MAGIC = {"mp3": b"ID3", "opus": b"OggS", "aac": b"\xff\xf1", "flac": b"fLaC", "wav": b"RIFF", "pcm": b""}
CONTENT_TYPES = {"mp3": "mpeg", "opus": "opus", "aac": "aac", "flac": "flac", "wav": "wav", "pcm": "pcm"}
FFMPEG_ARGUMENTS = {  # for raw samples, and for a wav of unknown length
    "pcm": ("-f", "s16le", "-ar", "24000"),
    "wav": ("-f", "wav"),
}


@pytest.mark.parametrize("audio_format", list(MAGIC))
async def test_formats(client: aiohttp.ClientSession, audio_format: str) -> None:
    """Every format has its content type and first bytes, and decodes to the whole sentence."""
    async with client.post(SPEECH, json=speech_body(response_format=audio_format)) as response:
        assert response.status == 200
        assert response.content_type == f"audio/{CONTENT_TYPES[audio_format]}"
        assert response.headers["Transfer-Encoding"] == "chunked"
        audio = await response.read()
    assert audio.startswith(MAGIC[audio_format])
    assert MIN_SECONDS < measure_duration(audio, *FFMPEG_ARGUMENTS.get(audio_format, ())) < MAX_SECONDS


async def test_default_format(client: aiohttp.ClientSession) -> None:
    """The default format is mp3."""
    assert (await synthesize(client)).startswith(b"ID3")


async def test_wav_header(client: aiohttp.ClientSession) -> None:
    """The wav header equals the real service's, byte for byte."""
    audio = await synthesize(client, response_format="wav")
    header = "52494646 ffffffff 57415645 666d7420 10000000 0100 0100 c05d0000 80bb0000 0200 1000 64617461 ffffffff"
    assert audio[:44] == bytes.fromhex(header)
    assert audio[44:] == await synthesize(client, response_format="pcm")


@pytest.mark.parametrize("speed", [0.25, 0.4, 0.5, 1.5, 3, 4.0])
async def test_speed(client: aiohttp.ClientSession, speed: float) -> None:
    """The speed changes the duration."""
    normal = measure_pcm_duration(await synthesize(client, response_format="pcm"))
    changed = measure_pcm_duration(await synthesize(client, response_format="pcm", speed=speed))
    assert changed == pytest.approx(normal / speed, rel=0.1)


async def test_voices_differ(client: aiohttp.ClientSession) -> None:
    """All voices sound different, and each sounds the same every time."""
    audio = {voice: await synthesize(client, voice=voice, response_format="pcm") for voice in VOICES}
    assert len(set(audio.values())) == len(VOICES) == 13
    assert audio["onyx"] == await synthesize(client, voice="onyx", response_format="pcm")


@pytest.mark.parametrize("voice", OLDER_VOICES)
async def test_older_voices(client: aiohttp.ClientSession, voice: str) -> None:
    """The older models support their nine voices."""
    assert len(OLDER_VOICES) == 9
    assert MIN_SECONDS < measure_duration(await synthesize(client, model=OLDER_MODEL, voice=voice)) < MAX_SECONDS


async def test_custom_voice(client: aiohttp.ClientSession) -> None:
    """A custom voice is an object with an id."""
    assert (
        MIN_SECONDS
        < measure_duration(await synthesize(client, voice={"id": "voice_1234"}, instructions="Whisper."))
        < MAX_SECONDS
    )
    assert Speaker.named("voice_1234") == Speaker.named("voice_1234") != Speaker.named("voice_1235")


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en-us", "The weather is fine, Ännchen."),
        ("ru", "Сегодня хорошая погода, Bob."),
        ("cmn", "今天天气很好。"),
        ("ja", "今日はいい天気ですね。"),
        ("ar", "الطقس جميل اليوم."),
        ("hi", "आज मौसम अच्छा है।"),
        ("ko", "오늘 날씨가 좋네요."),
        ("el", "Σήμερα κάνει καλό καιρό."),
        ("he", "מזג האוויר יפה היום."),
        ("th", "วันนี้อากาศดี"),
        ("ta", "இன்று வானிலை நன்றாக உள்ளது."),
        ("en-us", "ថ្ងៃនេះអាកាសធាតុល្អ"),
        ("en-us", "21 °C, 50 %"),
        ("en-us", "🎉"),
        ("en-us", "…"),
        ("en-us", " "),
    ],
)
async def test_languages(client: aiohttp.ClientSession, language: str, text: str) -> None:
    """Every script is read in a matching language; text without words produces audio too."""
    assert language_of(text) == language
    length = measure_pcm_duration(await synthesize(client, input=text, response_format="pcm"))
    assert 0.05 * len(text) ** 0.5 < length < 0.7 * len(text) + 2


async def test_longest_input(client: aiohttp.ClientSession) -> None:
    """The longest input is spoken completely."""
    text = (TEXT + " ") * 100
    length = measure_pcm_duration(await synthesize(client, input=text[:MAX_CHARACTERS], response_format="pcm"))
    assert 120 < length < 400


async def test_concurrent_requests(client: aiohttp.ClientSession) -> None:
    """Concurrent requests get their own audio."""
    texts = [f"Number {number}." for number in range(12)] * 2
    audio = await asyncio.gather(*(synthesize(client, input=text, response_format="pcm") for text in texts))
    assert audio[:12] == audio[12:]
    assert len(set(audio)) == 12


async def test_server_sent_events(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """Events carry the same audio, and the usage."""
    async with client.post(SPEECH, json=speech_body(stream_format="sse", response_format="wav")) as response:
        assert response.content_type == "text/event-stream"
        body = await response.read()
    assert simulator.requests[-1].sent == len(body)
    *lines, rest = body.decode().split("\n\n")
    assert rest == ""
    events = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert [event["type"] for event in events[:-1]] == ["speech.audio.delta"] * (len(events) - 1)
    assert events[-1]["type"] == "speech.audio.done"
    usage = events[-1]["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"] > 10
    audio = b"".join(base64.b64decode(event["audio"]) for event in events[:-1])
    assert audio == await synthesize(client, response_format="wav")
