"""Parts of another kind than was asked for, or than the first one, are brought together: no word is lost."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from ..simulator import Fault, Simulator
from ..support.audio import RATE, decode_output, ffmpeg
from ..support.speech import SATELLITE, Hear, get_speech_requests
from ..support.word_decoder import assert_spoken

SENTENCES = (
    "One sentence comes first, in whatever the server likes to make.",
    "Another follows it at once, in a form that nobody has asked for at all.",
    "The last of them ends the reply, and with it this test of patience.",
)


async def reply() -> AsyncGenerator[str]:
    """Give the sentences so that each becomes a request of its own."""
    for sentence in SENTENCES:
        yield f"{sentence} "
        await asyncio.sleep(0.3)


async def made(wav: bytes, *options: str) -> bytes:
    """Make another file of a sound."""
    process = await asyncio.create_subprocess_exec(
        *(ffmpeg(), "-v", "error", "-i", "pipe:", *options, "pipe:"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    return (await process.communicate(wav))[0]


KINDS = {
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


async def answer_with(simulator: Simulator, hear: Hear, kinds: tuple[str, ...]) -> None:
    """Let the server answer the coming requests with sounds of these kinds; None is what was asked for."""
    for sentence, kind in zip(SENTENCES, kinds, strict=True):
        wav = await hear(sentence, preferred_format="wav")
        simulator.fail(Fault(path="*/audio/speech", times=0 if not kind else 1, body=await made(wav, *KINDS[kind])))
    simulator.requests.clear()


RECEIVERS: list[dict[str, Any]] = [{"preferred_format": "mp3"}, {"preferred_format": "wav"}, SATELLITE]


@pytest.mark.parametrize("options", RECEIVERS, ids=["mp3", "wav", "satellite"])
@pytest.mark.parametrize(
    "kinds",
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
async def test_every_word_is_heard(
    simulator: Simulator, hear: Hear, options: dict[str, Any], kinds: tuple[str, ...]
) -> None:
    """Whatever comes in whatever order, the reply is one sound with all its words."""
    simulator.audio_mode = "tones"
    await answer_with(simulator, hear, kinds)
    heard = await hear(reply(), **options)
    sound = await decode_output(heard, options)
    assert len(get_speech_requests(simulator)) == 3
    assert_spoken(sound.samples, RATE, " ".join(SENTENCES))


@pytest.mark.parametrize("options", RECEIVERS, ids=["mp3", "wav", "satellite"])
@pytest.mark.parametrize("body", [b"RIFF\0\0\0\0WAVEjunk", b"\xff\xf3\xc4\xc4" + bytes(20), b"OggS" + bytes(100)])
async def test_sound_without_sound_is_an_error(
    simulator: Simulator, hear: Hear, caplog: pytest.LogCaptureFixture, options: dict[str, Any], body: bytes
) -> None:
    """What begins like sound and holds none ends a reply with an error, and is not played as noise."""
    first = await made(await hear(SENTENCES[0], preferred_format="wav"), *KINDS["mp3 at 24 kHz"])
    simulator.fail(Fault(path="*/audio/speech", body=first), Fault(path="*/audio/speech", body=body))
    await hear(reply(), **options)
    assert "answered with something that is not audio" in caplog.text
