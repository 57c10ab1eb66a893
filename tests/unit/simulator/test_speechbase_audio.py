"""What the simulated Speechbase says: containers, bitrates, loudness, words said otherwise, and streams."""

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
from tests.simulator.speechbase.contract import BITRATES, Pronunciation, pronounced
from tests.support.word_decoder import assert_spoken, voice_of

from .openai_client import LONGEST, SHORTEST, TEXT, seconds, speech
from .speechbase_client import MODEL, ROUTES, SPEECH, STREAM, by_voice, inline, refused, spoken

ELEVENLABS, GOOGLE = "elevenlabs/eleven_v3", "google/gemini-2.5-flash-preview-tts"
RATE = 24_000

# Containers


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
async def test_containers(client: aiohttp.ClientSession, output: Any, content_type: str, start: bytes) -> None:
    """Audio comes in the container asked for, wav being the default, in pieces."""
    async with client.post(SPEECH, json=inline(output=output)) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == content_type
        assert response.headers["Transfer-Encoding"] == "chunked"
        assert response.headers["x-request-id"]
        audio = await response.read()
    assert audio.startswith(start)
    assert SHORTEST < seconds(audio, *(("-f", "wav") if start == b"RIFF" else ())) < LONGEST


@pytest.mark.parametrize("output", ["pcm", {"format": "pcm"}])
async def test_samples(client: aiohttp.ClientSession, output: Any) -> None:
    """Bare samples have no header, and their type tells nothing."""
    async with client.post(SPEECH, json=inline(output=output)) as response:
        assert response.headers["Content-Type"] == "application/octet-stream"
        samples = await response.read()
    assert samples == (await spoken(client, output="wav"))[44:]
    assert SHORTEST < len(samples) / 2 / RATE < LONGEST


@pytest.mark.parametrize("model", [MODEL, ELEVENLABS])
async def test_wav_of_unknown_length(client: aiohttp.ClientSession, simulator: Simulator, model: str) -> None:
    """A wav has zeros in the place of its sizes, or what is true, at its vendor's rate."""
    rate = RATE if model == MODEL else 44_100
    audio = await spoken(client, model=model)
    assert sizes_and_rate(audio) == (0, 0, rate)
    simulator.speechbase.streams_wav = False
    measured = await spoken(client, model=model)
    assert sizes_and_rate(measured) == (len(audio) - 8, len(audio) - 44, rate)
    assert measured[44:] == audio[44:]
    assert SHORTEST < seconds(measured) < LONGEST


@pytest.mark.parametrize("bitrate", BITRATES)
@pytest.mark.parametrize("model", [MODEL, ELEVENLABS])
async def test_bitrate(client: aiohttp.ClientSession, model: str, bitrate: int) -> None:
    """An mp3 has the bitrate asked for, whatever the vendor's rate is."""
    info = mp3_info(await spoken(client, model=model, output={"format": "mp3", "bitrate": bitrate}))
    assert info.bitrate == bitrate * 1000
    assert info.sample_rate == (44_100 if model == ELEVENLABS else 48_000 if bitrate > 160 else RATE)
    assert SHORTEST < info.length < LONGEST


async def test_default_bitrate(client: aiohttp.ClientSession) -> None:
    """Unless it is asked for, it is not that of OpenAI."""
    assert [mp3_info(await spoken(client, output=output)).bitrate for output in ("mp3", {"format": "mp3"})] == [
        96_000
    ] * 2
    assert mp3_info(await speech(client)).bitrate == 128_000


async def test_sample_rate(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A rate may be asked for, which has an effect only if it is so set."""
    wav, mp3 = {"format": "wav", "sampleRate": 16_000}, {"format": "mp3", "sampleRate": 20_000}
    assert sizes_and_rate(await spoken(client, output=wav))[2] == RATE
    assert mp3_info(await spoken(client, output=mp3)).sample_rate == RATE
    simulator.speechbase.resamples = True
    audio = await spoken(client, output=wav)
    assert sizes_and_rate(audio)[2] == 16_000
    assert SHORTEST < (len(audio) - 44) / 2 / 16_000 < LONGEST
    assert mp3_info(await spoken(client, output=mp3)).sample_rate == 22_050  # what mp3 has


# Sound


@pytest.mark.parametrize("speed", [0.75, 1.25, 1.5])
async def test_speed(client: aiohttp.ClientSession, speed: float) -> None:
    """Speed is audible."""
    usual, changed = await spoken(client), await spoken(client, speed=speed)
    assert len(changed) == pytest.approx(len(usual) / speed, rel=0.1)


async def test_volume(client: aiohttp.ClientSession) -> None:
    """The level is what was asked for, in every container, and never distorts."""
    for level in (-20, -30.5):
        assert level_of(await spoken(client, output="pcm", volumeDbfs=level)) == pytest.approx(level, abs=0.1)
    assert level_of((await spoken(client, volumeDbfs=-20))[44:]) == pytest.approx(-20, abs=0.1)
    assert level_of(await spoken(client, output="pcm")) > -30
    loudest = np.frombuffer(await spoken(client, output="pcm", volumeDbfs=0), "<i2").astype(int)
    assert 32_000 < abs(loudest).max() < 32_768
    assert (abs(loudest) > 32_000).sum() < 10
    assert set(await spoken(client, output="pcm", volumeDbfs=-20, text=" ")) == {0}


async def test_voices(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A vendor's voice sounds the same inline, saved, and at OpenAI itself; others differ."""
    simulator.tongue = "tones"
    row = next(row for row in simulator.speechbase.voices if row["voice_id"] == "coral")
    async with client.post(SPEECH, json=by_voice(voiceId=row["id"], output="pcm")) as response:
        saved = await response.read()
    assert saved == await spoken(client, voice="coral", output="pcm")
    assert saved == await speech(client, voice="coral", response_format="pcm")
    heard = assert_spoken(np.frombuffer(saved, "<i2"), RATE, TEXT)
    assert {word.voice for word in heard} == {voice_of("coral")} != {voice_of("alloy")}


@pytest.mark.parametrize("model", [MODEL, ELEVENLABS, GOOGLE])
@pytest.mark.parametrize("route", ROUTES)
async def test_words_are_replaced(client: aiohttp.ClientSession, simulator: Simulator, route: str, model: str) -> None:
    """Other words are heard where there is a rule for them."""
    simulator.tongue = "tones"
    simulator.speechbase.native_formats = {"openai": "pcm", "elevenlabs": "pcm", "google": "pcm"}
    rules = [{"word": "Fox", "replacement": "sleepy cat"}, {"word": "THE", "replacement": "a", "caseSensitive": True}]
    changes = {"output": "pcm"} if route == SPEECH else {}
    voice = "alloy" if model == MODEL else "Kore"
    audio = await spoken(client, route, model=model, voice=voice, pronunciations={"rules": rules}, **changes)
    rate = 44_100 if model == ELEVENLABS else RATE
    assert_spoken(np.frombuffer(audio, "<i2"), rate, TEXT.replace("fox", "sleepy cat"))
    assert simulator.requests[-1].body["text"] == TEXT


@pytest.mark.parametrize(
    ("text", "rules", "said"),
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
def test_pronunciations(text: str, rules: list[Sequence[Any]], said: str) -> None:
    """Whole words are replaced, each once."""
    assert pronounced(text, tuple(Pronunciation(*rule) for rule in rules)) == said


# Streams


@pytest.mark.parametrize(
    ("model", "content_type", "start"),
    [(MODEL, "audio/mpeg", b"ID3"), (ELEVENLABS, "audio/mpeg", b"ID3"), (GOOGLE, "audio/wav", b"RIFF\0\0\0\0")],
)
async def test_streams(client: aiohttp.ClientSession, model: str, content_type: str, start: bytes) -> None:
    """A stream comes in its vendor's own container."""
    async with client.post(STREAM, json=inline(model=model)) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == content_type
        assert response.headers["Transfer-Encoding"] == "chunked"
        audio = await response.read()
    assert audio.startswith(start)
    assert SHORTEST < seconds(audio, *(("-f", "wav") if content_type == "audio/wav" else ())) < LONGEST


async def test_streams_by_voice(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A saved voice's vendor decides; a vendor may also send bare samples, whose type tells their rate."""
    async with client.post(STREAM, json=by_voice()) as response:
        assert response.headers["Content-Type"] == "audio/mpeg"
        assert mp3_info(await response.read()).sample_rate == 44_100
    simulator.speechbase.native_formats["elevenlabs"] = "pcm"
    async with client.post(STREAM, json=by_voice()) as response:
        assert response.headers["Content-Type"] == "audio/pcm;rate=44100"
        assert SHORTEST < len(await response.read()) / 2 / 44_100 < LONGEST


async def test_type_of_raw_samples(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """What raw samples are called can be set."""
    simulator.speechbase.native_formats["elevenlabs"] = "pcm"
    for raw_type, told in {"audio/L16; rate={rate}": "audio/L16; rate=44100", "audio/pcm": "audio/pcm"}.items():
        simulator.speechbase.raw_type = raw_type
        async with client.post(STREAM, json=by_voice()) as response:
            assert response.headers["Content-Type"] == told


async def test_models_that_cannot_be_streamed(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A model can be kept from streaming; it speaks on the other route, and others stream."""
    simulator.speechbase.streamless = {MODEL}
    answer = await refused(client, inline(), STREAM)
    assert (answer["status"], answer["code"], answer["provider"]) == (501, "streaming_unsupported", "openai")
    assert await spoken(client)
    assert await spoken(client, STREAM, model=GOOGLE, voice="Kore")


@pytest.mark.parametrize("route", ROUTES)
async def test_server_that_replaces_no_words(client: aiohttp.ClientSession, simulator: Simulator, route: str) -> None:
    """Without the key in its schema, a server refuses rules as it refuses whatever it does not know."""
    simulator.speechbase.takes_pronunciations = False
    answer = await refused(client, inline(pronunciations={"rules": []}), route)
    assert answer["validation"] == [{"path": [], "message": 'Unrecognized key: "pronunciations"'}]
    assert await spoken(client, route)


@pytest.mark.parametrize("route", ROUTES)
async def test_pacing_and_faults(client: aiohttp.ClientSession, simulator: Simulator, route: str) -> None:
    """Audio is paced and cut short as with every provider."""
    simulator.timing = Timing(first_byte=0.2, rate=8.0)
    async with client.post(route, json=inline()) as response:
        assert len([data async for data in response.content.iter_any()]) > 5
    simulator.fail(Fault(path=route, truncate_after=1000))
    async with client.post(route, json=inline()) as response:
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
    assert simulator.requests[-1].sent == 1000


async def test_buffered(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A server that buffers sends nothing before it has everything, and knows all lengths; streams stay as they are."""
    simulator.speechbase.buffers = True
    simulator.timing = Timing(first_byte=0.1, rate=4.0)
    audio = await spoken(client)
    assert sizes_and_rate(audio) == (len(audio) - 8, len(audio) - 44, RATE)
    made = 0.1 + (len(audio) - 44) / 2 / RATE / 4
    for route, length in ((SPEECH, str(len(audio))), (STREAM, None)):
        started = time.perf_counter()
        async with client.post(route, json=inline()) as response:
            assert (time.perf_counter() - started > made * 0.9) == (route == SPEECH)
            assert response.headers.get("Content-Length") == length
            await response.read()


def sizes_and_rate(wav: bytes) -> tuple[int, int, int]:
    """Return what a wav's header says: the two sizes, and the rate."""
    return (
        struct.unpack_from("<I", wav, 4)[0],
        struct.unpack_from("<I", wav, 40)[0],
        struct.unpack_from("<I", wav, 24)[0],
    )


def mp3_info(audio: bytes) -> Any:
    """Return what an mp3's frames say: bitrate, sample_rate and length."""
    return MP3(BytesIO(audio)).info


def level_of(samples: bytes) -> float:
    """Return the average power of samples, in dBFS."""
    return float(20 * np.log10(np.sqrt(np.mean(np.frombuffer(samples, "<i2").astype(float) ** 2)) / 32_767))
