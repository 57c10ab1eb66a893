"""The audio of the simulated Speechbase API: formats, loudness, pronunciations and streams."""

from base64 import b64decode
from collections.abc import Sequence
from io import BytesIO
import struct
import time
from typing import Any

import aiohttp
from mutagen.mp3 import MP3
import numpy as np
import pytest

from tests.simulator import Fault, Simulator, Timing
from tests.simulator.speechbase.contract import Pronunciation, apply_pronunciations
from tests.support.word_decoder import assert_spoken, voice_of

from .openai_client import MAX_SECONDS, MIN_SECONDS, TEXT, measure_duration, synthesize
from .speechbase_client import (
    ENDPOINTS,
    MODEL,
    SPEECH,
    STREAM,
    inline_body,
    post_refused,
    post_speech,
    saved_voice_body,
)

ELEVENLABS, GOOGLE = "elevenlabs/eleven_v3", "google/gemini-2.5-flash-preview-tts"
RATE = 24_000

# Formats


@pytest.mark.parametrize(
    ("output", "content_type", "start"),
    [
        (..., "audio/wav", b"RIFF"),
        ("wav", "audio/wav", b"RIFF"),
        ({"format": "wav"}, "audio/wav", b"RIFF"),
        ("mp3", "audio/mpeg", b"ID3"),
        ({"format": "mp3"}, "audio/mpeg", b"ID3"),
    ],
)
async def test_formats(client: aiohttp.ClientSession, output: Any, content_type: str, start: bytes) -> None:
    """Audio has the requested format, wav by default, in chunks."""
    async with client.post(SPEECH, json=inline_body(output=output)) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == content_type
        assert response.headers["Transfer-Encoding"] == "chunked"
        assert response.headers["x-request-id"]
        audio = await response.read()
    assert audio.startswith(start)
    assert MIN_SECONDS < measure_duration(audio, *(("-f", "wav") if start == b"RIFF" else ())) < MAX_SECONDS


async def test_timestamps(client: aiohttp.ClientSession) -> None:
    """Speech with timestamps is JSON with the whole audio and the time of each word."""
    async with client.post(f"{SPEECH}/with-timestamps", json=inline_body(output="mp3")) as response:
        assert response.status == 200
        body = await response.json()
    assert b64decode(body["audio"]).startswith(b"ID3")
    assert (body["mediaType"], body["warnings"]) == ("audio/mpeg", [])
    assert [stamp["text"] for stamp in body["timestamps"]] == TEXT.split()
    assert body["timestamps"][0]["end"] == body["timestamps"][1]["start"] > 0
    await post_refused(client, inline_body(text=""), f"{SPEECH}/with-timestamps")


@pytest.mark.parametrize("output", ["pcm", {"format": "pcm"}])
async def test_raw_samples(client: aiohttp.ClientSession, output: Any) -> None:
    """Raw samples have no header and an unspecific content type."""
    async with client.post(SPEECH, json=inline_body(output=output)) as response:
        assert response.headers["Content-Type"] == "application/octet-stream"
        samples = await response.read()
    assert samples == (await post_speech(client, output="wav"))[44:]
    assert MIN_SECONDS < len(samples) / 2 / RATE < MAX_SECONDS


@pytest.mark.parametrize("model", [MODEL, ELEVENLABS])
async def test_wav_sizes(client: aiohttp.ClientSession, simulator: Simulator, model: str) -> None:
    """A wav has zeros for its sizes, or the true sizes if configured, at the vendor's rate."""
    rate = RATE if model == MODEL else 44_100
    audio = await post_speech(client, model=model)
    assert read_wav_sizes_and_rate(audio) == (0, 0, rate)
    simulator.speechbase.streams_wav = False
    measured = await post_speech(client, model=model)
    assert read_wav_sizes_and_rate(measured) == (len(audio) - 8, len(audio) - 44, rate)
    assert measured[44:] == audio[44:]
    assert MIN_SECONDS < measure_duration(measured) < MAX_SECONDS


@pytest.mark.parametrize("bitrate", [32, 96, 160, 320])
@pytest.mark.parametrize("model", [MODEL, ELEVENLABS])
async def test_bitrate(client: aiohttp.ClientSession, model: str, bitrate: int) -> None:
    """An mp3 has the requested bitrate, whatever the vendor's rate."""
    info = read_mp3_info(await post_speech(client, model=model, output={"format": "mp3", "bitrate": bitrate}))
    assert info.bitrate == bitrate * 1000
    assert info.sample_rate == (44_100 if model == ELEVENLABS else 48_000 if bitrate > 160 else RATE)
    assert MIN_SECONDS < info.length < MAX_SECONDS


async def test_default_bitrate(client: aiohttp.ClientSession) -> None:
    """The default bitrate differs from OpenAI's."""
    assert [
        read_mp3_info(await post_speech(client, output=output)).bitrate for output in ("mp3", {"format": "mp3"})
    ] == [96_000] * 2
    assert read_mp3_info(await synthesize(client)).bitrate == 128_000


async def test_sample_rate(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A requested sample rate has an effect only if configured."""
    wav, mp3 = {"format": "wav", "sampleRate": 16_000}, {"format": "mp3", "sampleRate": 20_000}
    assert read_wav_sizes_and_rate(await post_speech(client, output=wav))[2] == RATE
    assert read_mp3_info(await post_speech(client, output=mp3)).sample_rate == RATE
    simulator.speechbase.resamples = True
    audio = await post_speech(client, output=wav)
    assert read_wav_sizes_and_rate(audio)[2] == 16_000
    assert MIN_SECONDS < (len(audio) - 44) / 2 / 16_000 < MAX_SECONDS
    assert read_mp3_info(await post_speech(client, output=mp3)).sample_rate == 22_050  # what mp3 has


# Speed, loudness, voices and pronunciations


@pytest.mark.parametrize("speed", [0.75, 1.25, 1.5])
async def test_speed(client: aiohttp.ClientSession, speed: float) -> None:
    """The speed changes the duration."""
    normal, changed = await post_speech(client), await post_speech(client, speed=speed)
    assert len(changed) == pytest.approx(len(normal) / speed, rel=0.1)


async def test_volume(client: aiohttp.ClientSession) -> None:
    """Audio has the requested level without distortion, in every format."""
    for level in (-20, -30.5):
        assert measure_level(await post_speech(client, output="pcm", volumeDbfs=level)) == pytest.approx(level, abs=0.1)
    assert measure_level((await post_speech(client, volumeDbfs=-20))[44:]) == pytest.approx(-20, abs=0.1)
    assert measure_level(await post_speech(client, output="pcm")) > -30
    loudest = np.frombuffer(await post_speech(client, output="pcm", volumeDbfs=0), "<i2").astype(int)
    assert 32_000 < abs(loudest).max() < 32_768
    assert (abs(loudest) > 32_000).sum() < 10
    assert set(await post_speech(client, output="pcm", volumeDbfs=-20, text=" ")) == {0}


async def test_voices(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A vendor's voice sounds the same inline, saved, and at OpenAI; other voices differ."""
    simulator.audio_mode = "tones"
    row = next(row for row in simulator.speechbase.voices if row["voice_id"] == "coral")
    async with client.post(SPEECH, json=saved_voice_body(voiceId=row["id"], output="pcm")) as response:
        saved = await response.read()
    assert saved == await post_speech(client, voice="coral", output="pcm")
    assert saved == await synthesize(client, voice="coral", response_format="pcm")
    heard = assert_spoken(np.frombuffer(saved, "<i2"), RATE, TEXT)
    assert {word.voice for word in heard} == {voice_of("coral")} != {voice_of("alloy")}


@pytest.mark.parametrize("model", [MODEL, ELEVENLABS, GOOGLE])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_spoken_pronunciations(
    client: aiohttp.ClientSession, simulator: Simulator, endpoint: str, model: str
) -> None:
    """Pronunciations are audible."""
    simulator.audio_mode = "tones"
    simulator.speechbase.native_formats = {"openai": "pcm", "elevenlabs": "pcm", "google": "pcm"}
    rules = [{"word": "Fox", "replacement": "sleepy cat"}, {"word": "THE", "replacement": "a", "caseSensitive": True}]
    changes = {"output": "pcm"} if endpoint == SPEECH else {}
    voice = "alloy" if model == MODEL else "Kore"
    audio = await post_speech(client, endpoint, model=model, voice=voice, pronunciations={"rules": rules}, **changes)
    rate = 44_100 if model == ELEVENLABS else RATE
    assert_spoken(np.frombuffer(audio, "<i2"), rate, TEXT.replace("fox", "sleepy cat"))
    assert simulator.requests[-1].body["text"] == TEXT


@pytest.mark.parametrize(
    ("text", "rules", "expected"),
    [
        ("AGI, agi and magic", [("agi", "A G I")], "A G I, A G I and magic"),
        ("AGI, agi", [("AGI", "A G I", True)], "A G I, agi"),
        ("one two", [("one", "two"), ("two", "one")], "two one"),
        ("New York", [("new", "old"), ("new york", "the city")], "the city"),
        ("jq jq2", [("jq", "first"), ("JQ", "second")], "second jq2"),
        ("C++ and c+", [("c++", "see plus plus")], "see plus plus and c+"),
        (r"a.b \1", [("a.b", r"\1 \g<0>"), ("axb", "never")], r"\1 \g<0> \1"),
        ("schön, schöne", [("SCHÖN", "nett")], "nett, schöne"),
        ("nothing", [], "nothing"),
    ],
)
def test_pronunciations(text: str, rules: list[Sequence[Any]], expected: str) -> None:
    """Whole words are replaced, each once."""
    assert apply_pronunciations(text, tuple(Pronunciation(*rule) for rule in rules)) == expected


# Streams


@pytest.mark.parametrize(
    ("model", "content_type", "start"),
    [(MODEL, "audio/mpeg", b"ID3"), (ELEVENLABS, "audio/mpeg", b"ID3"), (GOOGLE, "audio/wav", b"RIFF\0\0\0\0")],
)
async def test_stream(client: aiohttp.ClientSession, model: str, content_type: str, start: bytes) -> None:
    """A stream has the vendor's own format."""
    async with client.post(STREAM, json=inline_body(model=model)) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == content_type
        assert response.headers["Transfer-Encoding"] == "chunked"
        audio = await response.read()
    assert audio.startswith(start)
    assert MIN_SECONDS < measure_duration(audio, *(("-f", "wav") if content_type == "audio/wav" else ())) < MAX_SECONDS


async def test_stream_of_saved_voice(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A saved voice streams its vendor's format; the type of raw samples contains their rate."""
    async with client.post(STREAM, json=saved_voice_body()) as response:
        assert response.headers["Content-Type"] == "audio/mpeg"
        assert read_mp3_info(await response.read()).sample_rate == 44_100
    simulator.speechbase.native_formats["elevenlabs"] = "pcm"
    async with client.post(STREAM, json=saved_voice_body()) as response:
        assert response.headers["Content-Type"] == "audio/pcm;rate=44100"
        assert MIN_SECONDS < len(await response.read()) / 2 / 44_100 < MAX_SECONDS


async def test_type_of_raw_samples(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """The content type of raw samples is configurable."""
    simulator.speechbase.native_formats["elevenlabs"] = "pcm"
    for raw_type, content_type in {"audio/L16; rate={rate}": "audio/L16; rate=44100", "audio/pcm": "audio/pcm"}.items():
        simulator.speechbase.raw_type = raw_type
        async with client.post(STREAM, json=saved_voice_body()) as response:
            assert response.headers["Content-Type"] == content_type


async def test_model_without_streaming(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A model without streaming works on the other endpoint."""
    simulator.speechbase.models_without_streaming = {MODEL}
    answer = await post_refused(client, inline_body(), STREAM)
    assert (answer["status"], answer["code"], answer["provider"]) == (501, "streaming_unsupported", "openai")
    assert await post_speech(client)
    assert await post_speech(client, STREAM, model=GOOGLE, voice="Kore")


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_schema_without_pronunciations(
    client: aiohttp.ClientSession, simulator: Simulator, endpoint: str
) -> None:
    """Without the key in its schema, a server refuses pronunciations."""
    simulator.speechbase.accepts_pronunciations = False
    answer = await post_refused(client, inline_body(pronunciations={"rules": []}), endpoint)
    assert answer["validation"] == [{"path": [], "message": 'Unrecognized key: "pronunciations"'}]
    assert await post_speech(client, endpoint)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_timing_and_faults(client: aiohttp.ClientSession, simulator: Simulator, endpoint: str) -> None:
    """Timing and faults work as with every provider."""
    simulator.timing = Timing(first_byte=0.2, rate=8.0)
    async with client.post(endpoint, json=inline_body()) as response:
        assert len([data async for data in response.content.iter_any()]) > 5
    simulator.fail(Fault(path=endpoint, truncate_after=1000))
    async with client.post(endpoint, json=inline_body()) as response:
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
    assert simulator.requests[-1].sent == 1000


async def test_buffered(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A buffering server responds when the audio is complete, with its length; streams do not change."""
    simulator.speechbase.buffers = True
    simulator.timing = Timing(first_byte=0.1, rate=4.0)
    audio = await post_speech(client)
    assert read_wav_sizes_and_rate(audio) == (len(audio) - 8, len(audio) - 44, RATE)
    complete_after = 0.1 + (len(audio) - 44) / 2 / RATE / 4
    for endpoint, length in ((SPEECH, str(len(audio))), (STREAM, None)):
        started = time.perf_counter()
        async with client.post(endpoint, json=inline_body()) as response:
            assert (time.perf_counter() - started > complete_after * 0.9) == (endpoint == SPEECH)
            assert response.headers.get("Content-Length") == length
            await response.read()


def read_wav_sizes_and_rate(wav: bytes) -> tuple[int, int, int]:
    """Return the two sizes and the rate in a wav header."""
    return (
        struct.unpack_from("<I", wav, 4)[0],
        struct.unpack_from("<I", wav, 40)[0],
        struct.unpack_from("<I", wav, 24)[0],
    )


def read_mp3_info(audio: bytes) -> Any:
    """Return the bitrate, sample rate and length of an mp3."""
    return MP3(BytesIO(audio)).info


def measure_level(samples: bytes) -> float:
    """Return the average power of samples, in dBFS."""
    return float(20 * np.log10(np.sqrt(np.mean(np.frombuffer(samples, "<i2").astype(float) ** 2)) / 32_767))
