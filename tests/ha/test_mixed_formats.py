"""Chunks whose audio has another format than requested, or than the first chunk, are joined without losing a word."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from tests.simulator import Fault, Simulator
from tests.simulator.audio.encoding import find_ffmpeg
from tests.support.audio import RATE, decode_output
from tests.support.speech import SPEECH_PATH, Hear, get_speech_requests
from tests.support.streams import SATELLITE, stream_text
from tests.support.word_decoder import assert_spoken

SENTENCES = (
    "One sentence comes first, in whatever the server likes to make.",
    "Another follows it at once, in a form that was not requested at all.",
    "The last of them ends the reply, and with it this test of patience.",
)


def stream_sentences() -> AsyncGenerator[str]:
    """Yield the sentences so slowly that each becomes a request."""
    return stream_text(*(f"{sentence} " for sentence in SENTENCES), pause_s=0.3)


async def convert(wav: bytes, *options: str) -> bytes:
    """Convert a WAV file with ffmpeg."""
    process = await asyncio.create_subprocess_exec(
        *(find_ffmpeg(), "-v", "error", "-i", "pipe:", *options, "pipe:"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    return (await process.communicate(wav))[0]


FORMATS = {
    "wav": ("-f", "wav"),
    "wav at 44.1 kHz": ("-ar", "44100", "-ac", "2", "-f", "wav"),
    "wav of 24 bits": ("-c:a", "pcm_s24le", "-f", "wav"),
    "wav at an odd rate": ("-ar", "23456", "-f", "wav"),
    "wav of 8 bits a-law": ("-ar", "16000", "-c:a", "pcm_alaw", "-f", "wav"),
    "mp3 at 44.1 kHz": ("-ar", "44100", "-ac", "2", "-f", "mp3"),
    "mp3 at 24 kHz": ("-ar", "24000", "-f", "mp3"),
    "flac": ("-f", "flac"),
    "ogg": ("-c:a", "libopus", "-b:a", "64k", "-f", "ogg"),
    "aac": ("-b:a", "96k", "-f", "adts"),
}


async def set_response_formats(simulator: Simulator, hear: Hear, formats: tuple[str, ...]) -> None:
    """Let the server answer the next requests with the sentences in these formats."""
    for sentence, name in zip(SENTENCES, formats, strict=True):
        wav = await hear(sentence, preferred_format="wav", sentence_cache=False)
        simulator.fail(Fault(path=SPEECH_PATH, body=await convert(wav, *FORMATS[name])))
    simulator.requests.clear()


OUTPUT_FORMATS: list[dict[str, Any]] = [{"preferred_format": "mp3"}, {"preferred_format": "wav"}, SATELLITE]


@pytest.mark.parametrize("options", OUTPUT_FORMATS, ids=["mp3", "wav", "satellite"])
@pytest.mark.parametrize(
    "formats",
    [
        ("mp3 at 24 kHz", "mp3 at 44.1 kHz", "mp3 at 24 kHz"),
        ("mp3 at 44.1 kHz", "wav", "flac"),
        ("wav", "wav at 44.1 kHz", "mp3 at 24 kHz"),
        ("wav of 24 bits", "ogg", "wav at an odd rate"),
        ("ogg", "aac", "wav of 8 bits a-law"),
        ("wav of 8 bits a-law", "flac", "mp3 at 24 kHz"),
    ],
    ids=" ".join,
)
async def test_chunks_of_mixed_formats(
    simulator: Simulator, hear: Hear, options: dict[str, Any], formats: tuple[str, ...]
) -> None:
    """The reply has every word in the output format, whatever the formats of its chunks."""
    simulator.audio_mode = "tones"
    await set_response_formats(simulator, hear, formats)
    sound = await decode_output(await hear(stream_sentences(), **options), options)
    assert len(get_speech_requests(simulator)) == 3
    assert_spoken(sound.samples, RATE, " ".join(SENTENCES))


@pytest.mark.parametrize("options", OUTPUT_FORMATS, ids=["mp3", "wav", "satellite"])
@pytest.mark.parametrize(
    "body", [b"RIFF\0\0\0\0WAVEjunk", b"\xff\xf3\xc4\xc4" + bytes(20), b"OggS" + bytes(100)], ids=["wav", "mp3", "ogg"]
)
async def test_damaged_chunk(
    simulator: Simulator, hear: Hear, caplog: pytest.LogCaptureFixture, options: dict[str, Any], body: bytes
) -> None:
    """A chunk with a valid start but no audio ends the reply with an error."""
    first = await convert(await hear(SENTENCES[0], preferred_format="wav"), *FORMATS["mp3 at 24 kHz"])
    simulator.fail(Fault(path=SPEECH_PATH, body=first), Fault(path=SPEECH_PATH, body=body))
    await hear(stream_sentences(), **options)
    assert "did not send audio" in caplog.text
